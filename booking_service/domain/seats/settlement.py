"""Settlement: the due bookings of a few lanes, decided in order, one batch a transaction."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from booking_service.domain.bookings.ids import made_at
from booking_service.domain.models import NOT_DUE, Event
from booking_service.domain.seats.decision import DueBooking, Transition, decide, seats_taken
from booking_service.domain.seats.lanes import due_rows, lock_lanes
from shared.database.literals import blob, moment, numbers, text


class SettlementConflictError(RuntimeError):
    """The rows are not as the lane's holder left them: somebody wrote without the lock. Nothing is committed."""


@dataclass(frozen=True, slots=True)
class Batch:
    """What one transaction of settlement came to."""

    lanes: list[int]  # those whose lock was got, in order; the others are being settled by somebody else
    settled: int  # bookings decided
    unreached: list[int]  # lanes of `lanes` that come after the last one in a batch that was full


def settle_batch(connection: Connection, lanes: Sequence[int], *, batch_max: int, now: datetime) -> Batch:
    """Decide up to ``batch_max`` due bookings of ``lanes``, lane after lane, and write what was decided.

    A lane that another drainer holds is left out: that drainer looks again after its batch, so it will see what the
    caller was sent for. Raises SettlementConflictError when a row changed under the lock.
    """
    locked = lock_lanes(connection, lanes)
    rows = due_rows(connection, locked, batch_max) if locked else []
    if not rows:
        return Batch(locked, 0, [])
    due = [DueBooking(booking_id, event_id, seats, status) for booking_id, event_id, seats, status, _ in rows]
    available, closed = _stock(connection, {booking.event_id for booking in due}, max(booking.id for booking in due))
    transitions = decide(available, due, _closed_at(connection, closed))
    _write_transitions(connection, transitions, now)
    _move_seats(connection, seats_taken(transitions))
    last_lane = rows[-1].due_lane
    return Batch(locked, len(due), [lane for lane in locked if lane > last_lane] if len(due) == batch_max else [])


def _stock(connection: Connection, event_ids: set[int], newest: bytes) -> tuple[dict[int, int], list[int]]:
    """Read how many seats each event has left, and which had closed when the booking ``newest`` was made.

    Sales close when the event begins.
    """
    rows = connection.exec_driver_sql(
        f"SELECT s.event_id,s.available,e.starts_at<={moment(made_at(newest))} "  # noqa: S608  numbers and a literal
        f"FROM stock s JOIN events e ON e.id=s.event_id WHERE s.event_id IN ({numbers(event_ids)})"
    ).all()
    closed = [event_id for event_id, _, has_closed in rows if has_closed]
    return {event_id: available for event_id, available, _ in rows}, closed


def _closed_at(connection: Connection, event_ids: list[int]) -> dict[int, datetime]:
    # Of the few that have closed and still have bookings to decide; an ordinary batch has none.
    if not event_ids:
        return {}
    rows = connection.execute(select(Event.id, Event.starts_at).where(Event.id.in_(event_ids)))
    return {event_id: starts_at for event_id, starts_at in rows}  # noqa: C416  a Row is not a plain tuple to mypy


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
