"""uvicorn's HTTP/1.1 protocol with the bounds that it lacks: a header's size and the time a request may take to arrive.

httptools accepts a header of any size, and a half-sent request would stay open for ever.
"""

import asyncio
from http import HTTPStatus
from typing import Any
from uuid import uuid4

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from shared.errors import Overloaded, Problem
from shared.http.problems import problem_body, problem_headers


class Malformed(Problem):
    """What came is not HTTP/1.1."""

    code, status, title = "malformed-request", 400, "The request is not HTTP"
    default_detail = "Send a well-formed HTTP/1.1 request."


class HeaderTooLarge(Problem):
    """The header is larger than REQUEST_HEADER_BYTES_MAX."""

    code, status, title = "header-too-large", 431, "The request header is too large"
    default_detail = "Send fewer or shorter header fields."


class RequestTimedOut(Problem):
    """The request did not arrive whole within REQUEST_TIMEOUT_SECONDS."""

    code, status, title = "request-timeout", 408, "The request did not arrive in time"
    default_detail = "Send the whole request without a pause."


class BoundedProtocol(HttpToolsProtocol):
    """Closes a connection whose request is too large in its header or too slow to arrive."""

    header_bytes_max: int
    request_timeout_seconds: float

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401  uvicorn's own signature
        """Take uvicorn's arguments."""
        super().__init__(*args, **kwargs)
        # uvicorn refuses in plain text and without Retry-After; `on_headers_complete` does it in its place.
        self._connections_max, self.limit_concurrency = self.limit_concurrency, None
        self._bytes_beside_body = 0
        self._in_header = True
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        """Start the clock: a connection that says nothing is a slow request."""
        super().connection_made(transport)
        self._start_clock()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clock."""
        self._stop_clock()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Count what arrives beside the body, header or trailers, before and after the parser has seen it."""
        self._bytes_beside_body += len(data)
        if self._in_header:
            # Even for an empty line, which begins no request: uvicorn stops its own clock at any byte.
            self._start_clock()
        super().data_received(data)
        if self._bytes_beside_body > self.header_bytes_max:
            self._refuse(HeaderTooLarge())

    def on_message_begin(self) -> None:
        """Start the clock for a further request in the same data."""
        super().on_message_begin()
        self._start_clock()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header field; drop a trailer, which nobody here reads and which uvicorn takes for a header field."""
        if self._in_header:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Judge the header by its own size; the data it came in may hold a body too."""
        size = len(self.url) + sum(len(name) + len(value) + len(b": \r\n") for name, value in self.headers)
        if size > self.header_bytes_max:
            self._refuse(HeaderTooLarge())
        elif self._connections_max is not None and len(self.connections) >= self._connections_max:
            self._refuse(Overloaded())
        self._in_header = False
        self._bytes_beside_body = 0
        if not self.transport.is_closing():
            super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Stop the clock: the request is here."""
        self._stop_clock()
        self._in_header = True
        self._bytes_beside_body = 0
        if not self.transport.is_closing():
            super().on_message_complete()

    def on_body(self, body: bytes) -> None:
        """Drop the body of a refused request."""
        self._bytes_beside_body = 0
        if not self.transport.is_closing():
            super().on_body(body)

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002  uvicorn's own signature
        """Answer what the parser cannot read."""
        self._refuse(Malformed())

    def _start_clock(self) -> None:
        if self._deadline is None:
            self._deadline = self.loop.call_later(self.request_timeout_seconds, self._on_deadline)

    def _stop_clock(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _on_deadline(self) -> None:
        self._deadline = None
        if self._owes_an_answer():
            self._start_clock()  # to an earlier request that is here whole; the next one waits for that
        else:
            self._refuse(RequestTimedOut())

    def _owes_an_answer(self) -> bool:
        cycle = self.cycle
        return bool(self.pipeline) or (cycle is not None and not cycle.response_complete and not cycle.more_body)

    def _may_answer(self) -> bool:
        # Anything else would be read as the answer to another request, or as a part of it.
        if self._owes_an_answer():
            return False
        return self.cycle is None or (
            self.cycle.response_complete if self._in_header else not self.cycle.response_started
        )

    def _refuse(self, problem: Problem) -> None:
        if self.transport.is_closing():
            return
        if self._may_answer():
            body = problem_body(problem)
            headers = problem_headers(problem) | {
                "X-Request-ID": uuid4().hex,
                "Content-Length": str(len(body)),
                "Connection": "close",
            }
            lines = [f"HTTP/1.1 {problem.status} {HTTPStatus(problem.status).phrase}"]
            lines += [f"{name}: {value}" for name, value in headers.items()]
            self.transport.write("\r\n".join([*lines, "", ""]).encode() + body)
        self.transport.close()


def bounded_protocol(header_bytes_max: int, request_timeout_seconds: float) -> type[BoundedProtocol]:
    """Return the protocol class with these bounds; uvicorn makes an instance a connection."""
    return type(
        "ConfiguredProtocol",
        (BoundedProtocol,),
        {"header_bytes_max": header_bytes_max, "request_timeout_seconds": request_timeout_seconds},
    )
