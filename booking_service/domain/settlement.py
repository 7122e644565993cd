"""Settlement: the due bookings of one lane, decided in order, one batch a transaction.

The one lock rule: take the lane, first, once. Whoever holds the lane's row may change the seats of its events.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby
from operator import attrgetter
from uuid import UUID

from sqlalchemy import CursorResult, case, func, select, update
from sqlalchemy.engine import Connection

from booking_service.domain.decision import DueBooking, Outcome, decide, seats_taken
from booking_service.domain.models import Booking, Lane, Stock
from shared.database import BinaryUuid, is_mysql

UUID7_TIMESTAMP_SHIFT = 80  # a UUIDv7 begins with 48 bits of milliseconds since 1970 (RFC 9562, section 5.7)


class SettlementConflictError(RuntimeError):
    """The rows are not as the lane's holder left them: somebody wrote without the lock. Nothing is committed."""


def lock_lane(connection: Connection, lane: int) -> bool:
    """Take the lock of ``lane`` until the transaction ends; return False, without waiting, when somebody has it.

    SQLite has one lock for all lanes, and the transaction has it since it began. Raises LookupError for a lane that no
    event was ever given.
    """
    if not is_mysql(connection):
        return True
    rows = select(Lane.lane).where(Lane.lane == lane)
    if connection.scalar(rows.with_for_update(skip_locked=True)) is not None:
        return True
    if connection.scalar(rows) is None:
        msg = f"lane {lane} has no row"
        raise LookupError(msg)
    return False


def settle_batch(connection: Connection, lane: int, *, batch_max: int, now: datetime) -> int | None:
    """Decide up to ``batch_max`` due bookings of ``lane`` and write what was decided; return how many they were.

    Returns None when another drainer holds the lane: it looks again after this batch, so it will see what the caller
    was sent for. Raises SettlementConflictError when a row changed under the lock.
    """
    if not lock_lane(connection, lane):
        return None
    due = _due(connection, lane, batch_max)
    if not due:
        return 0
    outcomes = decide(_available(connection, {booking.event_id for booking in due}), due)
    _write_outcomes(connection, lane, outcomes, now)
    _take_seats(connection, seats_taken(outcomes))
    return len(due)


def has_due(connection: Connection, lane: int) -> bool:
    """Tell whether ``lane`` has a due booking, without its lock."""
    return connection.scalar(select(Booking.id).where(Booking.due_lane == lane).limit(1)) is not None


def lanes_overdue(connection: Connection, now: datetime, age: timedelta) -> list[int]:
    """List the lanes whose oldest due booking was made more than ``age`` before ``now``, or as much after it.

    A booking from the future comes from a process whose clock is ahead, and nobody knows how old it is.
    """
    oldest = (
        select(Booking.due_lane, func.min(Booking.id, type_=BinaryUuid()))
        .where(Booking.due_lane.is_not(None))
        .group_by(Booking.due_lane)
    )
    return [
        lane
        for lane, oldest_id in connection.execute(oldest)
        if lane is not None and abs(now - _made_at(oldest_id)) > age
    ]


def _due(connection: Connection, lane: int, batch_max: int) -> list[DueBooking]:
    rows = connection.execute(
        select(Booking.id, Booking.event_id, Booking.seats)
        .where(Booking.due_lane == lane)
        .order_by(Booking.id)
        .limit(batch_max)
    )
    return [DueBooking(*row) for row in rows]


def _available(connection: Connection, event_ids: set[int]) -> dict[int, int]:
    rows = connection.execute(select(Stock.event_id, Stock.available).where(Stock.event_id.in_(event_ids)))
    return {event_id: available for event_id, available in rows}  # noqa: C416  a Row is not a plain tuple to mypy


def _write_outcomes(connection: Connection, lane: int, outcomes: Sequence[Outcome], now: datetime) -> None:
    verdict = attrgetter("status", "reason")
    for (status, reason), group in groupby(sorted(outcomes, key=lambda o: (o.status, o.reason or "")), key=verdict):
        ids = [outcome.booking.id for outcome in group]
        result = connection.execute(
            update(Booking)
            .where(Booking.id.in_(ids), Booking.due_lane == lane)
            .values(status=status, reason=reason, due_lane=None, settled_at=now)
        )
        _expect(result, len(ids))


def _take_seats(connection: Connection, taken: dict[int, int]) -> None:
    if not taken:
        return
    # One statement for all events. Relative, and bounded by the table's CHECK: a second defence behind the lock.
    result = connection.execute(
        update(Stock)
        .where(Stock.event_id.in_(taken))
        .values(available=Stock.available - case(taken, value=Stock.event_id))
    )
    _expect(result, len(taken))


def _expect(result: CursorResult[tuple[()]], rows: int) -> None:
    if result.rowcount != rows:
        msg = f"{result.rowcount} rows changed where {rows} should have"
        raise SettlementConflictError(msg)


def _made_at(identifier: UUID) -> datetime:
    return datetime.fromtimestamp((identifier.int >> UUID7_TIMESTAMP_SHIFT) / 1000, UTC)
