"""Invariants as queries: each returns the rows that break one. Harmless on a live database.

Each is a single statement, so that it sees one state of the database even while bookings go on.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Select, and_, exists, func, or_, select

from booking_service.domain.models import NOT_DUE, NOT_SETTLED, PENDING, REJECTED, SEAT_TAKING, Booking, Event, Stock

ROWS_MAX = 100

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Invariant:
    """What must hold, and the query for what breaks it."""

    name: str
    broken: Select[*tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Violation:
    """An invariant that is broken, with up to ROWS_MAX rows that show it."""

    invariant: str
    rows: Sequence[Row]


def invariants(now: datetime, overdue: timedelta | None) -> list[Invariant]:
    """List what must hold; without ``overdue``, the one that needs running workers is left out."""
    return [*_of_seats(), *_of_bookings(), *([] if overdue is None else [_no_booking_waits(now, overdue)])]


def _of_seats() -> list[Invariant]:
    taken = (
        select(Booking.event_id, func.sum(Booking.seats).label("taken"))
        .where(Booking.status.in_(SEAT_TAKING))
        .group_by(Booking.event_id)
        # In the order of the table: through the index each of millions of rows would be fetched from another place.
        .with_hint(Booking, "IGNORE INDEX (bookings_event)", "mysql")
        .subquery()
    )
    seats_taken = func.coalesce(taken.c.taken, 0)
    return [
        Invariant(
            "the seats of an event are free or taken, and each is counted once",
            select(Stock.event_id, Stock.capacity, Stock.available, seats_taken.label("taken"))
            .outerjoin(taken, taken.c.event_id == Stock.event_id)
            .where(Stock.capacity != Stock.available + seats_taken),
        ),
        Invariant(
            "no event has fewer than no seats or more than its capacity",
            select(Stock.event_id, Stock.capacity, Stock.available).where(
                or_(Stock.available < 0, Stock.available > Stock.capacity)
            ),
        ),
        Invariant(
            "every event has its stock",
            select(Event.id).where(~exists().where(Stock.event_id == Event.id)),
        ),
    ]


def _of_bookings() -> list[Invariant]:
    is_pending = Booking.status == PENDING
    return [
        Invariant(
            "a booking is pending and due, or settled and neither",
            select(Booking.id, Booking.status, Booking.due_lane, Booking.settled_at).where(
                or_(
                    and_(is_pending, or_(Booking.due_lane == NOT_DUE, Booking.settled_at != NOT_SETTLED)),
                    and_(~is_pending, or_(Booking.due_lane != NOT_DUE, Booking.settled_at == NOT_SETTLED)),
                )
            ),
        ),
        Invariant(
            "a rejection has a reason, and nothing else has one",
            select(Booking.id, Booking.status, Booking.reason).where(
                (Booking.status == REJECTED) == Booking.reason.is_(None)
            ),
        ),
        Invariant(
            "a due booking waits in its event's lane",
            select(Booking.id, Booking.due_lane, Event.lane)
            .join(Event, Event.id == Booking.event_id)
            # Said although the second part implies it: so only the few that are due are walked through.
            .where(Booking.due_lane > NOT_DUE, Booking.due_lane != Event.lane),
        ),
        Invariant(
            "a user's idempotency key made one booking",
            select(Booking.user_id, Booking.idempotency_key, func.count().label("bookings"))
            .where(Booking.idempotency_key.is_not(None))
            .group_by(Booking.user_id, Booking.idempotency_key)
            .having(func.count() > 1),
        ),
    ]


def _no_booking_waits(now: datetime, overdue: timedelta) -> Invariant:
    return Invariant(
        f"no booking waits longer than {overdue.total_seconds():g} s",
        select(Booking.id, Booking.due_lane, Booking.created_at).where(
            Booking.due_lane > NOT_DUE, Booking.created_at < now - overdue
        ),
    )


def audit(connection: Connection, *, now: datetime, overdue: timedelta | None) -> list[Violation]:
    """Question every invariant; an empty list is what it should be."""
    violations = []
    for invariant in invariants(now, overdue):
        rows = connection.execute(invariant.broken.limit(ROWS_MAX)).mappings().all()
        if rows:
            violations.append(Violation(invariant.name, [dict(row) for row in rows]))
    return violations
