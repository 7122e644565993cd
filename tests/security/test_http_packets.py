"""What a request is does not depend on how the network cut it up: every hostile request, cut at every byte."""

import asyncio

import pytest

from tests.fixtures.hostile import BAD, BARE_LINE_ENDS, CHUNKED, GOOD, UPGRADE
from tests.fixtures.recorder import HEADER_BYTES_MAX, Request, feed

NEXT = b"GET /next HTTP/1.1\r\nHost: x\r\n\r\n"
NEXT_REQUEST = Request(b"GET", b"/next", b"")
AGAIN = 3


@pytest.mark.parametrize("name", GOOD)
def test_a_good_request_has_its_body_and_the_next_one_follows_wherever_it_is_cut(name: str) -> None:
    sent, body = GOOD[name]
    method = sent.lstrip().split(b" ")[0]

    async def cut_everywhere() -> None:
        for at in range(1, len(sent + NEXT)):
            recorder, written = await feed([(sent + NEXT)[:at], (sent + NEXT)[at:]])
            assert recorder.requests == [Request(method, b"/hostile", body), NEXT_REQUEST], at
            assert written.text.count(b"HTTP/1.1 200 OK\r\n") == 2, at

    asyncio.run(cut_everywhere())


@pytest.mark.parametrize("name", GOOD)
def test_good_requests_may_come_one_behind_the_other_and_a_byte_at_a_time(name: str) -> None:
    sent, body = GOOD[name]
    stream = (sent + NEXT) * AGAIN
    expected = [Request(sent.lstrip().split(b" ")[0], b"/hostile", body), NEXT_REQUEST] * AGAIN
    for parts in ([stream], [bytes([byte]) for byte in stream]):
        recorder, _ = asyncio.run(feed(parts))
        assert recorder.requests == expected


@pytest.mark.parametrize(
    "head",
    [
        b"POST /hostile HTTP/1.1\r\nHost: x\r\nConnection: close, Upgrade\r\nUpgrade: h2c\r\n",
        b"POST /hostile HTTP/1.0\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n",
    ],
)
def test_an_upgrade_on_a_connection_that_ends_is_the_last_request_wherever_it_is_cut(head: bytes) -> None:
    stream = head + b"Content-Length: 5\r\n\r\nabcde" + NEXT

    async def cut_everywhere() -> None:
        for at in range(1, len(stream)):
            recorder, written = await feed([stream[:at], stream[at:]])
            assert recorder.requests == [Request(b"POST", b"/hostile", b"abcde")], at
            assert written.closed, at

    asyncio.run(cut_everywhere())


@pytest.mark.parametrize("name", BAD | BARE_LINE_ENDS)
def test_a_bad_request_ends_the_connection_unseen_wherever_it_is_cut(name: str) -> None:
    sent = (BAD | BARE_LINE_ENDS)[name]

    async def cut_everywhere() -> None:
        for at in range(1, len(sent + NEXT)):
            recorder, written = await feed([(sent + NEXT)[:at], (sent + NEXT)[at:]])
            assert recorder.requests == [], at
            assert written.closed, at
            assert written.text.split(b" ")[1] in {b"400", b"501", b"505"}, at
            assert b"\r\nConnection: close\r\n" in written.text, at

    asyncio.run(cut_everywhere())


@pytest.mark.parametrize("name", [name for name, sent in BAD.items() if not sent.startswith(CHUNKED)])
def test_what_the_head_forbids_is_never_begun(name: str) -> None:
    # Some of it the parser itself refuses, but only after it has handed the request out.
    recorder, _ = asyncio.run(feed([BAD[name] + NEXT]))
    assert recorder.begun == 0


def test_trailers_of_one_request_are_no_header_of_the_next() -> None:
    sent, _ = GOOD["trailers"]
    recorder, _ = asyncio.run(feed([sent + NEXT]))
    assert [dict(headers) for headers in recorder.headers] == [
        {b"host": b"x", b"transfer-encoding": b"chunked"},
        {b"host": b"x"},
    ]


def test_an_upgrade_is_not_passed_on() -> None:
    sent, _ = GOOD["two upgrades"]
    recorder, _ = asyncio.run(feed([sent]))
    assert b"upgrade" not in dict(recorder.headers[0])


def test_an_upgrade_gets_no_header_past_the_bound() -> None:
    large = UPGRADE + b"X: " + b"x" * HEADER_BYTES_MAX + b"\r\n\r\n"
    recorder, written = asyncio.run(feed([large]))
    assert recorder.begun == 0
    assert written.text.startswith(b"HTTP/1.1 431 ")


def test_blanks_around_a_value_are_no_part_of_it() -> None:
    recorder, _ = asyncio.run(feed([b"GET / HTTP/1.1\r\nHost: x \t\r\nX-Request-ID:\t a b \t \r\n\r\n"]))
    assert recorder.headers == [[(b"host", b"x"), (b"x-request-id", b"a b")]]


def test_an_old_client_is_not_told_to_continue() -> None:
    expecting = b"POST / HTTP/1.%d\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nabcde"
    for minor, continued in ((0, 0), (1, 1)):
        _, written = asyncio.run(feed([expecting % minor]))
        assert written.text.count(b"HTTP/1.1 100 Continue") == continued
