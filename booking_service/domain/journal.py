"""The journal, as it is read: what was done to bookings and to the seats of events, which the rows of `changes` keep.

Stories of bookings (`bookings/story.py`) and ledgers of events (`ledger/`) are told from it. Entries that are done
come in the order of decision: by the moment of their batch, and within it by their step.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, func, or_, select

from booking_service.domain.models import (
    CANCEL_BOOKING,
    CANCEL_EVENT,
    CANCELLED,
    CONFIRM_HOLD,
    CONFIRMED,
    EVENT_CANCELLED,
    EXPIRE_HOLD,
    HELD,
    NOT_SETTLED,
    PENDING,
    PROMOTE,
    SET_CAPACITY,
    SET_SEATS,
    Change,
)

IDS_MAX = 1_000  # in one statement

# What an entry that took effect is called in stories and ledgers.
DEEDS: Final[Mapping[str, str]] = {
    CANCEL_BOOKING: "cancelled",
    CONFIRM_HOLD: "confirmed",
    SET_SEATS: "seats_changed",
    PROMOTE: "promoted",
    EXPIRE_HOLD: "hold_expired",
    SET_CAPACITY: "capacity_changed",
    CANCEL_EVENT: "event_cancelled",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """A change as it is stored at this moment. What it found and left is None while it is due, or if it was refused."""

    id: UUID
    kind: str
    booking_id: UUID | None
    argument: int | None
    requested_by: int | None
    created_at: datetime
    outcome: str | None
    done_at: datetime | None
    step: int | None
    status_before: str | None
    status_after: str | None
    seats_before: int | None
    seats_after: int | None
    seats_taken: int | None

    @property
    def has_moved(self) -> bool:
        """Tell whether its booking became something else by it."""
        return self.status_before is not None


class Standing(NamedTuple):
    """What a booking is at some point of its life, and how many seats it has or waits for."""

    status: str
    seats: int


# In the order of the fields, so that a row is an Entry's arguments.
COLUMNS = tuple(getattr(Change, field.name) for field in fields(Entry))


def first_decision(now: Standing, reason: str | None, telling: Entry | None, *, has_holds: bool) -> Standing | None:
    """Tell what was first decided about a booking; None while it is pending, or when it was cancelled before its turn.

    It stands in no entry: the booking's own row had it, until the first entry that moved it wrote down what it found.
    So ``telling`` comes from `telling_entries`, ``now`` and ``reason`` from the row, and ``has_holds`` says whether the
    event gives holds. An event that is called off writes no entry for a booking that had its seats.
    """
    if telling is not None and telling.status_before not in {None, PENDING}:
        return Standing(str(telling.status_before), int(telling.seats_before or 0))
    if now.status == PENDING or (telling is not None and telling.status_after != PENDING):
        return None
    if (now.status, reason) == (CANCELLED, EVENT_CANCELLED):
        return Standing(HELD if has_holds else CONFIRMED, now.seats)
    return now


def telling_entries(connection: Connection, booking_ids: Sequence[UUID]) -> dict[UUID, Entry]:
    """Find for each of the bookings that were moved the entry that tells most of its first decision.

    That is the first that found it decided, and so wrote down how; without one, that which ended it undecided.
    """
    return {
        row.booking_id: Entry(*row[: len(COLUMNS)])
        for start in range(0, len(booking_ids), IDS_MAX)
        for row in connection.execute(_telling(booking_ids[start : start + IDS_MAX]))
    }


def _telling(booking_ids: Sequence[UUID]) -> Select[*tuple[Any, ...]]:
    order = [Change.status_before == PENDING, Change.status_after == PENDING, Change.done_at, Change.step]
    place = func.row_number().over(partition_by=Change.booking_id, order_by=order).label("place")
    ranked = (
        _indexed("changes_booking", *COLUMNS, place)
        .where(Change.booking_id.in_(booking_ids), Change.status_before.is_not(None), Change.done_at < NOT_SETTLED)
        .subquery()
    )
    return select(*(ranked.c[column.key] for column in COLUMNS)).where(ranked.c.place == 1)


def entries_of_booking(connection: Connection, booking_id: UUID, count_max: int) -> list[Entry]:
    """Return the first ``count_max`` entries of a booking, in the order of decision, then those that are due."""
    query = (
        _indexed("changes_booking", *COLUMNS)
        .where(Change.booking_id == booking_id)
        .order_by(Change.done_at, Change.step, Change.id)
        .limit(count_max)
    )
    return _entries(connection.execute(query))


def calling_off(connection: Connection, event_id: int) -> Entry | None:
    """Return the change that calls the event off, or did."""
    query = (
        _indexed("changes_event", *COLUMNS)
        .where(Change.event_id == event_id, Change.kind == CANCEL_EVENT)
        .order_by(Change.done_at.desc())
        .limit(1)
    )
    return next(iter(_entries(connection.execute(query))), None)


def first_capacity_change(connection: Connection, event_id: int) -> Entry | None:
    """Return the first entry by which the event got another capacity."""
    query = (
        _indexed("changes_event", *COLUMNS)
        .where(Change.event_id == event_id, Change.kind == SET_CAPACITY, Change.seats_before.is_not(None))
        .order_by(Change.done_at, Change.step)
        .limit(1)
    )
    return next(iter(_entries(connection.execute(query))), None)


def moves_of_event(
    connection: Connection, event_id: int, behind: tuple[datetime, int] | None, count_max: int
) -> list[Entry]:
    """Return up to ``count_max`` entries that took or gave back seats of the event, behind a moment and step."""
    query = (
        _indexed("changes_event", *COLUMNS)
        .where(Change.event_id == event_id, Change.done_at < NOT_SETTLED, Change.seats_taken != 0)
        .order_by(Change.done_at, Change.step)
        .limit(count_max)
    )
    return _entries(connection.execute(query if behind is None else query.where(_is_behind(*behind))))


def _is_behind(moment: datetime, step: int) -> ColumnElement[bool]:
    # The first condition is implied by the rest, and lets the index serve.
    return and_(Change.done_at >= moment, or_(Change.done_at > moment, Change.step > step))


def _indexed(index: str, *columns: Any) -> Select[*tuple[Any, ...]]:  # noqa: ANN401  as `select` takes them
    # Named, because to an optimizer a whole table may look cheap that is small at that moment.
    return select(*columns).with_hint(Change, f"FORCE INDEX ({index})", "mysql")


def _entries(rows: Iterable[Row[*tuple[Any, ...]]]) -> list[Entry]:
    return [Entry(*row) for row in rows]
