"""Settlement: the due bookings of a few lanes, decided in order, one batch a transaction.

The one lock rule: take the lane, first, once. Whoever holds the lane's row may change the seats of its events.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Row, func, select
from sqlalchemy.engine import Connection

from booking_service.domain.bookings.ids import made_at
from booking_service.domain.models import NOT_DUE, Booking, Event, Lane
from booking_service.domain.seats.decision import DueBooking, Transition, decide, seats_taken
from shared.database.literals import blob, moment, numbers, text
from shared.database.units import BinaryUuid, is_mysql


class SettlementConflictError(RuntimeError):
    """The rows are not as the lane's holder left them: somebody wrote without the lock. Nothing is committed."""


@dataclass(frozen=True, slots=True)
class Batch:
    """What one transaction of settlement came to."""

    lanes: list[int]  # those whose lock was got, in order; the others are being settled by somebody else
    settled: int  # bookings decided
    unreached: list[int]  # lanes of `lanes` that come after the last one in a batch that was full


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


def settle_batch(connection: Connection, lanes: Sequence[int], *, batch_max: int, now: datetime) -> Batch:
    """Decide up to ``batch_max`` due bookings of ``lanes``, lane after lane, and write what was decided.

    A lane that another drainer holds is left out: that drainer looks again after its batch, so it will see what the
    caller was sent for. Raises SettlementConflictError when a row changed under the lock.
    """
    held = lock_lanes(connection, lanes)
    rows = _due(connection, held, batch_max) if held else []
    if not rows:
        return Batch(held, 0, [])
    due = [DueBooking(booking_id, event_id, seats, status) for booking_id, event_id, seats, status, _ in rows]
    available, closed = _stock(connection, {booking.event_id for booking in due}, max(booking.id for booking in due))
    transitions = decide(available, due, _closed_at(connection, closed))
    _write_transitions(connection, transitions, now)
    _move_seats(connection, seats_taken(transitions))
    last_lane = rows[-1].due_lane
    return Batch(held, len(due), [lane for lane in held if lane > last_lane] if len(due) == batch_max else [])


def lanes_due(connection: Connection, lanes: Sequence[int]) -> list[int]:
    """List those of ``lanes`` that have a due booking, without their locks."""
    due = select(Booking.due_lane).where(Booking.due_lane.in_(lanes)).distinct()
    return [lane for lane in connection.scalars(due) if lane is not None]


def lanes_overdue(connection: Connection, now: datetime, age: timedelta) -> list[int]:
    """List the lanes whose oldest due booking was made more than ``age`` before ``now``, or as much after it.

    A booking from the future comes from a process whose clock is ahead, and nobody knows how old it is.
    """
    oldest = (
        select(Booking.due_lane, func.min(Booking.id, type_=BinaryUuid()))
        .where(Booking.due_lane > NOT_DUE)
        .group_by(Booking.due_lane)
    )
    return [
        lane
        for lane, oldest_id in connection.execute(oldest)
        if lane is not None and abs(now - made_at(oldest_id.bytes)) > age
    ]


def _due(connection: Connection, lanes: Sequence[int], batch_max: int) -> Sequence[Row[bytes, int, int, str, int]]:
    """Read what is due and its lane, in the order of the index, which stops at the limit however long the queue is."""
    return connection.exec_driver_sql(
        f"SELECT id,event_id,seats,status,due_lane FROM bookings WHERE due_lane IN ({numbers(lanes)}) "  # noqa: S608  numbers
        f"ORDER BY due_lane,id LIMIT {batch_max}"
    ).all()


def _stock(connection: Connection, event_ids: set[int], newest: bytes) -> tuple[dict[int, int], list[int]]:
    """Read how many seats each event has left, and which events had begun when the booking ``newest`` was made."""
    rows = connection.exec_driver_sql(
        f"SELECT s.event_id,s.available,e.starts_at<={moment(made_at(newest))} "  # noqa: S608  numbers and a literal
        f"FROM stock s JOIN events e ON e.id=s.event_id WHERE s.event_id IN ({numbers(event_ids)})"
    ).all()
    return {event_id: available for event_id, available, _ in rows}, [event_id for event_id, _, begun in rows if begun]


def _closed_at(connection: Connection, event_ids: list[int]) -> dict[int, datetime]:
    # Of the few events that have begun and still have bookings to decide; an ordinary batch has none.
    if not event_ids:
        return {}
    begun = connection.execute(select(Event.id, Event.starts_at).where(Event.id.in_(event_ids)))
    return {event_id: starts_at for event_id, starts_at in begun}  # noqa: C416  a Row is not a plain tuple to mypy


def _write_transitions(connection: Connection, transitions: Sequence[Transition], now: datetime) -> None:
    groups: dict[tuple[str, str, str | None], list[bytes]] = defaultdict(list)
    for booking, status, reason, _ in transitions:
        groups[booking.status, status, reason].append(booking.id)
    for (was, status, reason), ids in groups.items():
        # Not `AND due_lane …`, which an index serves: a walk through that would wait for bookings of other lanes.
        _run(
            connection,
            f"UPDATE bookings SET status='{status}',reason={text(connection, reason)},due_lane={NOT_DUE},"  # noqa: S608  codes of our own and literals
            f"settled_at={moment(now)} WHERE id IN ({','.join(map(blob, ids))}) AND status='{was}'",
            rows=len(ids),
        )


def _move_seats(connection: Connection, taken: dict[int, int]) -> None:
    if not taken:
        return
    events: dict[int, list[int]] = defaultdict(list)
    for event_id, seats in taken.items():
        events[seats].append(event_id)
    cases = " ".join(f"WHEN event_id IN ({numbers(ids)}) THEN {seats}" for seats, ids in events.items())
    # One statement for all events. Relative, and bounded by the table's CHECK: a second defence behind the lock.
    _run(
        connection,
        f"UPDATE stock SET available=available-CASE {cases} END WHERE event_id IN ({numbers(taken)})",  # noqa: S608  numbers
        rows=len(taken),
    )


def _run(connection: Connection, statement: str, *, rows: int) -> None:
    changed = connection.exec_driver_sql(statement).rowcount
    if changed != rows:
        msg = f"{changed} rows changed where {rows} should have"
        raise SettlementConflictError(msg)
