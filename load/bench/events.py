"""What the benchmark writes and reads in the database, beside the contestants."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from sqlalchemy import Connection, func, insert, select

from booking_service.__main__ import MIGRATIONS
from booking_service.domain.audit import audit
from booking_service.domain.models import PENDING, Booking, Event, Lane, Stock
from shared.database import Database
from shared.migrations import upgrade
from shared.settings import BookingSettings, Settings

LANES = BookingSettings.model_fields["lanes"].default
ROWS_A_STATEMENT = 1_000


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of the bookings of one run."""

    count: int
    seconds: float  # from the first booking made to the last decided
    milliseconds: Sequence[float]  # from made to decided, each, sorted

    def percentile(self, percent: float) -> float:
        """Return the time within which ``percent`` of the bookings were decided, in milliseconds."""
        return self.milliseconds[min(len(self.milliseconds) - 1, int(len(self.milliseconds) * percent / 100))]


def prepare(database: Database) -> None:
    """Make the tables and the lanes."""
    upgrade(database, MIGRATIONS)
    database.write(lambda c: c.execute(insert(Lane), [{"lane": lane} for lane in range(LANES)]), repeat_lost=False)


def make_events(database: Database, count: int, seats: int) -> int:
    """Add ``count`` events with ``seats`` seats each, their ids in a row; return the first id."""
    return database.write(partial(_make_events, count=count, seats=seats), repeat_lost=False)


def pending(database: Database) -> int:
    """Count the bookings that wait for their decision."""
    return database.read(lambda c: c.scalar(select(func.count()).where(Booking.status == PENDING)) or 0)


def settled_since(database: Database, began: datetime) -> Settled:
    """Read what became of the bookings made after ``began``."""
    rows = database.read(
        lambda c: c.execute(select(Booking.created_at, Booking.settled_at).where(Booking.created_at >= began)).all()
    )
    times = [(made, decided) for made, decided in rows if decided is not None]
    milliseconds = sorted((decided - made).total_seconds() * 1_000 for made, decided in times)
    seconds = (max(decided for _, decided in times) - min(made for made, _ in times)).total_seconds() if times else 0.0
    return Settled(len(times), seconds, milliseconds)


def verdict(database: Database) -> str:
    """Run the audit: `ok`, or the names of the promises that are broken."""
    violations = database.read(partial(audit, now=datetime.now(UTC), overdue=None))
    return "; ".join(violation.invariant for violation in violations) or "ok"


def _make_events(connection: Connection, count: int, seats: int) -> int:
    first = (connection.scalar(select(func.max(Event.id))) or 0) + 1
    now = datetime.now(UTC)
    for start in range(first, first + count, ROWS_A_STATEMENT):
        ids = range(start, min(start + ROWS_A_STATEMENT, first + count))
        events = [
            {"id": i, "name": "E", "venue": "V", "starts_at": now, "lane": i % LANES, "created_at": now} for i in ids
        ]
        connection.execute(insert(Event), events)
        connection.execute(insert(Stock), [{"event_id": i, "capacity": seats, "available": seats} for i in ids])
    return first


def database_of(url: str) -> Database:
    """Connect for the benchmark's own questions."""
    settings = Settings.model_validate({"redis_url": "redis://127.0.0.1:1/0", "database_read_timeout_seconds": 600})
    return Database.connect(url, settings, pool_size=2)
