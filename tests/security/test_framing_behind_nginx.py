"""No bytes are one request to nginx and another to us: hostile ones, and thousands like them, go to us by both ways.

`make test` always sends the same ones; `FRAMING_EXAMPLES=20000` looks for others, and longer.
"""

import json
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import h11
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.errors import MethodNotImplemented, Problem
from shared.http.framing import CodingNotImplemented, Malformed, VersionNotSupported
from shared.http.problems import problem_body
from shared.http.protocol import HeaderTooLarge
from tests.fixtures.hostile import BAD, BARE_LINE_ENDS, GOOD, SMUGGLED
from tests.fixtures.recorder import Recorder, Request, recording
from tests.fixtures.reverse_proxy import reverse_proxy
from tests.fixtures.servers import wait_until
from tests.fixtures.wire import Heard, Wire

EXAMPLES_ALWAYS = 2_000
EXAMPLES = int(os.environ.get("FRAMING_EXAMPLES", EXAMPLES_ALWAYS))
PATIENCE_SECONDS = 5
PROXY_LOG = (
    '{"id": "$request_id", "method": "$request_method", "target": "$request_uri", "body": "$request_body",'
    ' "passed": "$upstream_addr", "status": "$status"}'
)
REQUEST_LINE = re.compile(rb"\A(\S+) +(\S+) +(?=HTTP/)")
AUTHORITY = re.compile(rb"\Ahttps?://[^/?]*", re.IGNORECASE)
NEXT = b"GET /next HTTP/1.1\r\nHost: x\r\n\r\n"
LAST = b"GET /last HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
BEHIND = [Request(b"GET", b"/next", b""), Request(b"GET", b"/last", b"")]


class Both:
    """Our protocol by itself, and a second one behind nginx."""

    def __init__(self, direct: Recorder, behind: Recorder, proxy_port: int, log: Path) -> None:
        self.direct = direct
        self.behind = behind
        self.proxy_port = proxy_port
        self.log = log

    def heard(self, parts: Sequence[bytes]) -> Heard:
        """Send ``parts`` straight to ours; wait until it has closed."""
        self.direct.requests.clear()
        return _send(self.direct.port, parts)

    def heard_through_nginx(self, parts: Sequence[bytes]) -> Heard:
        """Send ``parts`` to ours through nginx."""
        self.behind.requests.clear()
        return _send(self.proxy_port, parts)

    def passed(self) -> dict[bytes, Request]:
        """All that nginx has ever passed to ours and had answered well, as it understood it, by its X-Request-ID."""
        lines = [json.loads(line) for line in self.log.read_text("latin-1").splitlines()]
        return {
            line["id"].encode(): Request(*(_raw(line[part]) for part in ("method", "target", "body")))
            for line in lines
            if line["passed"] and line["status"] == "200"
        }


def _raw(logged: str) -> bytes:
    return logged.encode("latin-1")


def _send(port: int, parts: Sequence[bytes]) -> Heard:
    with Wire(port) as wire:
        wire.send(*parts)
        return wire.read_to_end()


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    """Both servers; in the end, ours must have seen through nginx what nginx says that it passed on, and no more."""
    folder = tmp_path_factory.mktemp("framing")
    log = folder / "access.log"
    changes = [
        (r"access_log off;", f"log_format framing escape=json '{PROXY_LOG}'; access_log {log} framing;"),
        (r"client_header_timeout \w+;", f"client_header_timeout {PATIENCE_SECONDS}s;"),
        (
            r"client_body_timeout \w+;",
            f"client_body_timeout {PATIENCE_SECONDS}s; lingering_timeout {PATIENCE_SECONDS}s;",
        ),
    ]
    with recording(PATIENCE_SECONDS) as direct, recording(PATIENCE_SECONDS) as behind:
        port = str(behind.port)
        with reverse_proxy(folder, [port], [port], changes) as url:
            both = Both(direct, behind, int(url.rpartition(":")[2]), log)
            yield both
            wait_until(lambda: behind.by_id.keys() <= both.passed().keys(), "nginx has written its log")
        assert both.passed() == behind.by_id


def framed_by_the_standard(stream: bytes) -> list[Request]:
    """What RFC 9112 makes of ``stream``, in the reading of another parser, up to where that gives up."""
    found: list[Request] = []
    keeps_alive = True
    while keeps_alive:
        connection = h11.Connection(h11.SERVER)
        # Empty lines before it (section 2.2) and more than one blank (section 3) are not to that parser's taste.
        connection.receive_data(REQUEST_LINE.sub(rb"\1 \2 ", stream.lstrip(b"\r\n")))
        try:
            head = connection.next_event()
            if not isinstance(head, h11.Request):
                break
            body = b""
            while isinstance(event := connection.next_event(), h11.Data):
                body += event.data
        except h11.ProtocolError:
            break
        if not isinstance(event, h11.EndOfMessage):
            break
        found.append(Request(head.method, head.target, body))
        keeps_alive = connection.their_state is not h11.MUST_CLOSE
        stream = connection.trailing_data[0]
    return found


def without_authority(request: Request) -> Request:
    path = AUTHORITY.sub(b"", request.target)
    return request._replace(target=path if path.startswith((b"/", b"*")) else b"/" + path)


def check(both: Both, parts: Sequence[bytes]) -> None:
    """Send ``parts`` both ways, and a good request behind them."""
    heard = both.heard(parts)
    direct = list(both.direct.requests)
    both.heard_through_nginx(parts)
    behind = list(both.behind.requests)

    standard = [without_authority(request) for request in framed_by_the_standard(b"".join(parts))]
    assert direct == standard[: len(direct)]
    answers = [status for status in heard.statuses if status != 100]
    # What is refused in the packet of a good request closes the connection before that one is answered.
    good = answers.count(200)
    assert good <= len(direct)
    assert answers[:good] == [200] * good
    assert len(answers) <= good + 1
    length = min(len(direct), len(behind))
    assert behind[:length] == direct[:length]


@pytest.mark.parametrize("name", GOOD)
def test_what_is_good_is_the_same_by_both_ways(both: Both, name: str) -> None:
    sent, body = GOOD[name]
    expected = [Request(sent.lstrip().split(b" ")[0], b"/hostile", body), *BEHIND]
    check(both, [sent + NEXT + LAST])
    assert both.direct.requests == expected
    assert both.behind.requests == expected


@pytest.mark.parametrize("name", BAD | BARE_LINE_ENDS)
def test_what_is_bad_is_nowhere_two_requests(both: Both, name: str) -> None:
    check(both, [(BAD | BARE_LINE_ENDS)[name] + NEXT + LAST])
    assert both.direct.requests == []
    assert {request.target for request in both.behind.requests} <= {b"/hostile", b"/next", b"/last"}


@pytest.mark.parametrize(
    ("sent", "problem"),
    [
        (BAD["two lengths"], Malformed()),
        (BAD["no host"], Malformed()),
        (BAD["a handshake of TLS"], Malformed()),
        (BAD["a coding before chunked"], CodingNotImplemented()),
        (BAD["HTTP/2.0"], VersionNotSupported()),
        (b"TRACE / HTTP/1.1\r\nHost: x\r\n\r\n", MethodNotImplemented()),
        (b"CONNECT / HTTP/1.1\r\nHost: x\r\n\r\n", MethodNotImplemented()),
        (b"GET /" + b"x" * 30_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", HeaderTooLarge()),
    ],
)
def test_what_nginx_refuses_by_itself_it_refuses_in_our_words(both: Both, sent: bytes, problem: Problem) -> None:
    heard = both.heard_through_nginx([sent])
    head, _, body = heard.text.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % problem.status)
    assert json.loads(body) == json.loads(problem_body(problem))
    for field in (b"Content-Type: application/problem+json", b"Cache-Control: no-store", b"X-Request-ID: "):
        assert b"\r\n" + field in head
    assert both.behind.requests == []


def test_an_old_client_without_a_host_is_served_through_nginx_too(both: Both) -> None:
    heard = both.heard_through_nginx([b"GET /hostile HTTP/1.0\r\n\r\n"])
    assert heard.statuses == [200]


HOSTILE = st.sampled_from([sent for sent, _ in GOOD.values()]) | st.sampled_from([*(BAD | BARE_LINE_ENDS).values()])
PIECES = st.sampled_from(
    [
        *(b"\r\n", b"\n", b"\r", b" ", b"\t", b":", b",", b";", b"0", b"1", b"\x00", b"\x0b", b"\x7f", b"\xff", b'"'),
        *(b"Transfer-Encoding: chunked\r\n", b"Content-Length: 5\r\n", b"Content-Length: 0\r\n", b"Host: x\r\n"),
        *(b"Connection: Upgrade\r\n", b"Upgrade: h2c\r\n", b"Connection: close\r\n", b"Connection: keep-alive\r\n"),
        *(b"0\r\n\r\n", b"5\r\nabcde\r\n", b"chunked", b"HTTP/1.0", b"HTTP/1.1", b"POST ", b"\r\n\r\n", SMUGGLED[:5]),
    ]
)


@st.composite
def changed(draw: st.DrawFn) -> bytes:
    """Draw a hostile request in which a few bytes are left out, doubled or put in."""
    text = draw(HOSTILE)
    for _ in range(draw(st.integers(1, 3))):
        begin = draw(st.integers(0, len(text)))
        end = min(len(text), begin + draw(st.integers(0, 3)))
        text = text[:begin] + draw(PIECES) + text[end:]
    return text


FIELDS = st.sampled_from(
    [
        *(b"Host: x", b"Connection: close", b"Connection: keep-alive", b"Connection: Upgrade", b"Upgrade: h2c"),
        *(b"Transfer-Encoding: chunked", b"Transfer-Encoding: Chunked ", b"Transfer-Encoding: identity"),
        *(b"Transfer-Encoding: gzip, chunked", b"Transfer-Encoding:\tchunked", b"Transfer_Encoding: chunked"),
        *(
            b"Content-Length: 0",
            b"Content-Length: 5",
            b"Content-Length: 35",
            b"Content-Length: 05",
            b"Content_Length: 5",
        ),
        *(b"Expect: 100-continue", b"TE: trailers", b"Trailer: X", b"Content-Length : 5", b"X: a\r\n b"),
    ]
)
BODIES = st.sampled_from(
    [b"", b"abcde", SMUGGLED, b"5\r\nabcde\r\n", b"5;x\r\nabcde\r\n", b"0\r\n\r\n", b"0\r\nX: a\r\n\r\n"]
)
LINES = st.sampled_from(
    [
        *(b"POST /hostile HTTP/1.1", b"GET /hostile HTTP/1.1", b"POST http://other:80/hostile HTTP/1.1"),
        *(b"POST /hostile HTTP/1.0", b"PUT /hostile HTTP/1.2", b"HEAD /hostile HTTP/1.1"),
    ]
)


@st.composite
def assembled(draw: st.DrawFn) -> bytes:
    """Draw a request from fields that say where it ends, and from what may stand there."""
    fields = draw(st.lists(FIELDS, max_size=5))
    head = b"\r\n".join([draw(LINES), b"Host: x", *fields, b"", b""])
    return head + b"".join(draw(st.lists(BODIES, max_size=3)))


@given(text=changed() | assembled(), at=st.integers(1, 400))
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=EXAMPLES == EXAMPLES_ALWAYS,
    suppress_health_check=list(HealthCheck),
    database=None,
)
def test_what_is_nearly_one_of_them_is_the_same_by_both_ways(both: Both, text: bytes, at: int) -> None:
    stream = text + NEXT + LAST
    check(both, [part for part in (stream[:at], stream[at:]) if part])
