"""Where a request ends and for whom it is, by the real server: what is ignored, what is refused, and in which words."""

import json
from collections.abc import Iterator

import pytest

from shared.errors import MethodNotImplemented, Problem
from shared.http.framing import CodingNotImplemented, Malformed, VersionNotSupported
from tests.fixtures.booking_alone import booking_alone
from tests.fixtures.box_office import EVENT, booking_settings, token
from tests.fixtures.hostile import BAD, BARE_LINE_ENDS
from tests.fixtures.processes import System
from tests.fixtures.wire import Wire

LAST = b"GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
FROM_CURL = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n"
NOT_MALFORMED: dict[str, type[Problem]] = {
    "a coding before chunked": CodingNotImplemented,
    "a coding before chunked on a line of its own": CodingNotImplemented,
    "chunked behind a comma": CodingNotImplemented,
    "a tunnel": MethodNotImplemented,
    "a tunnel with a length": MethodNotImplemented,
    "HTTP/2.0": VersionNotSupported,
    "HTTP/3.0": VersionNotSupported,
    "the preface of HTTP/2": VersionNotSupported,
}


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """A booking service."""
    with booking_alone(tmp_path_factory.mktemp("framing")) as system:
        yield system


@pytest.fixture
def wire(system: System) -> Iterator[Wire]:
    """A connection to it; afterwards it must have logged no traceback."""
    with Wire(int(system.environment["BOOKING_PORT"])) as wire:
        yield wire
    assert "Traceback" not in system.log("booking")


def refused(wire: Wire, sent: bytes) -> dict[str, object]:
    """Send it and something good behind it; return the only answer, a problem document."""
    wire.send(sent + LAST)
    heard = wire.read_to_end()
    head, _, body = heard.text.partition(b"\r\n\r\n")
    problem = json.loads(body)
    assert heard.statuses == [problem["status"]]
    assert b"\r\nContent-Type: application/problem+json\r\n" in head
    assert b"\r\nX-Request-ID: " in head
    assert b"\r\nConnection: close" in head
    assert problem["detail"]
    return dict(problem)


@pytest.mark.parametrize("coded", [True, False], ids=["chunks", "a length"])
@pytest.mark.parametrize("asking", [FROM_CURL, b"Connection: upgrade\r\nUpgrade: websocket\r\n", b""])
def test_an_upgrade_costs_a_request_neither_its_body_nor_its_connection(
    wire: Wire, asking: bytes, *, coded: bool
) -> None:
    body = json.dumps(EVENT).encode()
    framed = b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
    if coded:
        framed = b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    fields = b"Host: x\r\nContent-Type: application/json\r\nAuthorization: Bearer %b\r\n"
    bearer = token(booking_settings("sqlite:///never-made.db"), "admin").encode()
    create = b"POST /events HTTP/1.1\r\n" + asking + fields % bearer + framed
    wire.send(create[:-3], create[-3:], create + LAST)
    assert wire.read_to_end().statuses == [201, 201, 200]


@pytest.mark.parametrize("name", BAD | BARE_LINE_ENDS)
def test_what_might_end_elsewhere_is_refused_and_nothing_behind_it_is_read(wire: Wire, name: str) -> None:
    expected = NOT_MALFORMED.get(name, Malformed)
    problem = refused(wire, (BAD | BARE_LINE_ENDS)[name])
    assert (problem["type"], problem["status"]) == (expected().type, expected.status)


@pytest.mark.parametrize(
    "value",
    [
        *(
            b"",
            b" ",
            b":8000",
            b"a b",
            b"a/b",
            b"a@b",
            b"a,b c",
            b"http://a",
            b"a:b",
            b"a:80:80",
            b"%",
            b"%zz",
            b"a\\b",
        ),
        *(
            b"\xe4",
            b"[",
            b"[]",
            b"[::1",
            b"::1",
            b"[:::]",
            b"[::1]x",
            b"[::1%eth0]",
            b"[127.0.0.1]",
            b"a?b",
            b"a#b",
            b'"',
        ),
    ],
)
def test_a_host_that_is_none_is_refused(wire: Wire, value: bytes) -> None:
    refusal = refused(wire, b"GET /health/live HTTP/1.1\r\nHost: " + value + b"\r\n\r\n")
    assert refusal["status"] == 400
    assert "Host" in str(refusal["detail"])


@pytest.mark.parametrize(
    "value",
    [
        *(b"a", b"A.example:", b"127.0.0.1:8002", b"[::1]:8002", b"[2001:db8::7]", b"booking_service:8002"),
        *(b"a.example.", b"xn--strae-oqa.example", b"a,b", b"%C3%A4", b"[::ffff:1.2.3.4]", b"localhost:65536"),
    ],
)
def test_any_host_will_do(wire: Wire, value: bytes) -> None:
    wire.send(b"GET /health/live HTTP/1.1\r\nHost: " + value + b"\r\nConnection: close\r\n\r\n")
    assert wire.read_to_end().statuses == [200]


@pytest.mark.parametrize("host", [b"", b"Host: x\r\n"])
def test_before_http_1_1_a_host_is_not_needed(wire: Wire, host: bytes) -> None:
    wire.send(b"GET /health/live HTTP/1.0\r\n" + host + b"\r\n" + LAST)
    assert wire.read_to_end().statuses == [200]  # and the connection ends, as it did in HTTP/1.0


@pytest.mark.parametrize(
    ("target", "status"),
    [
        (b"http://x/health/live", 200),
        (b"HTTP://other.example:81/health/live?a=b", 200),
        (b"https://[::1]/health/live", 200),
        (b"http://x:/health/live", 200),
        (b"//x/health/live", 404),
        (b"http:///health/live", 400),
        (b"http://x#a", 400),
        (b"http://a:b@x/health/live", 400),
        (b"http://x y/", 400),
        (b"http://[/", 400),
        (b"ftp://x/health/live", 400),
        (b"x:80", 400),
        (b"health/live", 400),
        (b"?a", 400),
        (b"*", 400),
        (b"/health/live#a", 400),
        (b"/health/live?a#b", 400),
        (b"/\xff", 400),
        (b"/\x00", 400),
    ],
)
def test_a_target_is_a_path_or_a_whole_address(wire: Wire, target: bytes, status: int) -> None:
    wire.send(b"GET " + target + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    heard = wire.read_to_end()
    assert heard.statuses == [status]
    assert (b"application/problem+json" in heard.text) == (status != 200)


@pytest.mark.parametrize("target", [b"http://x", b"http://x?a=b"])
def test_an_address_without_a_path_is_the_root(wire: Wire, target: bytes) -> None:
    statuses = []
    for asked in (target, b"/"):
        wire.send(b"GET " + asked + b" HTTP/1.1\r\nHost: x\r\n\r\n")
        statuses.append(wire.read_until(b"}").partition(b"\r\n")[0])
    assert statuses[0] == statuses[1]
    assert b" 400 " not in statuses[0]


def test_the_target_comes_with_a_host_field_all_the_same(wire: Wire) -> None:
    assert refused(wire, b"GET http://x/health/live HTTP/1.1\r\n\r\n")["status"] == 400


@pytest.mark.parametrize("version", [b"0.9", b"2.0", b"2.1", b"3.0", b"9.9"])
def test_a_version_that_is_not_spoken_is_named(wire: Wire, version: bytes) -> None:
    refusal = refused(wire, b"GET /health/live HTTP/" + version + b"\r\nHost: x\r\n\r\n")
    assert (refusal["type"], refusal["status"]) == (VersionNotSupported().type, 505)


@pytest.mark.parametrize("minor", [b"2", b"9"])
def test_a_later_minor_version_is_read_as_the_one_we_speak(wire: Wire, minor: bytes) -> None:
    wire.send(b"GET /health/live HTTP/1." + minor + b"\r\nHost: x\r\n\r\n" + LAST)
    assert wire.read_to_end().statuses == [200, 200]


@pytest.mark.parametrize(
    "version",
    [b"HTTP/1", b"HTTP/11.1", b"HTTP/1.01", b"HTTP/-1.1", b"http/1.1", b"HTTP /1.1", b"HTTPS/1.1", b"HTTP/1.1 "],
)
def test_a_version_that_is_none_is_malformed(wire: Wire, version: bytes) -> None:
    assert refused(wire, b"GET /health/live " + version + b"\r\nHost: x\r\n\r\n")["type"] == Malformed().type


@pytest.mark.parametrize("method", [b"FOO", b"get", b"GETS", b"G", b"F-1.x_y~", b"DESCRIBE", b"PLAY", b"CONNECT"])
@pytest.mark.parametrize("before", [b"", b"\r\n"])
def test_a_method_that_the_parser_does_not_know_is_not_implemented(wire: Wire, before: bytes, method: bytes) -> None:
    target = b"x:80" if method == b"CONNECT" else b"/events"
    refusal = refused(wire, before + method + b" " + target + b" HTTP/1.1\r\nHost: x\r\n\r\n")
    assert (refusal["type"], refusal["status"]) == (MethodNotImplemented().type, 501)


@pytest.mark.parametrize(
    "line", [b"FOO", b"FOO /", b"FOO / HTTP/2", b"F(O / HTTP/1.1", b" GET / HTTP/1.1", b"FOO /\x01 HTTP/1.1"]
)
def test_an_unknown_method_on_a_line_that_is_none_is_malformed(wire: Wire, line: bytes) -> None:
    assert refused(wire, line + b"\r\nHost: x\r\n\r\n")["type"] == Malformed().type


def test_what_cannot_be_read_behind_an_answered_request_is_told_so(wire: Wire) -> None:
    wire.send(b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n")
    wire.read_until(b"ok")
    assert refused(wire, b"GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n")["status"] == 400
