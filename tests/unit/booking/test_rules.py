"""The rules of an event to be: which contradict each other, and what makes two requests for an event the same."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from booking_service.domain.catalogue import EventState, NewEvent, Origin
from booking_service.domain.models import FIT, OFF, STRICT
from booking_service.domain.rules import WAITING_UNLIMITED, GivenRules
from tests.fixtures.bookings import STARTS_AT

SECOND = timedelta(seconds=1)
OPEN, CLOSE, BEGIN = STARTS_AT - 9 * SECOND, STARTS_AT - SECOND, STARTS_AT
EVERY_RULE = GivenRules(2, 4, OPEN, CLOSE, OPEN, 600, STRICT, 10)
PROMS = NewEvent("Last Night", "Albert Hall", STARTS_AT, 10)


def pointers(rules: GivenRules) -> list[str]:
    return [error.pointer for error in rules.contradictions(BEGIN)]


@pytest.mark.parametrize(
    "rules",
    [
        GivenRules(),
        EVERY_RULE,
        GivenRules(sales_open_at=OPEN),
        GivenRules(sales_close_at=BEGIN),
        GivenRules(sales_open_at=BEGIN - SECOND, sales_close_at=BEGIN),
        GivenRules(cancel_until=BEGIN + SECOND),  # an organizer may be that kind
        GivenRules(seats_per_booking_max=4, seats_per_user_max=4),
        GivenRules(seats_per_booking_max=9),
        GivenRules(waitlist=FIT),
    ],
)
def test_rules_that_can_be_kept_are_taken(rules: GivenRules) -> None:
    assert pointers(rules) == []


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        (GivenRules(sales_open_at=BEGIN), ["#/sales_open_at"]),
        (GivenRules(sales_open_at=BEGIN + SECOND), ["#/sales_open_at"]),
        (GivenRules(sales_close_at=BEGIN + SECOND), ["#/sales_close_at"]),
        (GivenRules(sales_open_at=CLOSE, sales_close_at=CLOSE), ["#/sales_close_at"]),
        (GivenRules(sales_open_at=CLOSE, sales_close_at=OPEN), ["#/sales_close_at"]),
        (GivenRules(sales_open_at=BEGIN, sales_close_at=OPEN), ["#/sales_open_at"]),
        (GivenRules(sales_open_at=BEGIN, sales_close_at=BEGIN + SECOND), ["#/sales_open_at", "#/sales_close_at"]),
        (GivenRules(seats_per_booking_max=5, seats_per_user_max=4), ["#/max_seats_per_booking"]),
        (GivenRules(waitlist_max=1), ["#/waitlist_max"]),
        (
            GivenRules(5, 4, sales_close_at=BEGIN + SECOND, waitlist_max=1),
            ["#/sales_close_at", "#/max_seats_per_booking", "#/waitlist_max"],
        ),
    ],
)
def test_rules_that_cannot_be_kept_together_are_pointed_at(rules: GivenRules, expected: list[str]) -> None:
    assert pointers(rules) == expected
    assert all(error.detail.endswith(".") for error in rules.contradictions(BEGIN))


moments = st.none() | st.integers(-9, 9).map(lambda seconds: BEGIN + seconds * SECOND)


@given(opens_at=moments, closes_at=moments)
def test_what_is_taken_can_be_sold_for_a_while(opens_at: datetime | None, closes_at: datetime | None) -> None:
    rules = GivenRules(sales_open_at=opens_at, sales_close_at=closes_at)
    can_be_sold = opens_at is None or opens_at < (closes_at or BEGIN)
    in_time = closes_at is None or closes_at <= BEGIN
    assert (pointers(rules) == []) == (can_be_sold and in_time)


@pytest.mark.parametrize(
    ("rules", "waiting_max"),
    [
        (GivenRules(), 0),
        (GivenRules(waitlist=OFF), 0),
        (GivenRules(waitlist=FIT), WAITING_UNLIMITED),
        (GivenRules(waitlist=STRICT, waitlist_max=3), 3),
    ],
)
def test_how_many_may_wait(rules: GivenRules, waiting_max: int) -> None:
    assert rules.waiting_max == waiting_max


def event_with(**values: object) -> EventState:
    return replace(EventState(1, "E", "V", STARTS_AT, 0, 5, 5), **values)  # type: ignore[arg-type]  # any field


def test_sales_close_when_the_event_begins_or_before() -> None:
    assert event_with().rules.closes_at == STARTS_AT
    assert event_with(sales_close_at=CLOSE).rules.closes_at == CLOSE


def test_an_event_is_full_when_no_seat_and_no_place_on_the_list_is_left() -> None:
    cases = [(1, 0, 0), (0, 0, 0), (0, 2, 3), (0, 3, 3), (1, 3, 3)]
    full = [event_with(available=left, waiting=wait, waiting_max=most).is_full for left, wait, most in cases]
    assert full == [False, True, False, True, False]


def test_a_cancelled_event_says_how_far_that_is() -> None:
    asked = event_with(cancelled_at=STARTS_AT)
    assert [event_with().status, asked.status, replace(asked, is_cancelled=True).status] == [
        "on_sale",
        "cancelling",
        "cancelled",
    ]
    assert (event_with().rules.is_cancelled, asked.rules.is_cancelled) == (False, True)


def test_each_member_of_an_event_makes_another_request() -> None:
    others = [
        PROMS,
        replace(PROMS, name="First Night"),
        replace(PROMS, venue="Last Night"),
        replace(PROMS, starts_at=STARTS_AT + SECOND),
        replace(PROMS, capacity=11),
        *(
            replace(PROMS, rules=GivenRules(**{name: value}))
            for name, value in EVERY_RULE._asdict().items()
            if name != "waitlist_max"
        ),
        replace(PROMS, rules=GivenRules(waitlist=STRICT, waitlist_max=1)),
        replace(PROMS, rules=GivenRules(seats_per_booking_max=4)),
        replace(PROMS, rules=GivenRules(seats_per_user_max=2)),
    ]
    digests = [event.digest() for event in others]
    assert len(set(digests)) == len(others)


def test_who_asks_and_in_which_zone_is_no_part_of_the_request() -> None:
    assert replace(PROMS, origin=Origin(7, "key")).digest() == PROMS.digest()
    assert GivenRules(waitlist=OFF, hold_seconds=None) == GivenRules()


def test_a_request_keeps_its_digest_in_later_versions() -> None:
    # Stored with events: when it changes, a request that is repeated after an upgrade is refused.
    starts_at = datetime(2030, 9, 14, 19, 15, tzinfo=UTC)
    plain = NewEvent("Last Night of the Proms", "Albert Hall", starts_at, 100)
    ruled = replace(plain, rules=GivenRules(2, 4, starts_at - SECOND, None, None, 600, FIT, 10))
    assert (plain.digest(), ruled.digest()) == ("20229d5922282e3b199bf543ad95e5d0", "22d1c69cad5591f8d5bd60f577eb6dc7")
