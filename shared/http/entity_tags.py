"""Entity tags: whether a client has what it asks for already."""

import re
from collections.abc import Sequence

# Both scan a text once: a possessive quantifier (`*+`) gives nothing back.
ENTITY_TAG = r'(?:W/)?+"[\x21\x23-\x7e\x80-\xff]*+"'
ENTITY_TAGS = re.compile(rf"[ \t,]*+(?:{ENTITY_TAG}[ \t]*+(?:,[ \t,]*+|\Z))*+")
OPAQUE_TAG = re.compile(r'"[^"]*+"')


def is_among(etag: str, if_none_match: Sequence[str]) -> bool:
    """Whether ``etag`` is one of the lines of an If-None-Match header, by weak comparison (RFC 9110, section 13.1.2).

    Lines mean the same as one line joined by commas (section 5.3). `*` means any, alone; what is no list of entity tags
    means none.
    """
    field = ", ".join(if_none_match).strip(" \t")
    if field == "*":
        return True
    return ENTITY_TAGS.fullmatch(field) is not None and etag in OPAQUE_TAG.findall(field)
