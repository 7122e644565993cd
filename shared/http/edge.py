"""The outermost layer of both services, plain ASGI: request ids, bounded bodies, methods, and what nobody caught."""

import asyncio
import logging
import os
import re
from collections.abc import Sequence

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.errors import InternalError, PayloadTooLarge, Problem, Unavailable
from shared.http.framing import body_length
from shared.http.methods import ROUTED, OtherMethods
from shared.http.problems import problem_response
from shared.logging import request_id

log = logging.getLogger(__name__)

REQUEST_ID = b"x-request-id"
REQUEST_ID_BYTES = 16  # of those that are made here, and written in hexadecimal
REQUEST_ID_PATTERN = re.compile(rb"[A-Za-z0-9._-]{1,128}")


class Edge:
    """Gives each response an X-Request-ID, refuses bodies over a bound with 413 and turns bugs into a bare 500."""

    def __init__(self, app: ASGIApp, body_bytes_max: int) -> None:
        self._app = app
        self._other_methods = OtherMethods(app)
        self._body_bytes_max = body_bytes_max

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        identifier = headers.get(REQUEST_ID)
        # Mostly no name comes twice, and the lines need not be gone through.
        repeated = len(headers) < len(scope["headers"]) and _comes_again(REQUEST_ID, scope["headers"])
        if identifier is None or repeated or not REQUEST_ID_PATTERN.fullmatch(identifier):
            identifier = os.urandom(REQUEST_ID_BYTES).hex().encode()
        request_id.set(identifier.decode())
        started = False

        async def send_with_id(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                message["headers"] = [*message["headers"], (REQUEST_ID, identifier)]
            await send(message)

        # Not a layer between the two: a booking would pay for it.
        app = self._app if scope["method"] in ROUTED else self._other_methods
        problem: Problem
        try:
            await app(scope, self._bounded(headers, receive), send_with_id)
        except Problem as known:
            problem = known
        except asyncio.CancelledError:  # by the server, which is told to end and has waited for SHUTDOWN_SECONDS
            problem = Unavailable()
        except Exception:
            log.exception("a bug: %s %s", scope["method"], scope["path"])
            problem = InternalError()
        else:
            return
        if not started:
            await problem_response(problem)(scope, receive, send_with_id)

    def _bounded(self, headers: dict[bytes, bytes], receive: Receive) -> Receive:
        if b"content-length" not in headers and b"transfer-encoding" not in headers:
            return receive  # without either there is no body (RFC 9112, section 6.3)
        declared = headers.get(b"content-length", b"0")
        if declared != b"0" and body_length(declared) > self._body_bytes_max:
            raise PayloadTooLarge  # also when nobody would read it
        received = 0

        async def receive_counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self._body_bytes_max:
                raise PayloadTooLarge
            return message

        return receive_counted


def _comes_again(name: bytes, lines: Sequence[tuple[bytes, bytes]]) -> bool:
    return sum(line[0] == name for line in lines) > 1
