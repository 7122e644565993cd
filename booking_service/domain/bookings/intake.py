"""Intake: all bookings that wait at a moment become one insert. Ids are made before, so that it can be repeated."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, NamedTuple
from uuid import UUID

from sqlalchemy import Connection, select

from booking_service.domain.bookings.lookup import COLUMNS, BookingState
from booking_service.domain.models import PENDING, Booking, Change
from booking_service.domain.repeatable import Answers, Key, Table
from shared.database import literals
from shared.errors import IdempotencyKeyReused, Problem

DECIDE_WITHIN_SECONDS_MAX: Final = 3_600


class Terms(NamedTuple):
    """On what terms a careful client asks for seats. None: as it comes."""

    seats_min: int | None = None  # as many as that will do
    decide_within: timedelta | None = None  # what is not decided by then is not wanted any more


ANY_TERMS: Final = Terms()


@dataclass(frozen=True, slots=True)
class NewBooking:
    """A booking to accept. ``id`` is a UUIDv7: its order is the order of the queue."""

    id: UUID
    event_id: int
    user_id: int
    seats: int
    lane: int
    idempotency_key: str | None
    created_at: datetime
    terms: Terms = ANY_TERMS

    @property
    def key(self) -> Key | None:
        """By which a repetition is known again."""
        return None if self.idempotency_key is None else (self.user_id, self.idempotency_key)


class Asked(NamedTuple):
    """What a request for seats asks for: with the same Idempotency-Key it must be the same."""

    event_id: int
    seats: int
    terms: Terms


def accept(connection: Connection, batch: Sequence[NewBooking]) -> list[BookingState | Problem]:
    """Store ``batch`` as pending and answer for each what is stored now, or why nothing is.

    Safe to repeat after a commit of unknown outcome: a row with the same id is the same booking. A row with the same
    user and Idempotency-Key is answered in its place, as `is_repeated`; when that was asked for in other words the
    answer is IdempotencyKeyReused. EventNotFound when there is no such event.
    """
    return _BOOKINGS.store(connection, batch)


def repeated(connection: Connection, new: NewBooking) -> BookingState | None:
    """Return what an earlier request with the key of ``new`` made; None without one. Raises IdempotencyKeyReused."""
    stored = None if new.key is None else _BOOKINGS.find_by_key(connection, new.key)
    if stored is None:
        return None
    (answer,) = _answers(connection, [new], [stored])
    if isinstance(answer, Problem):
        raise answer
    return answer


def find_by_key(connection: Connection, user_id: int, idempotency_key: str) -> BookingState | None:
    """Return the booking that ``user_id`` made with ``idempotency_key``."""
    return _BOOKINGS.find_by_key(connection, (user_id, idempotency_key))


def _answers(
    connection: Connection, batch: Sequence[NewBooking], stored: Answers[BookingState]
) -> Answers[BookingState]:
    others = {
        new.id: state
        for new, state in zip(batch, stored, strict=True)
        if isinstance(state, BookingState) and state.id is not new.id and state.id != new.id
    }
    if not others:
        return stored
    asked = _asked(connection, {state.id for state in others.values()})
    return [
        _repeat(new, others[new.id], asked) if new.id in others else state
        for new, state in zip(batch, stored, strict=True)
    ]


def _repeat(new: NewBooking, state: BookingState, asked: dict[UUID, Asked]) -> BookingState | Problem:
    first = asked[state.id]
    # Whoever allows fewer seats may have got fewer at once; then nothing says any more how many they had asked for.
    seats = first.seats if first.terms.seats_min is not None and first.seats < new.seats else new.seats
    return replace(state, is_repeated=True) if first == (new.event_id, seats, new.terms) else IdempotencyKeyReused()


def _asked(connection: Connection, ids: Collection[UUID]) -> dict[UUID, Asked]:
    """Tell what the bookings ``ids`` were asked for: with the seats that they had before anything changed them."""
    words = (Booking.id, Booking.event_id, Booking.seats, Booking.created_at, Booking.seats_min, Booking.decide_by)
    rows = connection.execute(select(*words).where(Booking.id.in_(ids))).all()
    # After the bookings, so that a change which is decided in between is seen here, if not there.
    about = (Change.booking_id.in_(ids), Change.seats_before.is_not(None))
    changes = select(Change.booking_id, Change.seats_before).where(*about).order_by(Change.done_at, Change.step)
    first_seats: dict[UUID | None, int | None] = {}
    for booking_id, seats in connection.execute(changes):
        first_seats.setdefault(booking_id, seats)
    asked = {}
    for booking_id, event_id, seats, created_at, seats_min, decide_by in rows:
        terms = Terms(seats_min, None if decide_by is None else decide_by - created_at)
        asked[booking_id] = Asked(event_id, first_seats.get(booking_id) or seats, terms)
    return asked


def _insert(connection: Connection, batch: list[NewBooking]) -> dict[UUID, BookingState]:
    connection.exec_driver_sql(_insert_statement(connection, batch))
    # By position: with keywords, a large part of what intake costs would be their dict.
    return {
        new.id: BookingState(
            new.id, new.event_id, new.user_id, new.seats, PENDING, None, new.lane, new.created_at, None
        )
        for new in batch
    }


def _insert_statement(connection: Connection, batch: list[NewBooking]) -> str:
    columns = "id,event_id,user_id,seats,status,due_lane,idempotency_key,created_at"
    rows = [
        f"{literals.blob(new.id.bytes)},{new.event_id},{new.user_id},{new.seats},'{PENDING}',{new.lane},"
        f"{literals.text(connection, new.idempotency_key)},{literals.moment(new.created_at)}"
        for new in batch
    ]
    if any(new.terms is not ANY_TERMS for new in batch):
        columns += ",seats_min,decide_by"
        rows = [f"{row},{_terms(new)}" for row, new in zip(rows, batch, strict=True)]
    return f"INSERT INTO bookings ({columns}) VALUES ({'),('.join(rows)})"  # noqa: S608  literals


def _terms(new: NewBooking) -> str:
    seats_min, decide_within = new.terms
    decide_by = "NULL" if decide_within is None else literals.moment(new.created_at + decide_within)
    return f"{'NULL' if seats_min is None else seats_min},{decide_by}"


_BOOKINGS = Table(
    insert=_insert,
    answers=_answers,
    state=BookingState,
    columns=COLUMNS,
    id=Booking.id,
    user_id=Booking.user_id,
    idempotency_key=Booking.idempotency_key,
)
