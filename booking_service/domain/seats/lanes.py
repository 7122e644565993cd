"""Lanes: each event belongs to one, and a lane's bookings are decided in the order of their ids.

The one lock rule: take the lane, first, once. Whoever holds the lane's row may change the seats of its events. A
booking's place in its lane's queue is the pair of `due_lane` and `id`, and nobody else reads or writes that queue than
what stands here, the insert (`bookings/intake.py`) and settlement.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Connection, Row, func, insert, select
from sqlalchemy.exc import IntegrityError

from booking_service.domain.bookings.ids import made_at
from booking_service.domain.models import NOT_DUE, PENDING, Booking, Change, Hold, Lane
from booking_service.domain.seats.situation import DueChange
from shared.clock import utc_now
from shared.database.engines import is_mysql
from shared.database.literals import moment, numbers
from shared.database.types import BinaryUuid, UtcDateTime


def ensure_lane(connection: Connection, lane: int) -> None:
    """Make the row of ``lane`` unless it is there."""
    # A plain read: it does not wait for the drainer that holds the row. There is no foreign key for the same reason.
    if connection.scalar(select(Lane.lane).where(Lane.lane == lane)) is not None:
        return
    try:
        connection.execute(insert(Lane).values(lane=lane))
    except IntegrityError:
        return  # another event of this lane was created at the same moment


class Locks(NamedTuple):
    """The locks that were got, and what was seen with them."""

    lanes: list[int]  # in order
    now: datetime  # by the database's clock, read under the locks
    has_acts: bool  # whether a change or a hold's end may be due


class Acts(NamedTuple):
    """What is due besides bookings."""

    changes: list[DueChange]
    expired: list[bytes]  # bookings whose hold has ended
    is_cut: bool  # whether there is more than a batch may have

    def __bool__(self) -> bool:
        """Tell whether there is any."""
        return bool(self.changes or self.expired)


NEVER = "0001-01-01"  # where no lane was got, and nobody looks at it
NO_ACTS = Acts([], [], is_cut=False)


def lock_lanes(connection: Connection, lanes: Sequence[int]) -> Locks:
    """Take the locks of ``lanes`` until the transaction ends, those that can be got without waiting.

    Nobody who has a lane's lock ever waits for another's, so there is no order to keep and no deadlock. SQLite has one
    lock for all lanes, and the transaction has it since it began. Raises LookupError for a lane that no event was ever
    given.
    """
    if not is_mysql(connection):
        return Locks(sorted(lanes), utc_now(), has_acts=True)
    # One by one, each by its key: `lane IN (…)` is a scan, even where an index is forced, and locks the rows of other
    # lanes for a moment. Their drainers, who do not wait, would take them for being settled by somebody else.
    # SYSDATE: the moment at which the row was got; NOW and its like tell when the statement began. What is due is only
    # looked for here, and read later, so it does not matter that this look may be from before the lock. As text, and as
    # NULL where there is nothing: PyMySQL takes a moment apart for each lane, and a NULL costs half of a 0. The first
    # lane's look is for all of them: a look for each would cost MySQL more than all else in the statement.
    anywhere = numbers(lanes)
    look = (
        f"NULLIF(EXISTS(SELECT 1 FROM changes WHERE due_lane IN ({anywhere})) OR "  # noqa: S608  numbers
        f"EXISTS(SELECT 1 FROM holds WHERE lane IN ({anywhere}) AND expires_at<=UTC_TIMESTAMP(6)),0)"
    )
    rows = connection.exec_driver_sql(
        " UNION ALL ".join(
            f"(SELECT lane,CAST(SYSDATE(6) AS CHAR),{look if lane == lanes[0] else 'NULL'} "  # noqa: S608  numbers
            f"FROM lanes WHERE lane={lane} FOR UPDATE SKIP LOCKED)"
            for lane in lanes
        )
    ).all()
    locked = sorted(lane for lane, _, _ in rows)
    if len(locked) < len(lanes) and (unknown := set(lanes).difference(connection.scalars(select(Lane.lane)))):
        msg = f"lanes {sorted(unknown)} have no row"
        raise LookupError(msg)
    now = max((got_at for _, got_at, _ in rows), default=NEVER)
    # Without the first lane there was no look.
    has_acts = lanes[0] not in locked or any(found for _, _, found in rows)
    return Locks(locked, datetime.fromisoformat(now).replace(tzinfo=UTC), has_acts)


def due_bookings(connection: Connection, lanes: Sequence[int], batch_max: int) -> Sequence[Row[*tuple[Any, ...]]]:
    """Read what is due of ``lanes`` in order: id, event, seats, until when to decide, lane, and status if not pending.

    The order is that of the index, which stops at the limit however long the queue is.
    """
    return connection.exec_driver_sql(
        f"SELECT id,event_id,seats,decide_by,due_lane,NULLIF(status,'{PENDING}') AS wrong_status "  # noqa: S608  numbers
        f"FROM bookings WHERE due_lane IN ({numbers(lanes)}) ORDER BY due_lane,id LIMIT {batch_max}"
    ).all()


def due_acts(connection: Connection, locks: Locks, batch_max: int) -> Acts:
    """Read the changes and the ended holds that are due in the locked lanes, up to ``batch_max`` of each."""
    if not locks.has_acts:
        return NO_ACTS
    columns = Change.id, Change.kind, Change.event_id, Change.booking_id, Change.argument, Change.progress
    due = select(*columns).where(Change.due_lane.in_(locks.lanes)).order_by(Change.due_lane, Change.id).limit(batch_max)
    ended = (
        select(Hold.booking_id)
        .where(Hold.lane.in_(locks.lanes), Hold.expires_at <= locks.now)
        .order_by(Hold.lane, Hold.expires_at)
        .limit(batch_max)
    )
    changes = [
        DueChange(change_id.bytes, kind, event_id, _bytes(booking_id), argument, _bytes(progress))
        for change_id, kind, event_id, booking_id, argument, progress in connection.execute(due)
    ]
    expired = [booking_id.bytes for booking_id in connection.scalars(ended)]
    return Acts(changes, expired, is_cut=batch_max in {len(changes), len(expired)})


def head_of_lane(connection: Connection, lane: int, count_max: int) -> list[UUID]:
    """Return the ids of the first ``count_max`` due bookings of ``lane``, in the order of the queue."""
    due = select(Booking.id).where(Booking.due_lane == lane).order_by(Booking.id).limit(count_max)
    return list(connection.scalars(due))


def lanes_due(connection: Connection, lanes: Sequence[int]) -> list[int]:
    """List those of ``lanes`` that have a due booking, a due change or a hold that has ended, without their locks."""
    # Written out, because a drainer asks after every batch or two.
    return sorted(connection.exec_driver_sql(" UNION ".join(_due_lanes(connection, numbers(lanes)))).scalars())


def oldest_due(connection: Connection) -> dict[int, datetime]:
    """Return since when the oldest due booking, change or ended hold of each lane has waited.

    A booking or change waits since it was made, by the clock of the process that made it.
    """
    oldest = _oldest_asked(connection)
    for lane, ended in _ended_holds(connection).items():
        oldest[lane] = min(ended, oldest.get(lane, ended))
    return oldest


def _oldest_asked(connection: Connection) -> dict[int, datetime]:
    oldest: dict[int, datetime] = {}
    for queue in (Booking, Change):
        first = (
            select(queue.due_lane, func.min(queue.id, type_=BinaryUuid()))
            .where(queue.due_lane > NOT_DUE)
            .group_by(queue.due_lane)
        )
        for lane, oldest_id in connection.execute(first):
            if lane is not None:
                moment = made_at(oldest_id.bytes)
                oldest[lane] = min(moment, oldest.get(lane, moment))
    return oldest


def lanes_overdue(connection: Connection, now: datetime, age: timedelta) -> list[int]:
    """List the lanes whose oldest due booking or change was made more than ``age`` before ``now``, or as much after it.

    One from the future comes from a process whose clock is ahead, and nobody knows how old it is. A hold that has ended
    is overdue at once: nobody else wakes its lane.
    """
    overdue = {lane for lane, oldest in _oldest_asked(connection).items() if abs(now - oldest) > age}
    return sorted(overdue.union(_ended_holds(connection)))


def _due_lanes(connection: Connection, lanes: str) -> list[str]:
    now = "UTC_TIMESTAMP(6)" if is_mysql(connection) else moment(utc_now())
    return [
        f"SELECT due_lane FROM bookings WHERE due_lane IN ({lanes})",  # noqa: S608  numbers
        f"SELECT due_lane FROM changes WHERE due_lane IN ({lanes})",  # noqa: S608  numbers
        f"SELECT lane FROM holds WHERE lane IN ({lanes}) AND expires_at<={now}",  # noqa: S608  numbers and a moment
    ]


def _ended_holds(connection: Connection) -> dict[int, datetime]:
    ended = select(Hold.lane, func.min(Hold.expires_at)).where(Hold.expires_at <= _now(connection))
    return {lane: at for lane, at in connection.execute(ended.group_by(Hold.lane))}  # noqa: C416  a Row is no tuple to mypy


def _now(connection: Connection) -> Any:  # noqa: ANN401  an expression of SQL, or a value
    return func.utc_timestamp(6, type_=UtcDateTime()) if is_mysql(connection) else utc_now()


def _bytes(identifier: UUID | None) -> bytes | None:
    return None if identifier is None else identifier.bytes
