"""The path of a booking through one process, on SQLite: committed before woken, shown to its owner, waited for."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from sqlalchemy import update

from booking_service.box_office.sales import BoxOffice
from booking_service.domain.bookings import lookup
from booking_service.domain.catalogue import EventState, NewEvent
from booking_service.domain.errors import (
    BookingNotFound,
    EventInThePast,
    EventNotFound,
    IdempotencyKeyReused,
    SalesClosed,
    SoldOut,
)
from booking_service.domain.models import Event
from booking_service.domain.seats import settlement
from shared.database.units import Database
from shared.errors import InvalidInput
from shared.identity.tokens import Principal
from shared.queue import Waker
from tests.fixtures.bookings import STARTS_AT
from tests.fixtures.box_office import booking_settings, migrated_sqlite

SECONDS_MAX = 20
ADA, BOB = (Principal(uid, "x@example.com", "user", "1", 2**40) for uid in (1, 2))
ADMIN = Principal(1_000, "root@example.com", "admin", "1", 2**40)


class WitnessingWaker(Waker):
    """Looks, at the moment of each wake-up, through a connection of its own at what is committed."""

    def __init__(self, database: Database) -> None:  # without the thread and the Redis of a real one
        self.lanes: list[int] = []
        self.seen: list[list[UUID]] = []
        self._database = database

    def wake(self, lanes: Iterable[int]) -> None:
        for lane in lanes:
            self.lanes.append(lane)
            self.seen.append(self._database.read(partial(lookup.head_of_lane, lane=lane, count_max=100)))


class Desk:
    """A box office, its event, and hands to settle with."""

    def __init__(self, office: BoxOffice, database: Database, waker: WitnessingWaker, event: EventState) -> None:
        self.office, self.waker, self.event = office, waker, event
        self._database = database

    def settle(self) -> None:
        work = partial(settlement.settle_batch, lanes=[self.event.lane], batch_max=100, now=datetime.now(UTC))
        self._database.write(work, repeat_lost=True)


@pytest.fixture
def url(tmp_path: Path) -> str:
    return migrated_sqlite(tmp_path)


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    database = Database.connect(url, booking_settings(url), pool_size=10)
    yield database
    database.close()


@pytest.fixture
def witness(url: str) -> Iterator[Database]:
    witness = Database.connect(url, booking_settings(url), pool_size=1)
    yield witness
    witness.close()


Run = Callable[[Callable[[Desk], Awaitable[None]]], Desk]


@pytest.fixture
def run(database: Database, witness: Database, url: str) -> Run:
    def run_story(story: Callable[[Desk], Awaitable[None]]) -> Desk:
        async def bounded() -> Desk:
            waker = WitnessingWaker(witness)
            # Refreshed by the tests themselves, so that nothing happens behind their backs.
            office = BoxOffice(database, waker, booking_settings(url, sold_out_refresh_seconds=60), asyncio.Event())
            office.open()
            async with asyncio.timeout(SECONDS_MAX):
                event = await office.create_event(NewEvent("E", "V", STARTS_AT, 2))
                desk = Desk(office, database, waker, event)
                await story(desk)
                await office.close()
            return desk

        return asyncio.run(bounded())

    return run_story


def test_a_booking_is_committed_before_its_lane_is_woken(run: Run) -> None:
    booked: list[UUID] = []

    async def story(desk: Desk) -> None:
        booked.append((await desk.office.book(ADA, desk.event.id, 1, None)).id)

    desk = run(story)
    assert desk.waker.lanes == [desk.event.lane]
    assert desk.waker.seen == [booked]


def test_a_hundred_at_once_are_few_commits_and_few_wake_ups(run: Run) -> None:
    async def story(desk: Desk) -> None:
        states = await asyncio.gather(*(desk.office.book(ADA, desk.event.id, 1, None) for _ in range(100)))
        assert len({state.id for state in states}) == 100

    desk = run(story)
    assert set(desk.waker.lanes) == {desk.event.lane}
    assert len(desk.waker.lanes) < 50


def test_a_refused_booking_wakes_nobody(run: Run) -> None:
    async def story(desk: Desk) -> None:
        with pytest.raises(EventNotFound):
            await desk.office.book(ADA, 999, 1, None)
        with pytest.raises(InvalidInput):
            await desk.office.book(ADA, desk.event.id, 101, None)

    assert run(story).waker.lanes == []


def test_an_event_that_is_known_to_be_full_is_refused_without_a_write(run: Run) -> None:
    async def story(desk: Desk) -> None:
        full = await desk.office.create_event(NewEvent("E", "V", STARTS_AT, 0))
        for _ in range(3):
            with pytest.raises(SoldOut):
                await desk.office.book(ADA, full.id, 1, None)
        with pytest.raises(SoldOut):
            await desk.office.book(ADA, full.id, 1, "new key")

    assert run(story).waker.lanes == []


def test_when_sold_out_a_key_that_came_before_answers_its_booking(url: str, database: Database, run: Run) -> None:
    async def story(desk: Desk) -> None:
        first = await desk.office.book(ADA, desk.event.id, 2, "key")
        desk.settle()
        # Another process, which sees the event for the first time, knows at once that it is full.
        other = BoxOffice(database, desk.waker, booking_settings(url), asyncio.Event())
        again = await other.book(ADA, desk.event.id, 2, "key")
        assert (again.id, again.status) == (first.id, "confirmed")
        with pytest.raises(IdempotencyKeyReused):
            await other.book(ADA, desk.event.id, 1, "key")
        with pytest.raises(SoldOut):
            await other.book(BOB, desk.event.id, 2, "key")
        await other.close()

    run(story)


def test_once_an_event_has_begun_it_is_refused_without_a_write(run: Run) -> None:
    async def story(desk: Desk) -> None:
        begun = await desk.office.create_event(NewEvent("E", "V", datetime.now(UTC), 9), allow_past=True)
        for key in (None, "new key"):
            with pytest.raises(SalesClosed):
                await desk.office.book(ADA, begun.id, 1, key)

    assert run(story).waker.lanes == []


def test_once_an_event_has_begun_a_key_that_came_before_answers_its_booking(
    url: str, database: Database, run: Run
) -> None:
    async def story(desk: Desk) -> None:
        first = await desk.office.book(ADA, desk.event.id, 1, "key")
        begun = update(Event).where(Event.id == desk.event.id).values(starts_at=datetime.now(UTC))
        database.write(lambda connection: connection.execute(begun), repeat_lost=False)
        other = BoxOffice(database, desk.waker, booking_settings(url), asyncio.Event())
        assert (await other.book(ADA, desk.event.id, 1, "key")).id == first.id
        with pytest.raises(SalesClosed):
            await other.book(BOB, desk.event.id, 1, "key")
        await other.close()

    run(story)


def test_an_event_in_the_past_is_taken_only_when_that_is_asked_for(run: Run) -> None:
    async def story(desk: Desk) -> None:
        past = NewEvent("E", "V", datetime.now(UTC), 9)
        with pytest.raises(EventInThePast):
            await desk.office.create_event(past)
        assert (await desk.office.create_event(past, allow_past=True)).starts_at == past.starts_at

    run(story)


def test_a_booking_is_shown_to_its_owner_and_admins_only(run: Run) -> None:
    async def story(desk: Desk) -> None:
        booked = await desk.office.book(ADA, desk.event.id, 1, None)
        for viewer in (ADA, ADMIN):
            assert (await desk.office.booking(viewer, booked.id)).state == booked
        for stranger in (BOB, Principal(2, "x@example.com", "public", "1", 2**40)):
            with pytest.raises(BookingNotFound):
                await desk.office.booking(stranger, booked.id)
        with pytest.raises(BookingNotFound):
            await desk.office.booking(ADMIN, uuid4())

    run(story)


def test_pending_bookings_know_their_place_and_settled_ones_have_none(run: Run) -> None:
    async def story(desk: Desk) -> None:
        booked = [await desk.office.book(ADA, desk.event.id, 1, None) for _ in range(3)]
        places = [(await desk.office.booking(ADA, state.id)).place for state in booked]
        assert places == [1, 2, 3]
        desk.settle()
        views = [await desk.office.booking(ADA, state.id) for state in booked]
        assert [(view.state.status, view.place) for view in views] == [
            ("confirmed", None),
            ("confirmed", None),
            ("rejected", None),
        ]

    run(story)


def test_waiting_ends_when_the_booking_is_settled(run: Run) -> None:
    async def story(desk: Desk) -> None:
        booked = await desk.office.book(ADA, desk.event.id, 1, None)
        waiting = asyncio.ensure_future(desk.office.booking(ADA, booked.id, wait_seconds=SECONDS_MAX * 10))
        assert (await desk.office.booking(ADA, booked.id)).state.is_pending
        assert not waiting.done()
        await asyncio.to_thread(desk.settle)
        assert (await waiting).state.status == "confirmed"

    run(story)


def test_waiting_is_bounded(run: Run) -> None:
    async def story(desk: Desk) -> None:
        booked = await desk.office.book(ADA, desk.event.id, 1, None)
        started_at = time.monotonic()
        assert (await desk.office.booking(ADA, booked.id, wait_seconds=0.2)).state.is_pending
        assert 0.2 <= time.monotonic() - started_at < SECONDS_MAX / 2

    run(story)


def test_waiting_for_a_foreign_booking_is_refused_at_once(run: Run) -> None:
    async def story(desk: Desk) -> None:
        booked = await desk.office.book(ADA, desk.event.id, 1, None)
        with pytest.raises(BookingNotFound):
            await desk.office.booking(BOB, booked.id, wait_seconds=SECONDS_MAX * 10)

    run(story)


def test_closing_ends_the_waiting(run: Run) -> None:
    async def story(desk: Desk) -> None:
        booked = await desk.office.book(ADA, desk.event.id, 1, None)
        waiting = asyncio.ensure_future(desk.office.booking(ADA, booked.id, wait_seconds=SECONDS_MAX * 10))
        await desk.office.booking(ADA, booked.id, wait_seconds=0.1)  # the other one is between two looks by now
        await desk.office.close()
        assert (await waiting).state.is_pending

    run(story)


def test_closing_finishes_the_bookings_that_were_accepted(run: Run) -> None:
    async def story(desk: Desk) -> None:
        await desk.office.event(desk.event.id)
        await desk.office.book(ADA, desk.event.id, 1, None)  # the event is known now
        booking = [asyncio.ensure_future(desk.office.book(ADA, desk.event.id, 1, None)) for _ in range(20)]
        await asyncio.sleep(0)
        await desk.office.close()
        assert len({(await booked).id for booked in booking}) == 20

    run(story)


def test_events_are_listed_page_by_page(run: Run) -> None:
    async def story(desk: Desk) -> None:
        created = [
            desk.event,
            *[await desk.office.create_event(NewEvent(f"E{n}", "V", STARTS_AT, n)) for n in range(4)],
        ]
        first = await desk.office.events(after_id=0, count_max=3)
        rest = await desk.office.events(after_id=first[-1].id, count_max=3)
        assert [event.id for event in (*first, *rest)] == [event.id for event in created]
        with pytest.raises(EventNotFound):
            await desk.office.event(999)

    run(story)
