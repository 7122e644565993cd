"""uvicorn's HTTP/1.1 protocol with the bounds that it lacks: a header's size and the time a request may take to arrive.

httptools accepts a header of any size, and a half-sent request would stay open for ever.
"""

import asyncio
from http import HTTPStatus
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from shared.errors import Problem
from shared.http.problems import problem_body, problem_headers


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
        self._header_bytes = 0
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
        """Count what arrives while a header is incomplete, before and after the parser has seen it."""
        if self._in_header:
            self._header_bytes += len(data)
        super().data_received(data)
        if self._in_header and self._header_bytes > self.header_bytes_max:
            self._refuse(HeaderTooLarge())

    def on_message_begin(self) -> None:
        """Start the clock for a further request on this connection."""
        super().on_message_begin()
        if self._deadline is None:
            self._start_clock()

    def on_headers_complete(self) -> None:
        """Judge the header by its own size; the data it came in may hold a body too."""
        self._in_header = False
        size = len(self.url) + sum(len(name) + len(value) + len(b": \r\n") for name, value in self.headers)
        if size > self.header_bytes_max:
            self._refuse(HeaderTooLarge())
            return
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Stop the clock: the request is here."""
        self._stop_clock()
        self._in_header = True
        self._header_bytes = 0
        if self.cycle is not None:
            super().on_message_complete()

    def on_body(self, body: bytes) -> None:
        """Drop the body of a refused request."""
        if not self.transport.is_closing():
            super().on_body(body)

    def _start_clock(self) -> None:
        self._deadline = self.loop.call_later(self.request_timeout_seconds, self._on_deadline)

    def _stop_clock(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _on_deadline(self) -> None:
        self._deadline = None
        if self.cycle is not None and self.cycle.response_started:
            self.transport.close()
        else:
            self._refuse(RequestTimedOut())

    def _refuse(self, problem: Problem) -> None:
        if self.transport.is_closing():
            return
        body = problem_body(problem)
        headers = problem_headers(problem) | {"Content-Length": str(len(body)), "Connection": "close"}
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
