"""What the database holds, in plain values, and the audit of one moment of it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Connection, Engine, Select, create_engine, select

from booking_service.domain.audit import audit
from booking_service.domain.models import CANCELLED, OFF, SET_SEATS, Booking, Change, Event, Stock
from shared.clock import utc_now


class Row(NamedTuple):
    """A booking."""

    booking_id: str
    event_id: int
    user: int
    seats: int
    status: str
    key: str | None
    settled_at: float | None
    reason: str | None = None
    seats_min: int | None = None


class ChangeRow(NamedTuple):
    """A change, asked for or not, and what came of it."""

    change_id: str
    kind: str
    event_id: int
    booking_id: str | None = None
    argument: int | None = None
    user: int | None = None
    key: str | None = None
    outcome: str | None = None
    done_at: float | None = None
    step: int | None = None
    status_before: str | None = None
    status_after: str | None = None
    seats_before: int | None = None
    seats_after: int | None = None
    seats_taken: int | None = None


class EventRow(NamedTuple):
    """An event, its rules and its stock."""

    event_id: int
    lane: int
    capacity: int
    available: int
    seats_per_user_max: int | None = None
    hold_seconds: int | None = None
    waitlist: str = OFF
    waiting_max: int = 0
    cancel_until: float | None = None
    is_cancelled: bool = False


@dataclass(frozen=True)
class Stored:
    """The final state."""

    rows: Sequence[Row]
    events: Sequence[EventRow]
    changes: Sequence[ChangeRow] = ()

    @property
    def changed(self) -> int:
        """Count the bookings that were cancelled, by whomever, or that somebody gave other seats."""
        other_seats = {c.booking_id for c in self.changes if c.kind == SET_SEATS and c.seats_before != c.seats_after}
        return sum(row.status == CANCELLED or row.booking_id in other_seats for row in self.rows)


class Snapshot(NamedTuple):
    """The promises that one moment of the database breaks."""

    at: float
    broken: Sequence[str]


@dataclass
class Snapshots:
    """Those taken so far."""

    taken: list[Snapshot] = field(default_factory=list)


def connect(url: str) -> Engine:
    """Prepare one connection on which all reads of a transaction see the same moment."""
    return create_engine(
        url,
        pool_size=1,
        max_overflow=0,
        pool_pre_ping=True,
        isolation_level="REPEATABLE READ",
        connect_args={"connect_timeout": 2, "read_timeout": 60},
    )


def read_stored(connection: Connection) -> Stored:
    """Read all bookings, changes and events."""
    return Stored(
        rows=[Row(*row) for row in _read(connection, _BOOKINGS)],
        events=[EventRow(*row) for row in _read(connection, _EVENTS)],
        changes=[ChangeRow(*row) for row in _read(connection, _CHANGES)],
    )


_BOOKINGS = select(
    Booking.id,
    Booking.event_id,
    Booking.user_id,
    Booking.seats,
    Booking.status,
    Booking.idempotency_key,
    Booking.settled_at,
    Booking.reason,
    Booking.seats_min,
)
_EVENTS = select(
    Event.id,
    Event.lane,
    Stock.capacity,
    Stock.available,
    Event.seats_per_user_max,
    Event.hold_seconds,
    Event.waitlist,
    Stock.waiting_max,
    Event.cancel_until,
    Stock.is_cancelled,
).join(Stock, Stock.event_id == Event.id)
_CHANGES = select(
    Change.id,
    Change.kind,
    Change.event_id,
    Change.booking_id,
    Change.argument,
    Change.requested_by,
    Change.idempotency_key,
    Change.outcome,
    Change.done_at,
    Change.step,
    Change.status_before,
    Change.status_after,
    Change.seats_before,
    Change.seats_after,
    Change.seats_taken,
)


def _read(connection: Connection, query: Select[*tuple[Any, ...]]) -> Iterator[list[Any]]:
    for row in connection.execute(query.execution_options(stream_results=True)):
        yield [_plain(value) for value in row]


def _plain(value: Any) -> Any:  # noqa: ANN401  whatever a column holds
    if isinstance(value, UUID):
        return str(value)
    return value.timestamp() if isinstance(value, datetime) else value


def read_snapshot(connection: Connection) -> list[str]:
    """Audit the moment that the transaction of ``connection`` sees; describe what is broken."""
    now = utc_now()
    return [f"{v.invariant}: {v.rows[:3]}" for v in audit(connection, now=now, overdue=None)]


def made_at(booking_id: str) -> float:
    """Return the seconds since 1970 at which a UUIDv7 says it was made (RFC 9562, section 5.7)."""
    return (UUID(booking_id).int >> 80) / 1000
