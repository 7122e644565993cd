"""Intake: all bookings that wait at a moment become one insert. Ids are made before, so that it can be repeated."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, NamedTuple
from uuid import UUID

from sqlalchemy import Connection, and_, select
from sqlalchemy.exc import IntegrityError

from booking_service.domain.bookings.lookup import COLUMNS, BookingState
from booking_service.domain.errors import EventNotFound
from booking_service.domain.models import PENDING, Booking, Change
from shared.database import literals
from shared.errors import IdempotencyKeyReused, Problem

ATTEMPTS_EACH = 2
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


class Asked(NamedTuple):
    """What a request for seats asks for: with the same Idempotency-Key it must be the same."""

    event_id: int
    seats: int
    terms: Terms


Key = tuple[int, str]


def accept(connection: Connection, batch: Sequence[NewBooking]) -> list[BookingState | Problem]:
    """Store ``batch`` as pending and answer for each what is stored now, or why nothing is.

    Safe to repeat after a commit of unknown outcome: a row with the same id is the same booking. A row with the same
    user and Idempotency-Key is answered in its place, as `is_repeated`; when that was asked for in other words the
    answer is IdempotencyKeyReused. EventNotFound when there is no such event.
    """
    leaders = _first_of_each_key(batch)
    stored = _insert_all(connection, list(leaders.values()))
    return _answers(connection, batch, [stored[leaders[_identity(new)].id] for new in batch])


def repeated(connection: Connection, new: NewBooking) -> BookingState | None:
    """Return what an earlier request with the key of ``new`` made; None without one. Raises IdempotencyKeyReused."""
    if new.idempotency_key is None:
        return None
    stored = find_by_key(connection, new.user_id, new.idempotency_key)
    if stored is None:
        return None
    (answer,) = _answers(connection, [new], [stored])
    if isinstance(answer, Problem):
        raise answer
    return answer


def find_by_key(connection: Connection, user_id: int, idempotency_key: str) -> BookingState | None:
    """Return the booking that ``user_id`` made with ``idempotency_key``."""
    row = connection.execute(
        select(*COLUMNS).where(Booking.user_id == user_id, Booking.idempotency_key == idempotency_key)
    ).one_or_none()
    return None if row is None else BookingState(*row)


def _first_of_each_key(batch: Sequence[NewBooking]) -> dict[UUID | Key, NewBooking]:
    leaders: dict[UUID | Key, NewBooking] = {}
    for new in batch:
        leaders.setdefault(_identity(new), new)
    return leaders


def _identity(new: NewBooking) -> UUID | Key:
    return new.id if new.idempotency_key is None else (new.user_id, new.idempotency_key)


def _answers(
    connection: Connection, batch: Sequence[NewBooking], stored: list[BookingState | Problem]
) -> list[BookingState | Problem]:
    """Answer each of ``batch`` by what is ``stored`` in its place: itself, or what its key came with before."""
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
