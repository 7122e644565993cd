"""What the real server does with connections that no client library would make: bounded, answered or closed."""

import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.fixtures.booking_alone import booking_alone
from tests.fixtures.box_office import EVENT, bearer, booking_settings, token
from tests.fixtures.processes import System
from tests.fixtures.servers import wait_until
from tests.fixtures.wire import Wire

REQUEST_SECONDS = 1
# A busy machine may be late by a lot; a connection that nobody closes would be later still.
PATIENCE_SECONDS = 10
KEEP_ALIVE_SECONDS = 3
CONNECTIONS_MAX = 50

GET = b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n"
LAST_GET = b"GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
# Made when the file is read, and good for as long as the longest run.
ADMIN = token(booking_settings("sqlite:///never-made.db"), "admin", lifetime_seconds=86_400).encode()
POST = b"POST /events HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nAuthorization: Bearer %b\r\n" % ADMIN
OK = b'"status":"ok"'


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """A booking service that is quick to lose its patience."""
    with booking_alone(
        tmp_path_factory.mktemp("limits"),
        REQUEST_TIMEOUT_SECONDS=REQUEST_SECONDS,
        KEEP_ALIVE_SECONDS=KEEP_ALIVE_SECONDS,
        CONNECTIONS_MAX=CONNECTIONS_MAX,
    ) as system:
        yield system


@pytest.fixture
def wire(system: System) -> Iterator[Wire]:
    """A connection to it; afterwards it must still answer, and have logged no traceback."""
    port = int(system.environment["BOOKING_PORT"])
    with Wire(port) as wire:
        yield wire
    with Wire(port) as after:
        after.send(LAST_GET)
        assert after.read_to_end().statuses == [200]
    assert "Traceback" not in system.log("booking")


def header_of(size: int) -> bytes:
    return b"GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX: " + b"x" * size + b"\r\n\r\n"


def assert_closed_in_time(wire: Wire) -> None:
    heard = wire.read_to_end()
    assert heard.seconds < REQUEST_SECONDS + PATIENCE_SECONDS
    assert heard.statuses in ([], [408])


def test_a_large_header_within_the_bound_is_read(wire: Wire) -> None:
    wire.send(header_of(15_000))
    assert wire.read_to_end().statuses == [200]


@pytest.mark.parametrize("size", [16_385, 60_000, 1_000_000])
def test_a_header_over_the_bound_is_refused(wire: Wire, size: int) -> None:
    wire.send(header_of(size))
    assert wire.read_to_end().statuses in ([431], [])  # [] when our unread bytes reset the connection first


def test_the_refusal_of_a_header_is_a_problem_document(wire: Wire) -> None:
    wire.send(header_of(16_500))
    text = wire.read_to_end().text.lower()
    assert b"content-type: application/problem+json" in text
    assert b"x-request-id: " in text
    assert b"connection: close" in text


@pytest.mark.parametrize("line", [b"X-%d: y\r\n", b"x"])
def test_a_header_over_the_bound_is_refused_though_it_comes_in_drips(wire: Wire, line: bytes) -> None:
    drip = b"".join(line % n if b"%" in line else line * 10 for n in range(100))
    wire.send(b"GET / HTTP/1.1\r\nHost: x\r\n" if b"%" in line else b"GET / HTTP/1.1\r\nX: ")
    while wire.send(drip):
        pass  # ends when the server has closed, which the test's time limit demands
    assert wire.read_to_end().statuses in ([431], [])


def test_a_path_over_the_bound_is_refused(wire: Wire) -> None:
    wire.send(b"GET /" + b"x" * 20_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n")
    assert wire.read_to_end().statuses in ([431], [])


def test_trailers_over_the_bound_end_the_connection(wire: Wire) -> None:
    # Trailers are header fields too, and the parser keeps them all.
    wire.send(POST + b"Transfer-Encoding: chunked\r\n\r\n0\r\n")
    started_at, sent = time.monotonic(), 0
    while sent < 4_000_000 and wire.send(b"T: " + b"x" * 10_000 + b"\r\n"):
        sent += 10_000
    assert sent < 4_000_000
    assert time.monotonic() - started_at < PATIENCE_SECONDS


@pytest.mark.parametrize(
    "beginning",
    [
        b"",
        b"\r\n",
        b"G",
        b"GET / HTTP/1.1\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ",
        POST + b"Content-Length: 10\r\n\r\n",
        POST + b"Content-Length: 10\r\n\r\n123",
        POST + b"Transfer-Encoding: chunked\r\n\r\n5\r\nabc",
        POST + b"Transfer-Encoding: chunked\r\n\r\n0\r\nTrailer: ",
        POST + b"Content-Length: 10\r\nExpect: 100-continue\r\n\r\n",
    ],
)
def test_a_request_that_never_ends_is_closed(wire: Wire, beginning: bytes) -> None:
    wire.send(beginning)
    heard = wire.read_to_end()
    assert heard.seconds < REQUEST_SECONDS + PATIENCE_SECONDS
    # A body that does not come to a route which does not want it is answered before it is closed.
    assert [status for status in heard.statuses if status != 100] in ([], [408], [401], [422])


def test_a_request_that_comes_a_byte_at_a_time_is_closed(wire: Wire) -> None:
    started_at = time.monotonic()
    while wire.send(b"G" if time.monotonic() == started_at else b"E") and time.monotonic() - started_at < 30:
        time.sleep(0.05)
    assert time.monotonic() - started_at < REQUEST_SECONDS + PATIENCE_SECONDS


@pytest.mark.parametrize("more", [b"", b"\r\n", b"\n", b"GET", b"GET / HTTP/1.1\r\nHost: x\r\n"])
def test_a_connection_is_closed_when_no_further_request_comes(wire: Wire, more: bytes) -> None:
    wire.send(GET)
    wire.read_until(OK)
    wire.send(more)
    assert wire.read_to_end().seconds < KEEP_ALIVE_SECONDS + PATIENCE_SECONDS


def test_a_connection_is_closed_when_a_body_comes_behind_its_answer_and_then_nothing(wire: Wire) -> None:
    wire.send(b"GET /health/live HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n12345")
    wire.read_until(OK)
    wire.send(b"67890")
    heard = wire.read_to_end()
    assert (heard.statuses, heard.seconds < KEEP_ALIVE_SECONDS + PATIENCE_SECONDS) == ([], True)


def test_a_request_behind_a_body_behind_its_answer_has_the_time_of_a_request(wire: Wire) -> None:
    wire.send(b"GET /health/live HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n12345")
    wire.read_until(OK)
    wire.send(b"67890GET / HTTP/1.1\r\n")
    assert wire.read_to_end().statuses == [408]


def test_a_connection_serves_many_requests(wire: Wire) -> None:
    for _ in range(20):
        wire.send(GET)
        wire.read_until(OK)


def test_a_connection_outlives_the_time_of_one_request_while_it_is_used(wire: Wire) -> None:
    until = time.monotonic() + 2.5 * REQUEST_SECONDS
    while time.monotonic() < until:
        wire.send(GET)
        wire.read_until(OK)
        time.sleep(0.2)


def test_a_slow_request_has_its_whole_time_whatever_came_before_it(wire: Wire) -> None:
    wire.send(GET)
    wire.read_until(OK)
    time.sleep(0.7 * REQUEST_SECONDS)
    started_at = time.monotonic()
    wire.send(b"GET / HTTP/1.1\r\n")
    assert wire.read_to_end().statuses == [408]
    assert time.monotonic() - started_at >= 0.9 * REQUEST_SECONDS


def test_pipelined_requests_are_all_answered_in_order(wire: Wire) -> None:
    wire.send(GET + b"GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n" + GET + LAST_GET)
    assert wire.read_to_end().statuses == [200, 404, 200, 200]


def test_many_small_pipelined_requests_are_no_large_header(wire: Wire) -> None:
    wire.send(GET * 1_000 + LAST_GET)
    assert wire.read_to_end().statuses == [200] * 1_001


def test_the_body_of_one_request_does_not_count_as_the_header_of_the_next(wire: Wire) -> None:
    body = POST + b"Content-Length: 30000\r\n\r\n" + b"x" * 30_000
    wire.send(body + body + LAST_GET)
    assert wire.read_to_end().statuses == [422, 422, 200]


@pytest.mark.parametrize("framing", [b"Content-Length: 70000\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n11170\r\n"])
def test_a_body_over_the_bound_is_refused(wire: Wire, framing: bytes) -> None:
    wire.send(POST + framing, b"x" * 70_000)
    assert b"HTTP/1.1 413 " in wire.read_until(b"payload-too-large")


@pytest.mark.parametrize(
    "request_bytes",
    [
        POST + b"Content-Length: " + b"9" * 5_000 + b"\r\n\r\n",
        POST + b"Transfer-Encoding: chunked\r\n\r\nZZ\r\n",
        POST + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
        POST + b"Bad Name: x\r\n\r\n",
        b"\n\n\n\x00\x01garbage\n\n",
        b"GET /\n\n",
        b"GET /\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n",
    ],
)
def test_what_is_not_http_is_refused_and_closed(wire: Wire, request_bytes: bytes) -> None:
    wire.send(request_bytes)
    heard = wire.read_to_end()
    assert len(heard.statuses) == 1
    assert heard.statuses[0] in {400, 408, 431}
    assert b"application/problem+json" in heard.text
    assert b"x-request-id: " in heard.text.lower()
    assert heard.seconds < REQUEST_SECONDS + PATIENCE_SECONDS


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GET /events?cursor=\xff HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"GET /events?limit=\xff\xfe HTTP/1.1\r\nHost: [\r\nConnection: close\r\n\r\n",
        b"GET /events/?\xff HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"GET /events/%00 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"GET /bookings/%ed%a0%80 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"GET /static-offline-docs/../../etc/passwd HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"GET /static-offline-docs/%2e%2e/%2e%2e/etc/passwd HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"GET /static-offline-docs/%00 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    ],
)
def test_strange_requests_are_the_callers_mistake(wire: Wire, request_bytes: bytes) -> None:
    wire.send(request_bytes)
    (status,) = wire.read_to_end().statuses
    assert 400 <= status < 500


@pytest.fixture
def long_poll(system: System) -> bytes:
    """A request that takes twice as long to answer as a request may take to arrive."""
    settings = booking_settings("sqlite:///never-made.db")
    url = system.booking_url
    event = system.http.post(f"{url}/events", json=EVENT, headers=bearer(settings, "admin")).json()["event_id"]
    booking = system.http.post(f"{url}/events/{event}/book?seats=1", headers=bearer(settings)).headers["Location"]
    wait = f"Prefer: wait={2 * REQUEST_SECONDS}\r\nAuthorization: Bearer {token(settings)}"
    return f"GET {booking} HTTP/1.1\r\nHost: x\r\n{wait}\r\n\r\n".encode()


@pytest.mark.parametrize(
    "more", [b"", b"\r\n", b"GET / HTTP/1.1\r\nHost: x\r\nX: unfinish", POST + b"Content-Length: 9\r\n\r\n"]
)
def test_a_slow_answer_is_not_cut_short_by_what_comes_behind_its_request(
    wire: Wire, long_poll: bytes, more: bytes
) -> None:
    wire.send(long_poll, more)
    assert wire.read_until(b"pending").startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("bad", [b"\x00\r\n\r\n", header_of(20_000)])
def test_a_refusal_is_never_taken_for_the_answer_to_an_earlier_request(
    wire: Wire, long_poll: bytes, bad: bytes
) -> None:
    wire.send(long_poll, bad)
    assert wire.read_to_end().statuses == []


def ask(port: int) -> bytes:
    with Wire(port) as wire:
        wire.send(LAST_GET)
        return wire.read_to_end().text.lower()


def test_connections_over_the_bound_are_told_to_come_back(system: System) -> None:
    port = int(system.environment["BOOKING_PORT"])
    with ExitStack() as connections:
        for _ in range(CONNECTIONS_MAX):
            connections.enter_context(Wire(port))
        wait_until(lambda: ask(port).startswith(b"http/1.1 503 "), "one too many is refused")
        refusal = ask(port)
    assert b"retry-after: " in refusal
    assert b"application/problem+json" in refusal
    wait_until(lambda: ask(port).startswith(b"http/1.1 200 "), "the service answers again")
