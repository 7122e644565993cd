"""Intake: all bookings that wait at a moment become one insert. Ids are made before, so that it can be repeated."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, and_, select
from sqlalchemy.exc import IntegrityError

from booking_service.domain.bookings.lookup import COLUMNS, BookingState
from booking_service.domain.errors import EventNotFound, IdempotencyKeyReused
from booking_service.domain.models import PENDING, Booking
from shared.database import literals
from shared.errors import Problem

ATTEMPTS_EACH = 2


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


Key = tuple[int, str]


def accept(connection: Connection, batch: Sequence[NewBooking]) -> list[BookingState | Problem]:
    """Store ``batch`` as pending and answer for each what is stored now, or why nothing is.

    Safe to repeat after a commit of unknown outcome: a row with the same id is the same booking. A row with the same
    user and Idempotency-Key is answered in its place; with another event or number of seats the answer is
    IdempotencyKeyReused. EventNotFound when there is no such event.
    """
    leaders = _first_of_each_key(batch)
    stored = _insert_all(connection, list(leaders.values()))
    return [_answer(new, stored[leaders[_identity(new)].id]) for new in batch]


def find_by_key(connection: Connection, user_id: int, idempotency_key: str) -> BookingState | None:
    """Return the booking that ``user_id`` made with ``idempotency_key``."""
    row = connection.execute(
        select(*COLUMNS).where(Booking.user_id == user_id, Booking.idempotency_key == idempotency_key)
    ).one_or_none()
    return None if row is None else BookingState(*row)


def same_request(stored: BookingState, event_id: int, seats: int) -> BookingState:
    """Return ``stored`` if it was asked for in the same words. Raises IdempotencyKeyReused."""
    if (stored.event_id, stored.seats) != (event_id, seats):
        raise IdempotencyKeyReused
    return stored


def _first_of_each_key(batch: Sequence[NewBooking]) -> dict[UUID | Key, NewBooking]:
    leaders: dict[UUID | Key, NewBooking] = {}
    for new in batch:
        leaders.setdefault(_identity(new), new)
    return leaders


def _identity(new: NewBooking) -> UUID | Key:
    return new.id if new.idempotency_key is None else (new.user_id, new.idempotency_key)


def _answer(new: NewBooking, stored: BookingState | Problem) -> BookingState | Problem:
    if isinstance(stored, Problem):
        return stored
    try:
        return same_request(stored, new.event_id, new.seats)
    except IdempotencyKeyReused as problem:
        return problem


def _insert_all(connection: Connection, batch: list[NewBooking]) -> dict[UUID, BookingState | Problem]:
    try:
        return dict(_insert(connection, batch))
    except IntegrityError:
        # One bad row fails them all (never INSERT IGNORE, which hides it). Set aside what is stored already, try the
        # rest together, and only then one by one.
        stored: dict[UUID, BookingState | Problem] = dict(_find(connection, batch))
    rest = [new for new in batch if new.id not in stored]
    try:
        return stored | _insert(connection, rest)
    except IntegrityError:
        return stored | {new.id: _insert_one(connection, new) for new in rest}


def _insert_one(connection: Connection, new: NewBooking) -> BookingState | Problem:
    for _ in range(ATTEMPTS_EACH):
        if found := _find(connection, [new]):
            return found[new.id]
        try:
            return _insert(connection, [new])[new.id]
        except IntegrityError:
            continue  # somebody else's equal key was committed meanwhile, or there is no such event
    return EventNotFound()


def _insert(connection: Connection, batch: list[NewBooking]) -> dict[UUID, BookingState]:
    if not batch:
        return {}
    connection.exec_driver_sql(_insert_statement(connection, batch))
    return {
        new.id: BookingState(
            id=new.id,
            event_id=new.event_id,
            user_id=new.user_id,
            seats=new.seats,
            status=PENDING,
            reason=None,
            due_lane=new.lane,
            created_at=new.created_at,
            settled_at=None,
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


def _find(connection: Connection, batch: list[NewBooking]) -> dict[UUID, BookingState]:
    """Find the rows of ``batch`` that are stored already, by id or by key."""
    keyed = [new for new in batch if new.idempotency_key is not None]
    # Two plain lists rather than pairs, which MariaDB does not look up in the index.
    same_key = and_(
        Booking.user_id.in_({new.user_id for new in keyed}),
        Booking.idempotency_key.in_({new.idempotency_key for new in keyed}),
    )
    found: dict[UUID | Key, BookingState] = {}
    for condition in (Booking.id.in_([new.id for new in batch]), *([same_key] if keyed else [])):
        for *columns, key in connection.execute(select(*COLUMNS, Booking.idempotency_key).where(condition)):
            state = BookingState(*columns)
            found[state.id] = state
            if key is not None:
                found[state.user_id, key] = state
    matches = {new.id: found.get(new.id) or found.get(_identity(new)) for new in batch}
    return {new_id: state for new_id, state in matches.items() if state is not None}
