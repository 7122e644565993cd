"""Lists of bookings over HTTP: what is asked for, by whom, and what is wrong with it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from httpx import Response
from sqlalchemy import insert

from booking_service.api.schemas import BookingOut
from booking_service.box_office.lookups import WAITING_LISTS_MAX
from booking_service.domain.bookings.history import SCAN_MAX
from booking_service.domain.models import REJECTED, SOLD_OUT, STATUSES, WAITLISTED, Waiting
from shared.clock import rfc3339
from tests.fixtures.box_office import EVENT, assert_problem
from tests.fixtures.counter import ADA, BOB, ROOT, Counter
from tests.fixtures.rows import booking_row, write_bookings


def test_a_user_sees_their_own_the_newest_first_page_by_page(counter: Counter) -> None:
    mine = [counter.book() for _ in range(5)]
    counter.book(headers=counter.bob)
    for limit in (1, 2, 5, 500, 10**12):
        assert counter.listed(f"/bookings?limit={limit}") == mine[::-1]
    first = counter.get("/bookings?limit=2&status=pending,held")
    assert len(first.json()) == 2
    assert parse_qs(urlsplit(first.links["next"]["url"]).query).keys() == {"limit", "status", "cursor"}


def test_each_is_shown_as_it_is_alone(counter: Counter) -> None:
    counter.book(seats=8)
    counter.book(seats=5)
    counter.settle()
    counter.book(seats=1)
    shown = counter.get("/bookings").json()
    assert [booking["status"] for booking in shown] == ["pending", "rejected", "confirmed"]
    assert shown[0]["queue_position"] == 1
    for booking in shown:
        assert booking == counter.get(f"/bookings/{booking['booking_id']}").json()
        BookingOut.model_validate(booking)


def test_what_is_being_cancelled_is_found_by_what_it_is_until_then(counter: Counter) -> None:
    booking = counter.book()
    counter.settle()
    asked = counter.client.delete(f"/bookings/{booking}", headers={**counter.ada, "Prefer": "wait=0"})
    assert asked.status_code == 202
    assert [shown["status"] for shown in counter.get("/bookings?status=confirmed").json()] == ["cancelling"]
    assert [line["what"] for line in counter.get(f"/bookings/{booking}/history").json()][-1] == "cancellation_asked"
    counter.settle()
    assert counter.listed("/bookings?status=confirmed") == []
    assert counter.listed("/bookings?status=cancelled") == [booking]
    cancelled = counter.get(f"/bookings/{booking}/history").json()[-1]
    assert (cancelled["what"], cancelled["status"], cancelled["by"]) == ("cancelled", "cancelled", ADA)
    *_, line, total = counter.get(f"/events/{counter.events[0]}/ledger", counter.root).json()
    assert (line["what"], line["seats"], line["seats_left"], total["agrees"]) == ("cancelled", -1, 10, True)


def test_places_are_told_on_a_few_waiting_lists_a_page(counter: Counter) -> None:
    count = WAITING_LISTS_MAX + 2
    events = [
        int(counter.client.post("/events", json=EVENT, headers=counter.root).json()["event_id"]) for _ in range(count)
    ]
    made = datetime(2026, 1, 1, tzinfo=UTC)
    rows = [
        booking_row(made - timedelta(seconds=place), user_id=ADA, event_id=event, status=WAITLISTED)
        for place, event in enumerate(events)
    ]
    write_bookings(counter.database, rows)
    places = [
        {"event_id": row["event_id"], "booking_id": row["id"], "user_id": ADA, "seats": 1, "seats_min": 1}
        for row in rows
    ]
    counter.database.write(lambda connection: connection.execute(insert(Waiting), places), repeat_lost=False)
    shown = counter.get("/bookings").json()
    assert [booking["waitlist_position"] for booking in shown] == [1] * WAITING_LISTS_MAX + [None, None]


def test_nobody_has_no_bookings(counter: Counter) -> None:
    answer = counter.get("/bookings")
    assert (answer.status_code, answer.json(), "Link" in answer.headers) == (200, [], False)


def test_who_may_see_all_may_list_those_of_an_event_or_a_user(counter: Counter) -> None:
    ada, bob = counter.book(0), counter.book(0, headers=counter.bob)
    elsewhere = counter.book(1, headers=counter.bob)
    event = counter.events[0]
    assert counter.listed("/bookings", counter.root) == []
    assert counter.listed(f"/bookings?event_id={event}&limit=1", counter.root) == [bob, ada]
    assert counter.listed(f"/bookings?user_id={BOB}&limit=1", counter.root) == [elsewhere, bob]
    assert counter.listed(f"/bookings?user_id={BOB}&event_id={event}", counter.root) == [bob]
    assert counter.listed(f"/bookings?user_id={ROOT}&event_id={event}", counter.root) == []
    # Who may not still gets their own of that event.
    assert counter.listed(f"/bookings?event_id={event}") == [ada]
    assert counter.listed(f"/bookings?user_id={ADA}") == [ada]


def test_others_bookings_are_not_listed(counter: Counter) -> None:
    refused = counter.get(f"/bookings?user_id={BOB}")
    assert_problem(refused, 403)
    assert "user_id" in refused.json()["detail"]


def test_filters_are_by_status_moment_and_key(counter: Counter) -> None:
    confirmed, rejected = counter.book(seats=8, key="a"), counter.book(seats=5, key='"b, c"')
    counter.settle()
    pending = counter.book()
    assert counter.listed("/bookings?status=confirmed") == [confirmed]
    both = [rejected, confirmed]
    for query in ("status=confirmed,rejected", "status=rejected&status=confirmed", "status=confirmed,%20rejected"):
        assert counter.listed(f"/bookings?{query}") == both
    moments = {b["booking_id"]: b["created_at"] for b in counter.get("/bookings").json()}
    assert counter.listed(f"/bookings?from={moments[rejected]}") == [pending, rejected]
    assert counter.listed(f"/bookings?to={moments[rejected]}") == [confirmed]
    assert counter.listed(f"/bookings?from={moments[rejected]}&to={moments[rejected]}") == []
    assert counter.listed("/bookings?idempotency_key=a") == [confirmed]
    assert counter.listed("/bookings?idempotency_key=%22b,%20c%22") == [rejected]
    assert counter.listed("/bookings?idempotency_key=a&status=pending") == []
    assert counter.listed("/bookings?idempotency_key=a", counter.bob) == []
    assert counter.listed(f"/bookings?idempotency_key=a&event_id={counter.events[0]}", counter.root) == []
    assert counter.listed(f"/bookings?idempotency_key=a&user_id={ADA}", counter.root) == [confirmed]


def test_a_page_with_a_rare_filter_may_be_empty_and_leads_on(counter: Counter) -> None:
    long_ago, event = datetime(2026, 1, 1, tzinfo=UTC), counter.events[0]
    rare = booking_row(long_ago, user_id=ADA, event_id=event, status=REJECTED, reason=SOLD_OUT)
    later = [
        booking_row(long_ago + timedelta(seconds=second), user_id=ADA, event_id=event)
        for second in range(1, SCAN_MAX + 2)
    ]
    write_bookings(counter.database, [rare, *later])
    first = counter.get("/bookings?status=rejected")
    assert first.json() == []
    assert "next" in first.links
    assert counter.listed("/bookings?status=rejected") == [str(rare["id"])]


@pytest.fixture
def cursor(counter: Counter) -> str:
    """What leads to Ada's second page of pending bookings."""
    for _ in range(3):
        counter.book()
        counter.book(headers=counter.bob)
    link = counter.get("/bookings?limit=1&status=pending").links["next"]["url"]
    return parse_qs(urlsplit(link).query)["cursor"][0]


def test_a_cursor_serves_who_got_it_for_what_they_asked(counter: Counter, cursor: str) -> None:
    here = f"cursor={cursor}&status=pending"
    assert counter.get(f"/bookings?{here}").status_code == 200
    assert counter.get(f"/bookings?{here}&limit=7").status_code == 200  # a limit is no filter
    refused: dict[str, Callable[[], Response]] = {
        "somebody else": lambda: counter.get(f"/bookings?{here}", counter.bob),
        "an admin": lambda: counter.get(f"/bookings?{here}&user_id={ADA}", counter.root),
        "no filter": lambda: counter.get(f"/bookings?cursor={cursor}"),
        "another status": lambda: counter.get(f"/bookings?cursor={cursor}&status=held"),
        "one more filter": lambda: counter.get(f"/bookings?{here}&event_id={counter.events[0]}"),
        "a moment": lambda: counter.get(f"/bookings?{here}&from=2026-01-01T00:00:00Z"),
        "a list of events": lambda: counter.get(f"/events?cursor={cursor}"),
        "a ledger": lambda: counter.get(f"/events/{counter.events[0]}/ledger?cursor={cursor}", counter.root),
    }
    for what, ask in refused.items():
        answer = ask()
        assert answer.status_code == 422, what
        assert_problem(answer, 422, "#/query/cursor")


@pytest.mark.parametrize("bad", ["", "x", "%00", "é", "A" * 32, "A" * 65, "AAAAAAAAAAE", "=" * 32])
def test_a_cursor_that_we_never_gave_out_is_refused(counter: Counter, bad: str) -> None:
    assert_problem(counter.get(f"/bookings?cursor={bad}"), 422, "#/query/cursor")


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("status=unknown", "status"),
        ("status=cancelling", "status"),
        ("status=", "status"),
        ("status=confirmed,,held", "status"),
        ("status=CONFIRMED", "status"),
        ("status=confirmed&status=x", "status"),
        ("event_id=0", "event_id"),
        ("event_id=-1", "event_id"),
        ("event_id=x", "event_id"),
        ("event_id=1_0", "event_id"),
        (f"event_id={2**63}", "event_id"),
        ("event_id=1&event_id=2", "event_id"),
        ("user_id=0", "user_id"),
        ("user_id=1.0", "user_id"),
        ("user_id=", "user_id"),
        ("user_id=1&user_id=1", "user_id"),
        ("from=yesterday", "from"),
        ("from=1700000000", "from"),
        ("from=2026-13-01T00:00:00Z", "from"),
        ("from=1969-12-31T23:59:59Z", "from"),
        ("to=2026-01-01T00:00:60Z", "to"),
        ("to=9999-12-31T23:59:59-01:00", "to"),
        ("to=", "to"),
        ("from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z", "to"),
        ("from=2026-01-01T00:00:00.000001Z&to=2026-01-01T00:00:00Z", "to"),
        ("idempotency_key=", "idempotency_key"),
        ("idempotency_key=a,b", "idempotency_key"),
        ("idempotency_key=%C3%A9", "idempotency_key"),
        (f"idempotency_key={'x' * 256}", "idempotency_key"),
        ("limit=-1", "limit"),
        ("limit=1.5", "limit"),
        ("limit=1&limit=2", "limit"),
    ],
)
def test_what_no_list_has_is_pointed_at(counter: Counter, query: str, pointer: str) -> None:
    for headers in (counter.ada, counter.root):
        assert_problem(counter.get(f"/bookings?{query}", headers), 422, f"#/query/{pointer}")


def test_an_unknown_status_is_answered_with_those_there_are(counter: Counter) -> None:
    (error,) = counter.get("/bookings?status=cancelling").json()["errors"]
    assert all(status in error["detail"] for status in STATUSES)


@pytest.mark.parametrize(
    "query", ["from=9999-12-31T23:59:59.999999Z", "to=1970-01-01T00:00:00Z", "to=9999-12-31T23:59:59.999999Z"]
)
def test_the_ends_of_time_are_moments(counter: Counter, query: str) -> None:
    mine = counter.book()
    assert counter.listed(f"/bookings?{query}") == ([mine] if query.startswith("to=9999") else [])


def test_moments_are_read_in_any_zone(counter: Counter) -> None:
    mine = counter.book()
    created_at = datetime.fromisoformat(counter.get("/bookings").json()[0]["created_at"])
    in_japan = (created_at + timedelta(hours=9)).replace(tzinfo=None).isoformat() + "%2B09:00"
    assert counter.listed(f"/bookings?from={in_japan}") == [mine]
    assert counter.listed(f"/bookings?to={in_japan}") == []
    assert counter.listed(f"/bookings?from={rfc3339(created_at + timedelta(microseconds=1))}") == []
