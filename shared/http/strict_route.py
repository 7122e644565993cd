"""A route that asks first who may call it, and reads no more than its signature says.

Nothing twice that it takes once, and no body but JSON. FastAPI takes one of two `?seats=2&seats=3`, parses or hands on
whatever a body says it is, and looks at the caller's token only then.
"""

import re
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, get_args, get_origin

from fastapi import Request, Response, params
from fastapi.dependencies.models import Dependant
from fastapi.dependencies.utils import get_flat_params
from fastapi.routing import APIRoute
from starlette.datastructures import Headers

from shared.errors import FieldError, InvalidInput, UnsupportedCoding, UnsupportedMediaType
from shared.http.authentication import judges
from shared.http.json_bodies import JsonRequest

ONCE = "Give this once."
# A media type (RFC 9110, section 8.3.1): `application/json`, or one that is JSON too (RFC 6839, section 3.1). Each text
# is scanned once: a possessive quantifier (`*+`) gives nothing back.
WORD = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
PARAMETER = re.compile(rf'[ \t]*+;[ \t]*+(?:({WORD}+)=({WORD}+|"(?:[^"\\]|\\.)*+"))?+')
JSON_TYPE = re.compile(rf"application/(?:json|{WORD}\+json)((?:{PARAMETER.pattern})*+)[ \t]*+", re.IGNORECASE)
UTF_8 = frozenset({"utf-8", "utf8", '"utf-8"', '"utf8"'})

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class StrictRoute(APIRoute):
    """Refuses who may not call it (401, 403), then what its signature leaves no room for, before it reads a body."""

    def get_route_handler(self) -> Handler:
        """Return FastAPI's handler behind the checks. It raises InvalidInput or UnsupportedMediaType besides."""
        handle = super().get_route_handler()
        judges_of_caller = list(judges(self.dependant))
        queries = list(_taken_once(self.dependant, params.Query))
        headers = list(_taken_once(self.dependant, params.Header))
        takes_body = self.body_field is not None

        async def check_and_handle(request: Request) -> Response:
            for judge in judges_of_caller:
                await judge(request)
            _require_once(request, queries, headers)
            if takes_body:
                _require_json(request.headers)
                request = JsonRequest(request.scope, request.receive)
            return await handle(request)

        return check_and_handle


def _taken_once(dependant: Dependant, kind: type[params.Param]) -> Iterator[str]:
    """Name the parameters of ``kind`` that are no lists."""
    for field in get_flat_params(dependant):
        if isinstance(field.field_info, kind):
            annotation = field.field_info.annotation
            if list not in {get_origin(part) for part in (annotation, *get_args(annotation))}:
                yield field.alias


def _require_once(request: Request, queries: list[str], headers: list[str]) -> None:
    twice = [f"#/query/{name}" for name in queries if len(request.query_params.getlist(name)) > 1]
    twice += [f"#/header/{name.title()}" for name in headers if len(request.headers.getlist(name)) > 1]
    if twice:
        raise InvalidInput(errors=tuple(FieldError(ONCE, pointer) for pointer in twice))


def _require_json(headers: Headers) -> None:
    """Look at what a body is said to be. Without one there is nothing to judge: the schema says that it is missing."""
    if not headers.get("content-length", "").strip("0") and "transfer-encoding" not in headers:
        return
    codings = [coding.strip(" \t").lower() for coding in ",".join(headers.getlist("content-encoding")).split(",")]
    if not {*codings} <= {"", "identity"}:
        raise UnsupportedCoding
    types = headers.getlist("content-type")
    if len(types) > 1:
        raise InvalidInput.at("#/header/Content-Type", ONCE)
    if not types or not _is_json(types[0]):
        raise UnsupportedMediaType


def _is_json(content_type: str) -> bool:
    media_type = JSON_TYPE.fullmatch(content_type)
    if media_type is None:
        return False
    # JSON has no such parameter (RFC 8259, section 11), yet whoever sends one means it.
    charsets = {value for name, value in PARAMETER.findall(media_type[1].lower()) if name == "charset"}
    return charsets <= UTF_8
