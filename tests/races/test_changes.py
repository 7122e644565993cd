"""Changes against whatever happens at the same moment, on connections of their own, a hundred times each."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial

import pytest
from sqlalchemy import select, update

from booking_service.domain import catalogue
from booking_service.domain.bookings.intake import NewBooking
from booking_service.domain.catalogue import EventState
from booking_service.domain.changes.intake import NewChange
from booking_service.domain.models import (
    CANCEL_BOOKING,
    CANCEL_EVENT,
    CANCELLED,
    CAPACITY_TAKEN,
    CONFIRM_HOLD,
    CONFIRMED,
    DONE,
    EXPIRED,
    HELD,
    HOLD_EXPIRED,
    REJECTED,
    SET_CAPACITY,
    STRICT,
    WAITLISTED,
    Change,
    Hold,
)
from booking_service.domain.rules import GivenRules
from booking_service.domain.seats.settlement import settle_batch
from shared.database.units import Database
from tests.fixtures.bookings import MakeEvent, accept, new_booking, seats_left, states
from tests.fixtures.changes import change, request
from tests.fixtures.databases import REAL
from tests.fixtures.settling import settle_all

ROUNDS = 100
AT_ONCE_MAX = 8
BATCHES = 3
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
HOLDS = GivenRules(hold_seconds=3_600)

Act = Callable[[], object]
Race = Callable[..., None]


@pytest.fixture(params=REAL)
def database_kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def race(booking_database: Database) -> Iterator[Race]:
    """Do the acts at the same moment, while two settle the event's lane; then settle what is left."""
    with ThreadPoolExecutor(AT_ONCE_MAX) as threads:

        def run(event: EventState, *acts: Act) -> None:
            all_acts = (*acts, *[partial(settle_some, booking_database, event)] * 2)
            start = threading.Barrier(len(all_acts))

            def begin(act: Act) -> None:
                start.wait()
                act()

            list(threads.map(begin, all_acts))
            settle_all(booking_database)

        yield run


def settle_some(database: Database, event: EventState) -> None:
    for _ in range(BATCHES):
        database.write(partial(settle_batch, lanes=[event.lane], batch_max=2), repeat_lost=True)


def outcome(database: Database, new: NewChange) -> str | None:
    return database.read(lambda c: c.scalar(select(Change.outcome).where(Change.id == new.id)))


def stored(database: Database, event: EventState, *users: int) -> list[NewBooking]:
    """Store a booking of one seat for each of ``users``, and have them settled."""
    batch = [new_booking(event, user=user) for user in users]
    accept(database, *batch)
    settle_all(database)
    return batch


def test_a_cancellation_against_the_decision(booking_database: Database, make_event: MakeEvent, race: Race) -> None:
    for _ in range(ROUNDS):
        event = make_event(1)
        first, second = new_booking(event), new_booking(event)
        accept(booking_database, first, second)
        cancel = change(event, first, CANCEL_BOOKING)
        race(event, partial(request, booking_database, cancel))
        was_first, was_second = states(booking_database, first, second)
        assert was_first == CANCELLED
        assert was_second in {CONFIRMED, REJECTED}
        assert seats_left(booking_database, event) == (was_second == REJECTED)


def test_a_cancellation_against_a_confirmation(booking_database: Database, make_event: MakeEvent, race: Race) -> None:
    for _ in range(ROUNDS):
        event = make_event(1, rules=HOLDS)
        (held,) = stored(booking_database, event, 1)
        cancel, confirm = change(event, held, CANCEL_BOOKING), change(event, held, CONFIRM_HOLD)
        race(event, partial(request, booking_database, cancel), partial(request, booking_database, confirm))
        assert states(booking_database, held) == [CANCELLED]
        assert outcome(booking_database, cancel) == DONE
        assert seats_left(booking_database, event) == 1


def test_a_confirmation_against_the_end_of_the_hold(
    booking_database: Database, make_event: MakeEvent, race: Race
) -> None:
    for _ in range(ROUNDS):
        event = make_event(1, rules=HOLDS)
        (held,) = stored(booking_database, event, 1)
        confirm = change(event, held, CONFIRM_HOLD)
        end = update(Hold).where(Hold.booking_id == held.id).values(expires_at=LONG_AGO)
        race(
            event,
            partial(request, booking_database, confirm),
            lambda end=end: booking_database.write(lambda c: c.execute(end), repeat_lost=False),
        )
        found = (
            states(booking_database, held)[0],
            outcome(booking_database, confirm),
            seats_left(booking_database, event),
        )
        assert found in {(CONFIRMED, DONE, 0), (EXPIRED, HOLD_EXPIRED, 1)}


def test_a_capacity_against_the_decision(booking_database: Database, make_event: MakeEvent, race: Race) -> None:
    for _ in range(ROUNDS):
        event = make_event(4)
        batch = [new_booking(event) for _ in range(4)]
        accept(booking_database, *batch)
        less = change(event, None, SET_CAPACITY, 2)
        race(event, partial(request, booking_database, less))
        confirmed = states(booking_database, *batch).count(CONFIRMED)
        is_done = outcome(booking_database, less) == DONE
        assert is_done or outcome(booking_database, less) == CAPACITY_TAKEN
        assert confirmed == (2 if is_done else 4)
        assert seats_left(booking_database, event) == 0


def test_the_end_of_an_event_against_those_who_book(
    booking_database: Database, make_event: MakeEvent, race: Race
) -> None:
    for _ in range(ROUNDS):
        event = make_event(9)
        batch = [new_booking(event) for _ in range(3)]
        over = change(event, None, CANCEL_EVENT)
        race(
            event,
            partial(request, booking_database, over),
            *(partial(accept, booking_database, new) for new in batch),
        )
        assert states(booking_database, *batch) == [CANCELLED] * 3
        found = booking_database.read(partial(catalogue.find_events, ids=[event.id]))[event.id]
        assert (found.is_cancelled, found.available) == (True, 9)


def test_one_seat_that_comes_free_goes_to_one_who_waits(
    booking_database: Database, make_event: MakeEvent, race: Race
) -> None:
    for _ in range(ROUNDS):
        event = make_event(1, rules=GivenRules(waitlist=STRICT))
        has_it, *waiting = stored(booking_database, event, 1, 2, 3, 4)
        cancels = [change(event, has_it, CANCEL_BOOKING, user=user) for user in (1, 2)]
        race(event, *(partial(request, booking_database, cancel) for cancel in cancels))
        assert states(booking_database, has_it, *waiting) == [CANCELLED, CONFIRMED, WAITLISTED, WAITLISTED]


def test_requests_of_one_user_never_pass_the_limit(
    booking_database: Database, make_event: MakeEvent, race: Race
) -> None:
    for _ in range(ROUNDS):
        event = make_event(9, rules=GivenRules(seats_per_user_max=3, hold_seconds=3_600))
        batch = [new_booking(event) for _ in range(5)]
        race(event, *(partial(accept, booking_database, new) for new in batch))
        found = states(booking_database, *batch)
        assert (found.count(HELD), found.count(REJECTED)) == (3, 2)
