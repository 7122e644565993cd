"""Looking bookings up on each database: as they were stored, and what else there is to show of them."""

from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import UUID, uuid4

from sqlalchemy import select, update

from booking_service.domain.bookings import intake
from booking_service.domain.bookings.lookup import BookingState, find_bookings, find_expiries, head_of_waiting_list
from booking_service.domain.catalogue import EventState
from booking_service.domain.models import CANCEL_BOOKING, CANCEL_EVENT, SET_CAPACITY, SET_SEATS, Event, Hold, Stock
from shared.database.units import Database
from tests.fixtures.bookings import MakeEvent, accept, new_booking
from tests.fixtures.changes import change, request
from tests.fixtures.settling import settle_all


def booked(database: Database, event: EventState, seats: int = 1, key: str | None = None) -> BookingState:
    (state,) = accept(database, new_booking(event, seats, key=key))
    assert isinstance(state, BookingState)
    return state


def found(database: Database, *states: BookingState) -> list[BookingState]:
    by_id = database.read(partial(find_bookings, ids=[state.id for state in states]))
    return [by_id[state.id] for state in states]


def rules(database: Database, event: EventState, waiting_max: int = 0, **values: object) -> None:
    for statement in (
        update(Event).where(Event.id == event.id).values(has_rules=True, **values),
        update(Stock).where(Stock.event_id == event.id).values(waiting_max=waiting_max),
    ):
        database.write(lambda connection, statement=statement: connection.execute(statement), repeat_lost=False)  # type: ignore[misc]  # bound at once


def test_bookings_are_found_as_they_were_stored(booking_database: Database, make_event: MakeEvent) -> None:
    event = make_event(3)
    states = [booked(booking_database, event, seats, f"key {seats}") for seats in (1, 2, 3)]
    assert found(booking_database, *states) == states
    settle_all(booking_database)
    settled = found(booking_database, *states)
    assert [(state.status, state.reason) for state in settled] == [
        ("confirmed", None), ("confirmed", None), ("rejected", "sold_out"),
    ]  # fmt: skip
    find = partial(intake.find_by_key, user_id=1)
    assert [booking_database.read(partial(find, idempotency_key=f"key {n}")) for n in (1, 2, 3)] == settled


def test_what_is_not_there_is_not_found(booking_database: Database) -> None:
    assert booking_database.read(partial(find_bookings, ids=[])) == {}
    assert booking_database.read(partial(find_bookings, ids=[uuid4()])) == {}


def test_a_booking_is_being_cancelled_until_that_is_decided(booking_database: Database, make_event: MakeEvent) -> None:
    event = make_event(9)
    pending, confirmed, other, rejected = (booked(booking_database, event, seats) for seats in (1, 1, 1, 99))
    request(booking_database, change(event, pending, CANCEL_BOOKING, 0))
    settle = partial(settle_all, booking_database)
    request(booking_database, change(event, other, SET_SEATS, 2), change(event, None, SET_CAPACITY, 20))
    assert [state.is_cancelling for state in found(booking_database, pending, other)] == [True, False]
    settle()
    assert [state.status for state in found(booking_database, pending, confirmed, rejected)] == [
        "cancelled", "confirmed", "rejected",
    ]  # fmt: skip
    # What is over is not cancelled any more, whatever is due.
    request(booking_database, *[change(event, state, CANCEL_BOOKING, 1) for state in (pending, confirmed, rejected)])
    request(booking_database, change(event, None, CANCEL_EVENT))
    states = found(booking_database, pending, confirmed, rejected, other)
    assert [state.is_cancelling for state in states] == [False, True, False, False]
    settle()
    assert [state.is_cancelling for state in found(booking_database, pending, confirmed, rejected)] == [False] * 3


def test_holds_tell_until_when(booking_database: Database, make_event: MakeEvent) -> None:
    event = make_event(9)
    rules(booking_database, event, hold_seconds=60)
    held = booked(booking_database, event)
    settle_all(booking_database)
    expiries = booking_database.read(partial(find_expiries, ids=[held.id, uuid4()]))
    assert (
        booking_database.read(lambda connection: connection.scalars(select(Hold.expires_at)).one()) == expiries[held.id]
    )
    assert timedelta(0) < expiries[held.id] - datetime.now(UTC) <= timedelta(seconds=61)


def test_who_waits_is_found_in_order_with_why_they_were_skipped(
    booking_database: Database, make_event: MakeEvent
) -> None:
    event = make_event(4)
    rules(booking_database, event, 9, waitlist="fit")
    confirmed = booked(booking_database, event, 4)
    waiting = [booked(booking_database, event, seats) for seats in (4, 3, 1, 3)]
    settle_all(booking_database)

    def head(count_max: int = 9) -> list[tuple[UUID, str | None]]:
        rows = booking_database.read(partial(head_of_waiting_list, event_id=event.id, count_max=count_max))
        return [(UUID(bytes=booking_id), skipped) for booking_id, skipped in rows]

    assert head() == [(state.id, None) for state in waiting]
    assert head(2) == head()[:2]
    request(booking_database, change(event, confirmed, SET_SEATS, 2), change(event, None, SET_CAPACITY, 3))
    settle_all(booking_database)
    assert head() == [(waiting[0].id, "too_many_seats"), (waiting[1].id, "too_few_seats"), (waiting[3].id, None)]
