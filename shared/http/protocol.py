"""uvicorn's HTTP/1.1 protocol with what it lacks: bounds, the rules of `framing`, and a way past unwanted upgrades.

httptools accepts a header of any size, a half-sent request would stay open for ever, and a body behind an upgrade that
nobody does would be lost.
"""

import asyncio
from http import HTTPStatus
from typing import Any
from uuid import uuid4

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from shared.errors import MethodNotImplemented, Overloaded, Problem
from shared.http import framing
from shared.http.addresses import unmapped
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
        super().__init__(*args, **kwargs)
        # uvicorn refuses in plain text and without Retry-After; `on_headers_complete` does it in its place.
        self._connections_max, self.limit_concurrency = self.limit_concurrency, None
        self.parser = self._new_parser()
        self._bytes_beside_body = 0
        self._in_header = True
        self._header_bytes = 0
        self._hosts: list[bytes] = []
        self._codings: list[bytes] = []
        # Until when, by the loop's clock, a request must be here; or the next one begin, on an idle connection.
        self._deadline: float | None = None
        self._is_idle = False
        self._alarm: asyncio.TimerHandle | None = None
        self._alarm_at = 0.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        """Start the clock: a connection that says nothing is a slow request."""
        super().connection_made(transport)
        if self.client is not None:
            self.client = (unmapped(self.client[0]), self.client[1])
        self._start_clock(self.request_timeout_seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clock."""
        if self._alarm is not None:
            self._alarm.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Count what arrives beside the body, header or trailers, before and after the parser has seen it."""
        self._bytes_beside_body += len(data)
        if self._in_header and (self._is_idle or self._deadline is None):
            self._start_clock(self.request_timeout_seconds)  # even for an empty line, which begins no request
        try:
            self._parse(data)
        except httptools.HttpParserError as error:
            self.logger.warning("Invalid HTTP request received.")
            self._refuse(framing.refusal(error, data))
        if self._bytes_beside_body > self.header_bytes_max:
            self._refuse(HeaderTooLarge())

    def _parse(self, data: bytes | memoryview) -> None:
        while data:
            try:
                self.parser.feed_data(data)
            except httptools.HttpParserUpgrade as upgrade:
                if self.transport.is_closing():
                    return
                # The parser has passed over the body. It reads the same request once more, as one without an upgrade.
                head = self._head_without_upgrade()
                self.parser = self._new_parser()
                self.parser.feed_data(head)
                data = memoryview(data)[upgrade.args[0] :]
            else:
                return

    def _head_without_upgrade(self) -> bytes:
        method, version = self.parser.get_method(), self.parser.get_http_version()
        return framing.head_without_upgrade(method, self.url, version, self.headers)

    def _new_parser(self) -> httptools.HttpRequestParser:
        parser = httptools.HttpRequestParser(self)
        # What comes behind a `Connection: close` is dropped, and an unknown version is for us to answer.
        parser.set_dangerous_leniencies(lenient_data_after_close=True, lenient_version=True)
        return parser

    def on_message_begin(self) -> None:
        """Start the clock for a further request in the same data."""
        super().on_message_begin()
        self._header_bytes = 0
        self._hosts = []
        self._codings = []
        if self._is_idle or self._deadline is None:
            self._start_clock(self.request_timeout_seconds)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header field without the blanks around it, and note what frames the request."""
        name = name.lower()
        if not self._in_header:
            self._on_trailer(name)
            return
        value = value.rstrip(b" \t")
        self.headers.append((name, value))
        self._header_bytes += len(name) + len(value) + len(b": \r\n")
        if name == b"host":
            self._hosts.append(value)
        elif name == b"transfer-encoding":
            self._codings.append(value)
        elif name == b"expect" and value.lower() == b"100-continue":
            self.expect_100_continue = True

    def _on_trailer(self, name: bytes) -> None:
        # Dropped: nobody here reads one. But the parser would believe some, and read no further request.
        if name in framing.NO_TRAILERS:
            self._refuse(framing.Malformed())

    def on_headers_complete(self) -> None:
        """Judge the header by itself; the data it came in may hold a body too."""
        if self.parser.should_upgrade():
            if self.parser.get_method() == framing.CONNECT:
                self._refuse(MethodNotImplemented())
            return  # it comes again without that
        problem = self._fault()
        if problem is not None:
            self._refuse(problem)
        elif not self.transport.is_closing():
            super().on_headers_complete()
            self._in_header = False
            self._bytes_beside_body = 0

    def _fault(self) -> Problem | None:
        if self._header_bytes + len(self.url) > self.header_bytes_max:
            return HeaderTooLarge()
        if self._connections_max is not None and len(self.connections) >= self._connections_max:
            return Overloaded()
        version = self.parser.get_http_version()
        if version == "1.0":
            self.expect_100_continue = False  # RFC 9110, section 10.1.1
        if not self.url.startswith(b"/") or b"#" in self.url:
            try:
                self.url = framing.without_authority(self.parser.get_method(), self.url)
            except framing.Malformed as malformed:
                return malformed
        return framing.fault(version, self._hosts, self._codings)

    def on_message_complete(self) -> None:
        """Stop the clock: the request is here."""
        if self._in_header:
            return  # refused, or the head of an upgrade, which comes again
        self._deadline = None
        self._in_header = True
        self._bytes_beside_body = 0
        if self.transport.is_closing():
            return
        super().on_message_complete()
        if self.cycle.response_complete:
            self._start_clock(self.timeout_keep_alive, idle=True)  # answered before its body was here

    def on_body(self, body: bytes) -> None:
        """Drop the body of a refused request."""
        self._bytes_beside_body = 0
        if not self.transport.is_closing():
            super().on_body(body)

    def on_response_complete(self) -> None:
        """Go on to the next request as uvicorn does, which has a timer of its own for idle connections."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        elif self._deadline is None:
            self._start_clock(self.timeout_keep_alive, idle=True)

    def _start_clock(self, seconds: float, *, idle: bool = False) -> None:
        self._is_idle = idle
        self._deadline = self.loop.time() + seconds
        # One timer a connection, not one a request. It may ring too early, which costs less than setting it anew.
        if self._alarm is None or self._alarm_at > self._deadline:
            self._set_alarm(self._deadline)

    def _set_alarm(self, moment: float) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm, self._alarm_at = self.loop.call_at(moment, self._on_alarm), moment

    def _on_alarm(self) -> None:
        self._alarm = None
        if self._deadline is None:
            return
        if self.loop.time() < self._deadline:
            self._set_alarm(self._deadline)
        elif self._is_idle:
            self.transport.close()
        elif self._owes_an_answer():
            # To an earlier request that is here whole; the next one waits for that.
            self._start_clock(self.request_timeout_seconds)
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
