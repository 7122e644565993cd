"""What a method means at every address: HEAD is GET without its body, OPTIONS tells what may be sent, others are 501.

The routes name neither HEAD nor OPTIONS, so that OpenAPI describes each operation once.
"""

from collections.abc import Sequence

from fastapi.routing import iter_route_contexts
from starlette.responses import Response
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.errors import MethodNotImplemented, NotFound

# What the routes judge: known, and 405 wherever no route has them (RFC 9110, section 15.5.6).
ROUTED = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE"})
# The server as a whole, for OPTIONS (RFC 9110, section 9.3.7).
ASTERISK = "*"
# Means something to GET alone (RFC 9110, section 14.2).
RANGE_HEADERS = frozenset({b"range", b"if-range"})


def allowed_methods(routes: Sequence[BaseRoute], path: str) -> list[str]:
    """Return what may be sent to ``path``, or to any address for "*"; nothing when no route has its form."""
    found: set[str] = set()
    for route in iter_route_contexts(routes):
        if path == ASTERISK or route.path_regex.match(path):
            found |= route.methods or {"GET"}  # mounted are files only
    if "GET" in found:
        found.add("HEAD")
    return sorted(found | {"OPTIONS"}) if found else []


class OtherMethods:
    """Answers what is not for the routes to judge: HEAD, OPTIONS and methods that nothing here knows."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request. Raises MethodNotImplemented, and NotFound for OPTIONS."""
        if scope["method"] == "HEAD":
            await self._app(_as_get(scope), receive, _without_body(send))
        elif scope["method"] == "OPTIONS":
            await _answer_options(scope, receive, send)
        else:
            raise MethodNotImplemented


def _as_get(scope: Scope) -> Scope:
    headers = [header for header in scope["headers"] if header[0] not in RANGE_HEADERS]
    return {**scope, "method": "GET", "headers": headers}


def _without_body(send: Send) -> Send:
    async def send_without_body(message: Message) -> None:
        await send({**message, "body": b""} if message["type"] == "http.response.body" else message)

    return send_without_body


async def _answer_options(scope: Scope, receive: Receive, send: Send) -> None:
    methods = allowed_methods(scope["app"].routes, scope["path"])
    if not methods:
        raise NotFound
    await Response(status_code=204, headers={"Allow": ", ".join(methods)})(scope, receive, send)
