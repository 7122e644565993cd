"""Who may do what at the booking service, and what every answer carries whoever asks."""

import time
from collections.abc import Callable, Iterator

import pytest
from fastapi.testclient import TestClient
from jose import jwt

from booking_service.settings import BookingSettings
from shared.identity.jwk import hmac_key
from shared.identity.tokens import TokenRules, TokenSigner
from tests.fixtures.box_office import (
    EVENT,
    SECRET,
    assert_problem,
    bearer,
    booking_settings,
    migrated_sqlite,
    running,
    token,
)

Headers = list[tuple[str, str]]

# RFC 6750, section 3.1: which of the two it was, the caller is told.
NO_TOKEN = "Bearer"
INVALID_TOKEN = 'Bearer error="invalid_token"'


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> BookingSettings:
    return booking_settings(migrated_sqlite(tmp_path_factory.mktemp("booking")))


@pytest.fixture(scope="module")
def client(settings: BookingSettings) -> Iterator[TestClient]:
    with running(settings) as client:
        yield client


@pytest.fixture(scope="module")
def event(client: TestClient, settings: BookingSettings) -> int:
    return int(client.post("/events", json=EVENT, headers=bearer(settings, "admin")).json()["event_id"])


def signed(secret: str = SECRET, algorithm: str = "HS256", typ: str = "at+jwt", **changes: object) -> str:
    now = int(time.time())
    claims: dict[str, object] = {"iss": "http://localhost:8001", "aud": "event-booking", "sub": "a@example.com"}
    claims |= {"exp": now + 600, "iat": now, "jti": "1", "uid": 1, "role": "admin", **changes}
    kept = {name: value for name, value in claims.items() if value is not ...}
    return jwt.encode(kept, secret, algorithm=algorithm, headers={"typ": typ})


BAD_TOKENS: dict[str, Callable[[], str]] = {
    "one word": lambda: "x",
    "three empty parts": lambda: "..",
    "8 KB": lambda: signed(padding="x" * 6_000),
    "a header of a thousand brackets": lambda: "[" * 1_000 + ".e30.AA",
    "alg none": lambda: "eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0.e30.",
    "HS512": lambda: signed(algorithm="HS512"),
    "another secret": lambda: signed(secret="another secret of thirty-two characters"),
    "a cut signature": lambda: signed()[:-3],
    "typ JWT": lambda: signed(typ="JWT"),
    "expired": lambda: signed(exp=int(time.time()) - 60),
    "no exp": lambda: signed(exp=...),
    "another audience": lambda: signed(aud="another"),
    "another issuer": lambda: signed(iss="https://evil.example"),
    "an unknown role": lambda: signed(role="root"),
    "no uid": lambda: signed(uid=...),
    "a uid that is an address": lambda: signed(uid="a@example.com"),
    "a uid that no row has": lambda: signed(uid=2**63),
}
GUARDED = [
    ("POST", "/events"),
    ("PATCH", "/events/1"),
    ("DELETE", "/events/1"),
    ("POST", "/events/1/book?seats=1"),
    ("GET", "/bookings/1"),
    ("PATCH", "/bookings/1"),
    ("DELETE", "/bookings/1"),
    ("POST", "/bookings/1/confirm"),
]


def assert_challenged(
    client: TestClient, method: str, address: str, headers: Headers, challenge: str = INVALID_TOKEN
) -> None:
    body = EVENT if address == "/events" else None
    answer = client.request(method, address, headers=headers, json=body)
    assert_problem(answer, 401)
    assert answer.headers["WWW-Authenticate"] == challenge


def test_the_forger_of_these_tests_can_make_a_good_token(client: TestClient) -> None:
    answer = client.post("/events", json=EVENT, headers={"Authorization": f"Bearer {signed()}"})
    assert answer.status_code == 201


@pytest.mark.parametrize(("method", "address"), GUARDED)
@pytest.mark.parametrize("name", BAD_TOKENS)
def test_a_bad_token_is_challenged(client: TestClient, method: str, address: str, name: str) -> None:
    assert_challenged(client, method, address, [("Authorization", f"Bearer {BAD_TOKENS[name]()}")])


@pytest.mark.parametrize(("method", "address"), GUARDED)
def test_no_authorization_is_challenged(client: TestClient, method: str, address: str) -> None:
    assert_challenged(client, method, address, [], NO_TOKEN)


def test_two_authorizations_are_challenged_even_when_both_are_good(client: TestClient) -> None:
    good = ("Authorization", f"Bearer {signed()}")
    assert_challenged(client, "POST", "/events", [good, good], NO_TOKEN)


@pytest.mark.parametrize("scheme", ["Basic", "Token", "Bearer2", ""])
def test_another_scheme_is_challenged(client: TestClient, scheme: str) -> None:
    assert_challenged(client, "POST", "/events", [("Authorization", f"{scheme} {signed()}")], NO_TOKEN)


def test_the_scheme_may_be_written_in_any_case(client: TestClient) -> None:
    assert client.post("/events", json=EVENT, headers={"Authorization": f"bEARER {signed()}"}).status_code == 201


def test_a_token_that_was_good_is_challenged_once_it_has_ended(client: TestClient, settings: BookingSettings) -> None:
    # Signed as of an hour ago, so the remembered token and the one that is checked anew end alike.
    rules = TokenRules("HS256", settings.token_issuer, settings.token_audience)
    ended = TokenSigner(rules, hmac_key(SECRET), None, lifetime_seconds=-3_600).sign(1, "a@example.com", "admin")
    for _ in range(2):
        assert_challenged(client, "POST", "/events", [("Authorization", f"Bearer {ended}")])


@pytest.mark.parametrize("role", ["user", "public"])
def test_only_admins_create_events(client: TestClient, settings: BookingSettings, role: str) -> None:
    assert_problem(client.post("/events", json=EVENT, headers=bearer(settings, role)), 403)


@pytest.mark.parametrize("role", ["admin", "public"])
def test_only_users_book(client: TestClient, settings: BookingSettings, event: int, role: str) -> None:
    assert_problem(client.post(f"/events/{event}/book?seats=1", headers=bearer(settings, role)), 403)


JSON = ("Content-Type", "application/json")


@pytest.mark.parametrize(
    ("method", "address", "lines", "content", "status"),
    [
        ("POST", "/events", [JSON], b"{}", 422),
        ("POST", "/events", [JSON], b"{", 422),
        ("POST", "/events", [JSON], "{}".encode("utf-16"), 422),
        ("POST", "/events", [JSON], b'{"a": 1, "a": 1}', 422),
        ("POST", "/events", [JSON, JSON], b"{}", 422),
        ("POST", "/events?allow_past=1&allow_past=1", [JSON], b"{}", 422),
        ("POST", "/events?allow_past=maybe", [JSON], b"{}", 422),
        ("POST", "/events", [("Content-Type", "text/plain")], b"{}", 415),
        ("POST", "/events", [JSON, ("Content-Encoding", "gzip")], b"{}", 415),
        ("POST", "/events/x/book?seats=x", [], b"", 422),
        ("GET", "/bookings/x", [], b"", 404),
        ("GET", "/bookings/00000000-0000-7000-8000-000000000000", [], b"", 404),
    ],
)
def test_who_may_not_ask_hears_of_that_before_what_is_wrong_with_the_request(  # noqa: PLR0913, PLR0917
    client: TestClient,
    settings: BookingSettings,
    method: str,
    address: str,
    lines: Headers,
    content: bytes,
    status: int,
) -> None:
    good = bearer(settings, "admin" if address.startswith("/events") and "/book" not in address else "user")
    callers: list[tuple[dict[str, str], int]] = [
        ({}, 401),
        ({"Authorization": f"Bearer {BAD_TOKENS['expired']()}"}, 401),
        (bearer(settings, "public"), 403),
        (good, status),
    ]
    for headers, expected in callers:
        answer = client.request(method, address, headers=[*headers.items(), *lines], content=content)
        assert_problem(answer, expected)


def test_a_booking_is_shown_to_its_owner_and_to_admins_only(
    client: TestClient, settings: BookingSettings, event: int
) -> None:
    address = client.post(f"/events/{event}/book?seats=1", headers=bearer(settings, uid=7)).headers["Location"]
    seen = {
        ("user", 7): 200, ("admin", 1): 200, ("user", 8): 404, ("public", 7): 403, ("user", 2**63 - 1): 404,
    }  # fmt: skip
    for (role, uid), status in seen.items():
        assert client.get(address, headers=bearer(settings, role, uid)).status_code == status
    assert_problem(client.get(address, headers=bearer(settings, uid=8)), 404)


def test_a_foreign_booking_looks_like_none_at_all(client: TestClient, settings: BookingSettings, event: int) -> None:
    address = client.post(f"/events/{event}/book?seats=1", headers=bearer(settings, uid=7)).headers["Location"]
    foreign = client.get(address, headers=bearer(settings, uid=8))
    absent = client.get(f"{address[:-4]}0000", headers=bearer(settings, uid=8))
    assert foreign.json() == absent.json()


@pytest.mark.parametrize(
    ("address", "wrong", "allowed"),
    [
        ("/events", ["PUT", "PATCH", "DELETE"], "GET, HEAD, OPTIONS, POST"),
        ("/events/1", ["PUT", "POST"], "DELETE, GET, HEAD, OPTIONS, PATCH"),
        ("/events/1/book", ["GET", "PUT", "PATCH", "DELETE"], "OPTIONS, POST"),
        ("/bookings/1", ["PUT", "POST"], "DELETE, GET, HEAD, OPTIONS, PATCH"),
        ("/bookings/1/confirm", ["GET", "PUT", "PATCH", "DELETE"], "OPTIONS, POST"),
    ],
)
def test_a_wrong_method_is_told_the_right_ones(
    client: TestClient, address: str, wrong: list[str], allowed: str
) -> None:
    for method in wrong:
        assert_wrong_method(client, method, address, allowed)


def assert_wrong_method(client: TestClient, method: str, address: str, allowed: str) -> None:
    answer = client.request(method, address)
    assert_problem(answer, 405)
    assert answer.headers["Allow"] == allowed


@pytest.mark.parametrize("address", ["/nowhere", "/events/1/nowhere", "/bookings/", "/%00", "//events", "/EVENTS"])
def test_nothing_is_found_where_nothing_is(client: TestClient, address: str) -> None:
    assert_problem(client.get(f"http://testserver{address}"), 404)


@pytest.mark.parametrize(
    "address", ["/", "/events", "/events/999", "/nowhere", "/health/live", "/docs", "/openapi.json"]
)
def test_every_answer_has_a_request_id_of_its_own(client: TestClient, address: str) -> None:
    ids = {client.get(address).headers["X-Request-ID"] for _ in range(3)}
    assert len(ids) == 3


@pytest.mark.parametrize("identifier", ["a", "x" * 128, "0af7651916cd43dd8448eb211c80319c", "A-b_c.1"])
def test_a_callers_request_id_is_kept(client: TestClient, identifier: str) -> None:
    answer = client.get("/health/live", headers={"X-Request-ID": identifier})
    assert answer.headers.get_list("X-Request-ID") == [identifier]


@pytest.mark.parametrize("identifier", ["", " ", "x" * 129, "a b", "a\tb", "é", '"><script>', "a,b", "\x00", "a;b=c"])
def test_a_hostile_request_id_is_replaced(client: TestClient, identifier: str) -> None:
    answer = client.get("/health/live", headers={b"X-Request-ID": identifier.encode()})
    (given,) = answer.headers.get_list("X-Request-ID")
    assert given.isalnum()
    assert given != identifier


def test_no_answer_to_a_guarded_request_may_be_kept_by_a_cache(
    client: TestClient, settings: BookingSettings, event: int
) -> None:
    booked = client.post(f"/events/{event}/book?seats=1", headers=bearer(settings))
    shown = client.get(booked.headers["Location"], headers=bearer(settings))
    refused = client.get(booked.headers["Location"])
    assert [answer.headers["Cache-Control"] for answer in (booked, shown, refused)] == ["no-store"] * 3


def test_a_token_of_another_service_is_no_use(client: TestClient, settings: BookingSettings) -> None:
    other = settings.model_copy(update={"token_audience": "another-service"})
    assert_challenged(client, "POST", "/events", [("Authorization", f"Bearer {token(other, 'admin')}")])
