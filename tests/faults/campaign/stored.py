"""What the database holds, in plain values, and the audit of one moment of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Connection, Engine, create_engine, select

from booking_service.domain.audit import audit
from booking_service.domain.models import Booking, Event, Stock
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


class EventRow(NamedTuple):
    """An event and its stock."""

    event_id: int
    lane: int
    capacity: int
    available: int


@dataclass(frozen=True)
class Stored:
    """The final state."""

    rows: Sequence[Row]
    events: Sequence[EventRow]


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
    """Read all bookings and events."""
    columns = (
        Booking.id,
        Booking.event_id,
        Booking.user_id,
        Booking.seats,
        Booking.status,
        Booking.idempotency_key,
        Booking.settled_at,
    )
    bookings = connection.execute(select(*columns).execution_options(stream_results=True))
    rows = [Row(str(row[0]), *row[1:6], _seconds(row[6])) for row in bookings]
    stock = select(Event.id, Event.lane, Stock.capacity, Stock.available).join(Stock, Stock.event_id == Event.id)
    return Stored(rows, [EventRow(*row) for row in connection.execute(stock)])


def read_snapshot(connection: Connection) -> list[str]:
    """Audit the moment that the transaction of ``connection`` sees; describe what is broken."""
    now = utc_now()
    return [f"{v.invariant}: {v.rows[:3]}" for v in audit(connection, now=now, overdue=None)]


def made_at(booking_id: str) -> float:
    """Return the seconds since 1970 at which a UUIDv7 says it was made (RFC 9562, section 5.7)."""
    return (UUID(booking_id).int >> 80) / 1000


def _seconds(moment: datetime | None) -> float | None:
    return None if moment is None else moment.timestamp()
