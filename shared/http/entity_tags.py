"""Entity tags: whether a client has what it asks for already."""

import hashlib
import re
from collections.abc import Sequence
from typing import Any

from fastapi import Response

TAG_DIGITS = 32
# For OpenAPI: what a route that answers with `tagged` may answer besides.
NOT_MODIFIED: dict[int | str, dict[str, Any]] = {304: {"description": "As in `If-None-Match`."}}
# Both scan a text once: a possessive quantifier (`*+`) gives nothing back.
ENTITY_TAG = r'(?:W/)?+"[\x21\x23-\x7e\x80-\xff]*+"'
ENTITY_TAGS = re.compile(rf"[ \t,]*+(?:{ENTITY_TAG}[ \t]*+(?:,[ \t,]*+|\Z))*+")
OPAQUE_TAG = re.compile(r'"[^"]*+"')


def tagged(body: bytes, if_none_match: Sequence[str], cache_control: str) -> Response:
    """Answer with ``body``, which is JSON, under a strong tag; 304 without it to whoever has it."""
    etag = f'"{hashlib.sha256(body).hexdigest()[:TAG_DIGITS]}"'
    headers = {"ETag": etag, "Cache-Control": cache_control}
    if is_among(etag, if_none_match):
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers, media_type="application/json")


def is_among(etag: str, if_none_match: Sequence[str]) -> bool:
    """Whether ``etag`` is one of the lines of an If-None-Match header, by weak comparison (RFC 9110, section 13.1.2).

    Lines mean the same as one line joined by commas (section 5.3). `*` means any, alone; what is no list of entity tags
    means none.
    """
    field = ", ".join(if_none_match).strip(" \t")
    if field == "*":
        return True
    return ENTITY_TAGS.fullmatch(field) is not None and etag in OPAQUE_TAG.findall(field)
