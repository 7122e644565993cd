"""Rules that no event can have and terms that no booking can: each is pointed at, with words that say what would do."""

import json
from collections.abc import Callable, Iterator

import pytest
from fastapi.testclient import TestClient
from httpx import Response

from booking_service.domain.bookings.intake import DECIDE_WITHIN_SECONDS_MAX
from booking_service.domain.rules import HOLD_SECONDS_MAX
from booking_service.settings import BookingSettings
from tests.fixtures.box_office import EVENT, assert_problem, bearer, booking_settings, migrated_sqlite, running

NUMBERS = ("max_seats_per_booking", "max_seats_per_user", "hold_seconds", "waitlist_max")
MOMENTS = ("sales_open_at", "sales_close_at", "cancel_until")
WHOLE = 'Use a whole number, such as 5; not "5", 5.0 or true.'
DATE = "Use an RFC 3339 date and time that exists, such as 2027-09-11T19:15:00Z."
KIND = "Use 'off', 'strict' or 'fit'."
BEGIN, LATER, BEFORE = EVENT["event_date"], "2099-09-11T19:15:00.000001Z", "2099-09-11T19:14:59.999999Z"


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> BookingSettings:
    return booking_settings(migrated_sqlite(tmp_path_factory.mktemp("rules")))


@pytest.fixture(scope="module")
def client(settings: BookingSettings) -> Iterator[TestClient]:
    with running(settings) as client:
        yield client


@pytest.fixture(scope="module")
def admin(settings: BookingSettings) -> dict[str, str]:
    return bearer(settings, "admin") | {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def event(client: TestClient, admin: dict[str, str]) -> int:
    return int(client.post("/events", json=EVENT | {"waitlist": "fit"}, headers=admin).json()["event_id"])


Book = Callable[[str, str], Response]


@pytest.fixture(scope="module")
def book(client: TestClient, settings: BookingSettings, event: int) -> Book:
    """Book two seats with one more parameter."""
    user = bearer(settings)
    return lambda name, value: client.post(f"/events/{event}/book", params={"seats": 2, name: value}, headers=user)


def told(client: TestClient, admin: dict[str, str], members: dict[str, object] | str) -> list[tuple[str, str]]:
    """What is wrong with an event that has ``members``, or that text of them: each pointer with its words."""
    text = members if isinstance(members, str) else json.dumps(members)[1:-1]
    answer = client.post("/events", content=f"{json.dumps(EVENT)[:-1]},{text}}}", headers=admin)
    assert_problem(answer, 422)
    return [(error["pointer"], error["detail"]) for error in answer.json()["errors"]]


@pytest.mark.parametrize("field", NUMBERS)
@pytest.mark.parametrize("literal", ['"5"', "1.0", "1.5", "true", "[]", "{}", '""', "NaN", "Infinity", "1e400"])
def test_a_limit_that_is_no_whole_number(client: TestClient, admin: dict[str, str], field: str, literal: str) -> None:
    ((pointer, detail),) = told(client, admin, f'"waitlist":"fit","{field}":{literal}')
    assert (pointer, detail) == (f"#/{field}", WHOLE)


@pytest.mark.parametrize("field", NUMBERS)
@pytest.mark.parametrize("number", [0, -1, -(2**63), -(10**30)])
def test_a_limit_below_one(client: TestClient, admin: dict[str, str], field: str, number: int) -> None:
    assert told(client, admin, {"waitlist": "fit", field: number}) == [(f"#/{field}", "Use 1 or more.")]


@pytest.mark.parametrize(
    ("field", "most"),
    [
        ("max_seats_per_booking", 2**31 - 1),
        ("max_seats_per_user", 2**31 - 1),
        ("waitlist_max", 2**31 - 2),
        ("hold_seconds", HOLD_SECONDS_MAX),
    ],
)
def test_a_limit_beyond_its_bound(client: TestClient, admin: dict[str, str], field: str, most: int) -> None:
    for number in (most + 1, 2**63, 10**30):
        assert told(client, admin, {"waitlist": "fit", field: number}) == [(f"#/{field}", f"Use {most} or less.")]
    for number in (most, 1):
        taken = client.post("/events", json=EVENT | {"waitlist": "fit", field: number}, headers=admin)
        assert (taken.status_code, taken.json()[field]) == (201, number)


def test_a_hold_of_a_week_is_the_longest() -> None:
    assert HOLD_SECONDS_MAX == 7 * 86_400


@pytest.mark.parametrize("field", MOMENTS)
@pytest.mark.parametrize("literal", ["5", "true", "[]", '""', '"now"', '"20270911"', '"2027-02-30T00:00:00Z"', "1e400"])
def test_a_moment_that_is_none(client: TestClient, admin: dict[str, str], field: str, literal: str) -> None:
    assert told(client, admin, f'"{field}":{literal}') == [(f"#/{field}", DATE)]


@pytest.mark.parametrize("field", MOMENTS)
@pytest.mark.parametrize("text", ["1969-12-31T23:59:59Z", "9999-12-31T23:59:59-01:00", "2016-12-31T23:59:60Z"])
def test_a_moment_out_of_range(client: TestClient, admin: dict[str, str], field: str, text: str) -> None:
    ((pointer, detail),) = told(client, admin, {field: text})
    assert pointer == f"#/{field}"
    assert detail.startswith(("Use a date from 1970", "Leap seconds"))


@pytest.mark.parametrize("literal", ["null", '"OFF"', '"fifo"', '""', "true", "0", "[]"])
def test_a_kind_of_list_that_there_is_not(client: TestClient, admin: dict[str, str], literal: str) -> None:
    # null would mean nothing here: `off` is how to say that there is no list.
    assert told(client, admin, f'"waitlist":{literal}') == [("#/waitlist", KIND)]


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({"sales_open_at": BEGIN}, [("#/sales_open_at", "Open sales before the event begins.")]),
        ({"sales_open_at": LATER}, [("#/sales_open_at", "Open sales before the event begins.")]),
        ({"sales_close_at": LATER}, [("#/sales_close_at", "Close sales when the event begins or before.")]),
        ({"sales_open_at": BEFORE, "sales_close_at": BEFORE}, [("#/sales_close_at", "Close sales after they open.")]),
        (
            {"max_seats_per_booking": 5, "max_seats_per_user": 4},
            [("#/max_seats_per_booking", "Use 4 or less, which is all that one user may have.")],
        ),
        ({"waitlist_max": 5}, [("#/waitlist_max", "Leave this out, or choose a kind of waiting list.")]),
        (
            {"waitlist": "off", "waitlist_max": 5, "sales_close_at": LATER},
            [
                ("#/sales_close_at", "Close sales when the event begins or before."),
                ("#/waitlist_max", "Leave this out, or choose a kind of waiting list."),
            ],
        ),
    ],
)
def test_rules_that_contradict_each_other(
    client: TestClient, admin: dict[str, str], members: dict[str, object], expected: list[tuple[str, str]]
) -> None:
    assert told(client, admin, members) == expected


def test_rules_at_the_edge_of_a_contradiction_are_none(client: TestClient, admin: dict[str, str]) -> None:
    for members in (
        {"sales_open_at": BEFORE, "sales_close_at": BEGIN},
        {"max_seats_per_booking": 4, "max_seats_per_user": 4},
        {"waitlist": "off", "waitlist_max": None},
        {"cancel_until": LATER},
    ):
        assert client.post("/events", json=EVENT | members, headers=admin).status_code == 201


@pytest.mark.parametrize("field", ["seats_min", "decide_within"])
@pytest.mark.parametrize(
    ("value", "detail"),
    [
        *[
            (value, "Use decimal digits only.")
            for value in ("", "x", "-1", "+1", "1.0", "1_0", "NaN", "\uff11", "null")
        ],
        ("0", "Use 1 or more."),
    ],
)
def test_terms_that_are_no_number(book: Book, field: str, value: str, detail: str) -> None:
    answer = book(field, value)
    assert_problem(answer, 422, f"#/query/{field}")
    assert answer.json()["errors"][0]["detail"] == detail


@pytest.mark.parametrize(
    ("field", "value", "detail"),
    [
        ("decide_within", str(DECIDE_WITHIN_SECONDS_MAX + 1), f"Use {DECIDE_WITHIN_SECONDS_MAX} or less."),
        ("decide_within", "9" * 5_000, f"Use {DECIDE_WITHIN_SECONDS_MAX} or less."),
        ("seats_min", "3", "Use 2 or less: as many as are booked, or fewer that will do."),
        ("seats_min", "9" * 5_000, "Use 2 or less: as many as are booked, or fewer that will do."),
    ],
)
def test_terms_beyond_their_bound(book: Book, field: str, value: str, detail: str) -> None:
    answer = book(field, value)
    assert_problem(answer, 422, f"#/query/{field}")
    assert answer.json()["errors"][0]["detail"] == detail


@pytest.mark.parametrize("query", ["seats_min=1&seats_min=1", "decide_within=9&decide_within=9"])
def test_terms_that_come_twice(client: TestClient, settings: BookingSettings, event: int, query: str) -> None:
    answer = client.post(f"/events/{event}/book?seats=2&{query}", headers=bearer(settings))
    assert_problem(answer, 422, f"#/query/{query.partition('=')[0]}")


def test_terms_within_their_bounds_are_taken(book: Book) -> None:
    assert all(book("seats_min", value).status_code == 202 for value in ("1", "2"))
    assert all(book("decide_within", value).status_code == 202 for value in ("1", str(DECIDE_WITHIN_SECONDS_MAX)))


@pytest.mark.parametrize("key", ["x" * 256, "é", '""', "k,k"])
def test_a_key_of_an_event_that_is_none_is_pointed_at(client: TestClient, admin: dict[str, str], key: str) -> None:
    headers = {name.encode(): value.encode() for name, value in {**admin, "Idempotency-Key": key}.items()}
    assert_problem(client.post("/events", json=EVENT, headers=headers), 422, "#/header/Idempotency-Key")


def test_nobody_but_an_admin_learns_anything_of_a_key(client: TestClient, settings: BookingSettings) -> None:
    for headers, status in ((bearer(settings), 403), ({}, 401)):
        assert_problem(client.post("/events", json=EVENT, headers=headers | {"Idempotency-Key": ""}), status)
