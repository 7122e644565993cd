"""Intake: all bookings that wait at a moment become one insert. Ids are made before, so that it can be repeated."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection

from booking_service.domain.bookings.lookup import COLUMNS, BookingState
from booking_service.domain.errors import IdempotencyKeyReused
from booking_service.domain.models import PENDING, Booking
from booking_service.domain.repeatable import Answers, Key, Table
from shared.database import literals
from shared.errors import Problem


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

    @property
    def key(self) -> Key | None:
        """By which a repetition is known again."""
        return None if self.idempotency_key is None else (self.user_id, self.idempotency_key)


def accept(connection: Connection, batch: Sequence[NewBooking]) -> list[BookingState | Problem]:
    """Store ``batch`` as pending and answer for each what is stored now, or why nothing is.

    Safe to repeat after a commit of unknown outcome: a row with the same id is the same booking. A row with the same
    user and Idempotency-Key is answered in its place; with another event or number of seats the answer is
    IdempotencyKeyReused. EventNotFound when there is no such event.
    """
    return _BOOKINGS.store(connection, batch)


def find_by_key(connection: Connection, user_id: int, idempotency_key: str) -> BookingState | None:
    """Return the booking that ``user_id`` made with ``idempotency_key``."""
    return _BOOKINGS.find_by_key(connection, (user_id, idempotency_key))


def same_request(stored: BookingState, event_id: int, seats: int) -> BookingState:
    """Return ``stored`` if it was asked for in the same words. Raises IdempotencyKeyReused."""
    if (stored.event_id, stored.seats) != (event_id, seats):
        raise IdempotencyKeyReused
    return stored


def _answers(
    _connection: Connection, batch: Sequence[NewBooking], stored: Answers[BookingState]
) -> Answers[BookingState]:
    return [_answer(new, state) for new, state in zip(batch, stored, strict=True)]


def _answer(new: NewBooking, stored: BookingState | Problem) -> BookingState | Problem:
    if isinstance(stored, Problem) or (stored.event_id, stored.seats) == (new.event_id, new.seats):
        return stored
    return IdempotencyKeyReused()


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
    rows = ",".join(
        f"({literals.blob(new.id.bytes)},{new.event_id},{new.user_id},{new.seats},'{PENDING}',{new.lane},"
        f"{literals.text(connection, new.idempotency_key)},{literals.moment(new.created_at)})"
        for new in batch
    )
    return (
        "INSERT INTO bookings (id,event_id,user_id,seats,status,due_lane,idempotency_key,created_at) "  # noqa: S608  literals
        f"VALUES {rows}"
    )


_BOOKINGS = Table(
    insert=_insert,
    answers=_answers,
    state=BookingState,
    columns=COLUMNS,
    id=Booking.id,
    user_id=Booking.user_id,
    idempotency_key=Booking.idempotency_key,
)
