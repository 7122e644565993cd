"""HEAD, OPTIONS and other methods at every address of both services, as bytes."""

from collections.abc import Iterator

import pytest

from tests.fixtures.both_services import SERVICES, STATIC_FILE, BothServices, both_services, methods_by_path
from tests.fixtures.exchange import Answer, assert_problem, exchange, parse
from tests.fixtures.wire import Wire

EACH_PATH = [(service, path, frozenset(m)) for service in SERVICES for path, m in methods_by_path(service).items()]
EACH_GET = [(service, path) for service, path, methods in EACH_PATH if "GET" in methods]
KNOWN = ["PUT", "PATCH", "DELETE"]
UNKNOWN = ["TRACE", "PROPFIND", "QUERY", "LINK", "PURGE", "M-SEARCH"]
OF_EACH_ANSWER = ("date", "x-request-id")


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BothServices]:
    with both_services(tmp_path_factory.mktemp("methods")) as both:
        yield both


def ask(both: BothServices, service: str, method: str, path: str, *lines: str, is_admin: bool = False) -> Answer:
    caller = both.admin if is_admin else both.authorization(service)
    return exchange(both.port(service), method, both.address(path), caller, *lines)


def assert_same_but_for_the_body(head: Answer, get: Answer) -> None:
    assert (head.status, head.body) == (get.status, b"")
    assert head.without(*OF_EACH_ANSWER) == get.without(*OF_EACH_ANSWER)


def test_these_addresses_are_really_all() -> None:
    assert ("booking", "/bookings/{booking_id}") in EACH_GET
    assert ("auth", "/.well-known/jwks.json") in EACH_GET
    assert all((service, path) in EACH_GET for service in SERVICES for path in ("/", "/docs", "/redoc", STATIC_FILE))


@pytest.mark.parametrize(("service", "path"), EACH_GET)
def test_head_is_get_without_its_body(both: BothServices, service: str, path: str) -> None:
    get = ask(both, service, "GET", path, is_admin=path.endswith("/ledger"))
    assert get.status == 200
    assert int(get["Content-Length"]) == len(get.body) > 0
    assert_same_but_for_the_body(ask(both, service, "HEAD", path, is_admin=path.endswith("/ledger")), get)


@pytest.mark.parametrize(
    ("path", "lines", "status"),
    [
        ("/nowhere", (), 404),
        ("/events/999999", (), 404),
        ("/events/x", (), 422),
        ("/events?limit=1&limit=2", (), 422),
        ("/bookings/00000000-0000-7000-8000-000000000000", (), 404),
        ("/events/{event_id}/book", (), 405),
        ("/events/{event_id}", ("If-None-Match: *",), 304),
        ("/bookings/{booking_id}", ("Prefer: wait=0",), 200),
    ],
)
def test_head_answers_whatever_get_would(both: BothServices, path: str, lines: tuple[str, ...], status: int) -> None:
    get = ask(both, "booking", "GET", path, *lines)
    assert get.status == status
    assert_same_but_for_the_body(ask(both, "booking", "HEAD", path, *lines), get)


def test_head_without_a_token_is_unauthenticated(both: BothServices) -> None:
    answer = exchange(both.port("booking"), "HEAD", both.address("/bookings/{booking_id}"))
    assert (answer.status, answer["WWW-Authenticate"], answer.body) == (401, "Bearer", b"")


def test_head_asks_for_no_range(both: BothServices) -> None:
    assert ask(both, "auth", "GET", STATIC_FILE, "Range: bytes=0-9").status == 206
    whole = ask(both, "auth", "GET", STATIC_FILE)
    assert_same_but_for_the_body(ask(both, "auth", "HEAD", STATIC_FILE, "Range: bytes=0-9"), whole)


def test_the_connection_goes_on_after_head(both: BothServices) -> None:
    with Wire(both.port("booking")) as wire:
        wire.send(b"HEAD /events HTTP/1.1\r\nHost: x\r\n\r\nHEAD /docs HTTP/1.1\r\nHost: x\r\n\r\n")
        wire.send(b"GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        heard = wire.read_to_end()
    assert heard.statuses == [200, 200, 200]
    assert heard.text.count(b"\r\n\r\n") == 3
    assert parse(b"HTTP/1.1" + heard.text.rpartition(b"HTTP/1.1")[2]).document["status"] == "ok"


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS"])
def test_where_only_post_is_neither_books_nor_logs_in(both: BothServices, method: str) -> None:
    event = both.address("/events/{event_id}")
    before = exchange(both.port("booking"), "GET", event).body
    for service, path in (("booking", f"{event}/book?seats=1"), ("auth", "/login")):
        answer = ask(both, service, method, path)
        assert (answer.status, answer.body) == (405 if method == "HEAD" else 204, b"")
        assert answer["Allow"] == "OPTIONS, POST"
    assert exchange(both.port("booking"), "GET", event).body == before


def allowed(methods: frozenset[str]) -> str:
    return ", ".join(sorted(methods | {"OPTIONS"} | ({"HEAD"} if "GET" in methods else set())))


@pytest.mark.parametrize(("service", "path", "methods"), EACH_PATH)
def test_options_tells_what_may_be_sent(both: BothServices, service: str, path: str, methods: frozenset[str]) -> None:
    answer = exchange(both.port(service), "OPTIONS", both.address(path))  # anybody may ask
    assert (answer.status, answer.body, answer["Allow"]) == (204, b"", allowed(methods))
    assert answer["X-Request-ID"]
    assert "Content-Length" not in answer


@pytest.mark.parametrize("service", SERVICES)
def test_options_of_the_whole_server_tells_of_all_methods(both: BothServices, service: str) -> None:
    answer = exchange(both.port(service), "OPTIONS", "*")
    expected = dict.fromkeys(SERVICES, "DELETE, GET, HEAD, OPTIONS, PATCH, POST")
    assert (answer.status, answer["Allow"]) == (204, expected[service])


@pytest.mark.parametrize("target", ["/nowhere", "/events/1/nowhere", "/EVENTS", "//", "/events/", "**"])
def test_options_finds_nothing_where_nothing_is(both: BothServices, target: str) -> None:
    answer = exchange(both.port("booking"), "OPTIONS", target)
    assert answer.status in {400, 404}  # 400 for what is no target at all
    assert_problem(answer, answer.status)


@pytest.mark.parametrize(("service", "path", "methods"), EACH_PATH)
def test_a_known_method_that_an_address_lacks_is_told_the_right_ones(
    both: BothServices, service: str, path: str, methods: frozenset[str]
) -> None:
    for method in {"GET", "POST", *KNOWN} - methods:
        answer = ask(both, service, method, path)
        assert_problem(answer, 405)
        assert answer["Allow"] == allowed(methods)


@pytest.mark.parametrize("method", KNOWN)
def test_a_known_method_where_nothing_is_finds_nothing(both: BothServices, method: str) -> None:
    assert_problem(ask(both, "booking", method, "/nowhere"), 404)


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("path", ["/", "/nowhere"])
@pytest.mark.parametrize("method", UNKNOWN)
def test_a_method_that_no_address_knows_is_not_implemented(
    both: BothServices, service: str, path: str, method: str
) -> None:
    answer = ask(both, service, method, path, "X-Secret: needle")
    assert_problem(answer, 501)
    assert b"needle" not in answer.body  # TRACE would repeat the request
