"""Lanes: each event belongs to one, and a lane's bookings are decided in the order of their ids.

The one lock rule: take the lane, first, once. Whoever holds the lane's row may change the seats of its events. A
booking's place in its lane's queue is the pair of `due_lane` and `id`, and nobody else reads or writes that queue than
what stands here, the insert (`bookings/intake.py`) and settlement.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Connection, Row, func, insert, select
from sqlalchemy.exc import IntegrityError

from booking_service.domain.bookings.ids import made_at
from booking_service.domain.models import NOT_DUE, Booking, Lane
from shared.database.engines import is_mysql
from shared.database.literals import numbers
from shared.database.types import BinaryUuid


def ensure_lane(connection: Connection, lane: int) -> None:
    """Make the row of ``lane`` unless it is there."""
    # A plain read: it does not wait for the drainer that holds the row. There is no foreign key for the same reason.
    if connection.scalar(select(Lane.lane).where(Lane.lane == lane)) is not None:
        return
    try:
        connection.execute(insert(Lane).values(lane=lane))
    except IntegrityError:
        return  # another event of this lane was created at the same moment


def lock_lanes(connection: Connection, lanes: Sequence[int]) -> list[int]:
    """Take the locks of ``lanes`` until the transaction ends; return those that were got, in order, without waiting.

    Nobody who has a lane's lock ever waits for another's, so there is no order to keep and no deadlock. SQLite has one
    lock for all lanes, and the transaction has it since it began. Raises LookupError for a lane that no event was ever
    given.
    """
    if not is_mysql(connection):
        return sorted(lanes)
    # One by one, each by its key: `lane IN (…)` is a scan, even where an index is forced, and locks the rows of other
    # lanes for a moment. Their drainers, who do not wait, would take them for being settled by somebody else.
    locks = " UNION ALL ".join(f"(SELECT lane FROM lanes WHERE lane={lane} FOR UPDATE SKIP LOCKED)" for lane in lanes)  # noqa: S608  numbers
    locked = sorted(connection.exec_driver_sql(locks).scalars())
    if len(locked) < len(lanes) and (unknown := set(lanes).difference(connection.scalars(select(Lane.lane)))):
        msg = f"lanes {sorted(unknown)} have no row"
        raise LookupError(msg)
    return locked


def due_rows(connection: Connection, lanes: Sequence[int], batch_max: int) -> Sequence[Row[bytes, int, int, str, int]]:
    """Read what is due of ``lanes`` in order: id, event, seats, status and lane of each.

    The order is that of the index, which stops at the limit however long the queue is.
    """
    return connection.exec_driver_sql(
        f"SELECT id,event_id,seats,status,due_lane FROM bookings WHERE due_lane IN ({numbers(lanes)}) "  # noqa: S608  numbers
        f"ORDER BY due_lane,id LIMIT {batch_max}"
    ).all()


def head_of_lane(connection: Connection, lane: int, count_max: int) -> list[UUID]:
    """Return the ids of the first ``count_max`` due bookings of ``lane``, in the order of the queue."""
    due = select(Booking.id).where(Booking.due_lane == lane).order_by(Booking.id).limit(count_max)
    return list(connection.scalars(due))


def lanes_due(connection: Connection, lanes: Sequence[int]) -> list[int]:
    """List those of ``lanes`` that have a due booking, without their locks."""
    due = select(Booking.due_lane).where(Booking.due_lane.in_(lanes)).distinct()
    return [lane for lane in connection.scalars(due) if lane is not None]


def oldest_due(connection: Connection) -> dict[int, datetime]:
    """Return when the oldest due booking of each lane was made, by the clock of the process that made it."""
    oldest = (
        select(Booking.due_lane, func.min(Booking.id, type_=BinaryUuid()))
        .where(Booking.due_lane > NOT_DUE)
        .group_by(Booking.due_lane)
    )
    return {lane: made_at(oldest_id.bytes) for lane, oldest_id in connection.execute(oldest) if lane is not None}


def lanes_overdue(connection: Connection, now: datetime, age: timedelta) -> list[int]:
    """List the lanes whose oldest due booking was made more than ``age`` before ``now``, or as much after it.

    A booking from the future comes from a process whose clock is ahead, and nobody knows how old it is.
    """
    return [lane for lane, oldest in oldest_due(connection).items() if abs(now - oldest) > age]
