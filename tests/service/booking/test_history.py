"""Lists and stories of bookings over HTTP: what is asked for, by whom, and what is wrong with it."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit
from uuid import UUID, uuid4

import pytest
from fastapi.testclient import TestClient
from httpx import Response
from sqlalchemy import insert

from booking_service.api.history import StoryLine
from booking_service.api.schemas import BookingOut
from booking_service.box_office.lookups import WAITING_LISTS_MAX
from booking_service.domain.bookings.history import SCAN_MAX
from booking_service.domain.models import REJECTED, SOLD_OUT, STATUSES, WAITLISTED, Waiting
from booking_service.domain.seats import settlement
from booking_service.settings import BookingSettings
from shared.clock import rfc3339
from shared.database.units import Database
from tests.fixtures.box_office import EVENT, assert_problem, bearer, booking_settings, migrated_sqlite, running
from tests.fixtures.rows import booking_row, write_bookings

ADA, BOB, ROOT = 1, 2, 1_000
PAGES_MAX = 100


class Hall:
    """A booking service with two events of ten seats and hands to settle with."""

    def __init__(self, client: TestClient, settings: BookingSettings, database: Database) -> None:
        self.client, self.database = client, database
        self.ada, self.bob = (bearer(settings, uid=uid) for uid in (ADA, BOB))
        self.root = bearer(settings, "admin", ROOT)
        self.public = bearer(settings, "public", 3)
        self.events = [int(client.post("/events", json=EVENT, headers=self.root).json()["event_id"]) for _ in range(2)]

    def book(
        self, event: int = 0, seats: int = 1, headers: dict[str, str] | None = None, key: str | None = None
    ) -> str:
        keyed = {} if key is None else {"Idempotency-Key": key}
        url = f"/events/{self.events[event]}/book?seats={seats}"
        answer = self.client.post(url, headers={**(headers or self.ada), **keyed})
        assert answer.status_code == 202
        return str(answer.json()["booking_id"])

    def settle(self) -> None:
        lanes = [event % 16 for event in self.events]
        self.database.write(lambda c: settlement.settle_batch(c, lanes, batch_max=500), repeat_lost=True)

    def get(self, url: str, headers: dict[str, str] | None = None) -> Response:
        answer: Response = self.client.get(url, headers=headers or self.ada)
        return answer

    def listed(self, url: str, headers: dict[str, str] | None = None) -> list[str]:
        """Follow the links from ``url`` on; return the ids."""
        ids: list[str] = []
        for _ in range(PAGES_MAX):
            page = self.get(url, headers)
            assert page.status_code == 200, page.text
            assert page.headers["Cache-Control"] == "no-store"
            ids += [booking["booking_id"] for booking in page.json()]
            if "next" not in page.links:
                return ids
            url = page.links["next"]["url"]
        pytest.fail("the pages do not end")


@pytest.fixture
def hall(tmp_path: Path) -> Iterator[Hall]:
    settings = booking_settings(migrated_sqlite(tmp_path))
    database = Database.connect(settings.database_url.get_secret_value(), settings, pool_size=2)
    with running(settings) as client:
        yield Hall(client, settings, database)
    database.close()


def test_a_user_sees_their_own_the_newest_first_page_by_page(hall: Hall) -> None:
    mine = [hall.book() for _ in range(5)]
    hall.book(headers=hall.bob)
    for limit in (1, 2, 5, 500, 10**12):
        assert hall.listed(f"/bookings?limit={limit}") == mine[::-1]
    first = hall.get("/bookings?limit=2&status=pending,held")
    assert len(first.json()) == 2
    assert parse_qs(urlsplit(first.links["next"]["url"]).query).keys() == {"limit", "status", "cursor"}


def test_each_is_shown_as_it_is_alone(hall: Hall) -> None:
    hall.book(seats=8)
    hall.book(seats=5)
    hall.settle()
    hall.book(seats=1)
    shown = hall.get("/bookings").json()
    assert [booking["status"] for booking in shown] == ["pending", "rejected", "confirmed"]
    assert shown[0]["queue_position"] == 1
    for booking in shown:
        assert booking == hall.get(f"/bookings/{booking['booking_id']}").json()
        BookingOut.model_validate(booking)


def test_what_is_being_cancelled_is_found_by_what_it_is_until_then(hall: Hall) -> None:
    booking = hall.book()
    hall.settle()
    asked = hall.client.delete(f"/bookings/{booking}", headers={**hall.ada, "Prefer": "wait=0"})
    assert asked.status_code == 202
    assert [shown["status"] for shown in hall.get("/bookings?status=confirmed").json()] == ["cancelling"]
    assert [line["what"] for line in hall.get(f"/bookings/{booking}/history").json()][-1] == "cancellation_asked"
    hall.settle()
    assert hall.listed("/bookings?status=confirmed") == []
    assert hall.listed("/bookings?status=cancelled") == [booking]
    cancelled = hall.get(f"/bookings/{booking}/history").json()[-1]
    assert (cancelled["what"], cancelled["status"], cancelled["by"]) == ("cancelled", "cancelled", ADA)
    *_, line, total = hall.get(f"/events/{hall.events[0]}/ledger", hall.root).json()
    assert (line["what"], line["seats"], line["seats_left"], total["agrees"]) == ("cancelled", -1, 10, True)


def test_places_are_told_on_a_few_waiting_lists_a_page(hall: Hall) -> None:
    count = WAITING_LISTS_MAX + 2
    events = [int(hall.client.post("/events", json=EVENT, headers=hall.root).json()["event_id"]) for _ in range(count)]
    made = datetime(2026, 1, 1, tzinfo=UTC)
    rows = [
        booking_row(made - timedelta(seconds=place), user_id=ADA, event_id=event, status=WAITLISTED)
        for place, event in enumerate(events)
    ]
    write_bookings(hall.database, rows)
    places = [
        {"event_id": row["event_id"], "booking_id": row["id"], "user_id": ADA, "seats": 1, "seats_min": 1}
        for row in rows
    ]
    hall.database.write(lambda connection: connection.execute(insert(Waiting), places), repeat_lost=False)
    shown = hall.get("/bookings").json()
    assert [booking["waitlist_position"] for booking in shown] == [1] * WAITING_LISTS_MAX + [None, None]


def test_nobody_has_no_bookings(hall: Hall) -> None:
    answer = hall.get("/bookings")
    assert (answer.status_code, answer.json(), "Link" in answer.headers) == (200, [], False)


def test_who_may_see_all_may_list_those_of_an_event_or_a_user(hall: Hall) -> None:
    ada, bob = hall.book(0), hall.book(0, headers=hall.bob)
    elsewhere = hall.book(1, headers=hall.bob)
    event = hall.events[0]
    assert hall.listed("/bookings", hall.root) == []
    assert hall.listed(f"/bookings?event_id={event}&limit=1", hall.root) == [bob, ada]
    assert hall.listed(f"/bookings?user_id={BOB}&limit=1", hall.root) == [elsewhere, bob]
    assert hall.listed(f"/bookings?user_id={BOB}&event_id={event}", hall.root) == [bob]
    assert hall.listed(f"/bookings?user_id={ROOT}&event_id={event}", hall.root) == []
    # Who may not still gets their own of that event.
    assert hall.listed(f"/bookings?event_id={event}") == [ada]
    assert hall.listed(f"/bookings?user_id={ADA}") == [ada]


def test_others_bookings_are_not_listed(hall: Hall) -> None:
    refused = hall.get(f"/bookings?user_id={BOB}")
    assert_problem(refused, 403)
    assert "user_id" in refused.json()["detail"]


def test_filters_are_by_status_moment_and_key(hall: Hall) -> None:
    confirmed, rejected = hall.book(seats=8, key="a"), hall.book(seats=5, key='"b, c"')
    hall.settle()
    pending = hall.book()
    assert hall.listed("/bookings?status=confirmed") == [confirmed]
    both = [rejected, confirmed]
    for query in ("status=confirmed,rejected", "status=rejected&status=confirmed", "status=confirmed,%20rejected"):
        assert hall.listed(f"/bookings?{query}") == both
    moments = {b["booking_id"]: b["created_at"] for b in hall.get("/bookings").json()}
    assert hall.listed(f"/bookings?from={moments[rejected]}") == [pending, rejected]
    assert hall.listed(f"/bookings?to={moments[rejected]}") == [confirmed]
    assert hall.listed(f"/bookings?from={moments[rejected]}&to={moments[rejected]}") == []
    assert hall.listed("/bookings?idempotency_key=a") == [confirmed]
    assert hall.listed("/bookings?idempotency_key=%22b,%20c%22") == [rejected]
    assert hall.listed("/bookings?idempotency_key=a&status=pending") == []
    assert hall.listed("/bookings?idempotency_key=a", hall.bob) == []
    assert hall.listed(f"/bookings?idempotency_key=a&event_id={hall.events[0]}", hall.root) == []
    assert hall.listed(f"/bookings?idempotency_key=a&user_id={ADA}", hall.root) == [confirmed]


def test_a_page_with_a_rare_filter_may_be_empty_and_leads_on(hall: Hall) -> None:
    long_ago, event = datetime(2026, 1, 1, tzinfo=UTC), hall.events[0]
    rare = booking_row(long_ago, user_id=ADA, event_id=event, status=REJECTED, reason=SOLD_OUT)
    later = [
        booking_row(long_ago + timedelta(seconds=second), user_id=ADA, event_id=event)
        for second in range(1, SCAN_MAX + 2)
    ]
    write_bookings(hall.database, [rare, *later])
    first = hall.get("/bookings?status=rejected")
    assert first.json() == []
    assert "next" in first.links
    assert hall.listed("/bookings?status=rejected") == [str(rare["id"])]


@pytest.fixture
def cursor(hall: Hall) -> str:
    """What leads to Ada's second page of pending bookings."""
    for _ in range(3):
        hall.book()
        hall.book(headers=hall.bob)
    link = hall.get("/bookings?limit=1&status=pending").links["next"]["url"]
    return parse_qs(urlsplit(link).query)["cursor"][0]


def test_a_cursor_serves_who_got_it_for_what_they_asked(hall: Hall, cursor: str) -> None:
    here = f"cursor={cursor}&status=pending"
    assert hall.get(f"/bookings?{here}").status_code == 200
    assert hall.get(f"/bookings?{here}&limit=7").status_code == 200  # a limit is no filter
    refused: dict[str, Callable[[], Response]] = {
        "somebody else": lambda: hall.get(f"/bookings?{here}", hall.bob),
        "an admin": lambda: hall.get(f"/bookings?{here}&user_id={ADA}", hall.root),
        "no filter": lambda: hall.get(f"/bookings?cursor={cursor}"),
        "another status": lambda: hall.get(f"/bookings?cursor={cursor}&status=held"),
        "one more filter": lambda: hall.get(f"/bookings?{here}&event_id={hall.events[0]}"),
        "a moment": lambda: hall.get(f"/bookings?{here}&from=2026-01-01T00:00:00Z"),
        "a list of events": lambda: hall.get(f"/events?cursor={cursor}"),
        "a ledger": lambda: hall.get(f"/events/{hall.events[0]}/ledger?cursor={cursor}", hall.root),
    }
    for what, ask in refused.items():
        answer = ask()
        assert answer.status_code == 422, what
        assert_problem(answer, 422, "#/query/cursor")


@pytest.mark.parametrize("bad", ["", "x", "%00", "é", "A" * 32, "A" * 65, "AAAAAAAAAAE", "=" * 32])
def test_a_cursor_that_we_never_gave_out_is_refused(hall: Hall, bad: str) -> None:
    assert_problem(hall.get(f"/bookings?cursor={bad}"), 422, "#/query/cursor")


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
def test_what_no_list_has_is_pointed_at(hall: Hall, query: str, pointer: str) -> None:
    for headers in (hall.ada, hall.root):
        assert_problem(hall.get(f"/bookings?{query}", headers), 422, f"#/query/{pointer}")


def test_an_unknown_status_is_answered_with_those_there_are(hall: Hall) -> None:
    (error,) = hall.get("/bookings?status=cancelling").json()["errors"]
    assert all(status in error["detail"] for status in STATUSES)


@pytest.mark.parametrize(
    "query", ["from=9999-12-31T23:59:59.999999Z", "to=1970-01-01T00:00:00Z", "to=9999-12-31T23:59:59.999999Z"]
)
def test_the_ends_of_time_are_moments(hall: Hall, query: str) -> None:
    mine = hall.book()
    assert hall.listed(f"/bookings?{query}") == ([mine] if query.startswith("to=9999") else [])


def test_moments_are_read_in_any_zone(hall: Hall) -> None:
    mine = hall.book()
    created_at = datetime.fromisoformat(hall.get("/bookings").json()[0]["created_at"])
    in_japan = (created_at + timedelta(hours=9)).replace(tzinfo=None).isoformat() + "%2B09:00"
    assert hall.listed(f"/bookings?from={in_japan}") == [mine]
    assert hall.listed(f"/bookings?to={in_japan}") == []
    assert hall.listed(f"/bookings?from={rfc3339(created_at + timedelta(microseconds=1))}") == []


@pytest.mark.parametrize("address", ["/bookings", f"/bookings/{uuid4()}/history"])
def test_a_token_that_may_read_bookings_is_asked_for_first(hall: Hall, address: str) -> None:
    assert_problem(hall.client.get(f"{address}?limit=x"), 401)
    assert_problem(hall.client.get(f"{address}?limit=x", headers=hall.public), 403)


def test_a_story_is_told_to_its_owner_and_to_who_may_see_all(hall: Hall) -> None:
    booking = hall.book(seats=2)
    hall.settle()
    for headers in (hall.ada, hall.root):
        answer = hall.get(f"/bookings/{booking}/history", headers)
        assert answer.status_code == 200
        assert answer.headers["Cache-Control"] == "no-store"
        requested, decided = answer.json()
        assert requested | {"at": None} == {
            "at": None, "what": "requested", "status": "pending", "seats": 2, "reason": None, "by": ADA,
        }  # fmt: skip
        assert decided | {"at": None} == {
            "at": None, "what": "decided", "status": "confirmed", "seats": 2, "reason": None, "by": None,
        }  # fmt: skip
        shown = hall.get(f"/bookings/{booking}").json()
        assert (requested["at"], decided["at"]) == (shown["created_at"], shown["settled_at"])
        for line in answer.json():
            StoryLine.model_validate(line)
    assert_problem(hall.get(f"/bookings/{booking}/history", hall.bob), 404)


@pytest.mark.parametrize("booking_id", ["x", "1", str(UUID(int=0))[:-1], "%00", "é", str(uuid4()), uuid4().hex])
def test_a_story_of_no_booking_is_not_found(hall: Hall, booking_id: str) -> None:
    assert_problem(hall.get(f"/bookings/{booking_id}/history"), 404)
