"""What the benchmark writes and reads in the database, beside the contestants."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import UUID

from sqlalchemy import Connection, func, insert, select

from booking_service.domain.audit import audit
from booking_service.domain.models import CONFIRMED, NOT_DUE, Booking, Event, Lane, Stock
from booking_service.migrations import MIGRATIONS
from booking_service.settings import BookingSettings
from lab.mysql import fresh_database
from load.bench.mysql import Mysql
from shared.configuration.settings import Settings
from shared.database.migrations import upgrade
from shared.database.units import Database

LANES = BookingSettings.model_fields["lanes"].default
ROWS_A_STATEMENT = 1_000
READ_SECONDS_MAX = 600  # the audit of a large table
UUID7_TIMESTAMP_SHIFT = 80  # a UUIDv7 begins with 48 bits of milliseconds since 1970 (RFC 9562, section 5.7)


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of the bookings of one run."""

    count: int
    seconds: float  # from the first booking made to the last decided
    milliseconds: Sequence[float]  # from made to decided, each, sorted

    @property
    def per_second(self) -> float:
        """Bookings decided a second."""
        return self.count / self.seconds if self.seconds else 0.0

    def percentile(self, percent: float) -> float:
        """Return the time within which ``percent`` of the bookings were decided, in milliseconds."""
        if not self.milliseconds:
            return 0.0
        return self.milliseconds[min(len(self.milliseconds) - 1, int(len(self.milliseconds) * percent / 100))]


@contextmanager
def prepared_database(server: Mysql) -> Iterator[tuple[str, Database]]:
    """Make a database with the tables and the lanes; say its URL and how the benchmark asks it; drop it at the end."""
    with fresh_database(server.url, "bench") as url:
        settings = Settings.model_validate({"database_read_timeout_seconds": READ_SECONDS_MAX})
        database = Database.connect(url, settings, pool_size=2)
        try:
            upgrade(database, MIGRATIONS)
            rows = [{"lane": lane} for lane in range(LANES)]
            database.write(lambda c: c.execute(insert(Lane), rows), repeat_lost=False)
            yield url, database
        finally:
            database.close()


def make_events(database: Database, count: int, seats: int) -> int:
    """Add ``count`` events with ``seats`` seats each, their ids in a row; return the first id."""
    return database.write(partial(_make_events, count=count, seats=seats), repeat_lost=False)


def all_settled(database: Database) -> bool:
    """Tell whether no booking waits for its decision: a look into an index, however many bookings there are."""
    due = select(Booking.id).where(Booking.due_lane > NOT_DUE).limit(1)
    return database.read(lambda c: c.scalar(due)) is None


def settled_since(database: Database, began: datetime) -> Settled:
    """Read what became of the bookings made after ``began``: a range of the primary key."""
    made_since = select(Booking.created_at, Booking.settled_at).where(Booking.id >= _first_id(began))
    rows = database.read(lambda c: c.execute(made_since).all())
    times = [(made, decided) for made, decided in rows if decided is not None]
    milliseconds = sorted((decided - made).total_seconds() * 1_000 for made, decided in times)
    seconds = (max(decided for _, decided in times) - min(made for made, _ in times)).total_seconds() if times else 0.0
    return Settled(len(times), seconds, milliseconds)


def confirmed(database: Database, event_id: int) -> int:
    """Count the confirmed bookings of an event."""
    wanted = select(func.count()).where(Booking.event_id == event_id, Booking.status == CONFIRMED)
    return database.read(lambda c: c.scalar(wanted) or 0)


def counters(database: Database, names: Sequence[str]) -> dict[str, int]:
    """Read counters of the whole server."""
    status = "SHOW GLOBAL STATUS WHERE Variable_name IN ({})".format(", ".join(f"'{name}'" for name in names))
    rows = database.read(lambda c: c.exec_driver_sql(status).all())
    return {str(name): int(value) for name, value in rows}


def verdict(database: Database) -> str:
    """Run the audit: `ok`, or the names of the promises that are broken."""
    violations = database.read(partial(audit, now=datetime.now(UTC), overdue=None))
    return "; ".join(violation.invariant for violation in violations) or "ok"


def _make_events(connection: Connection, count: int, seats: int) -> int:
    first = (connection.scalar(select(func.max(Event.id))) or 0) + 1
    now = datetime.now(UTC)
    starts_at = now + timedelta(days=365)
    for start in range(first, first + count, ROWS_A_STATEMENT):
        ids = range(start, min(start + ROWS_A_STATEMENT, first + count))
        events = [
            {"id": i, "name": "E", "venue": "V", "starts_at": starts_at, "lane": i % LANES, "created_at": now}
            for i in ids
        ]
        connection.execute(insert(Event), events)
        connection.execute(insert(Stock), [{"event_id": i, "capacity": seats, "available": seats} for i in ids])
    return first


def _first_id(moment: datetime) -> UUID:
    return UUID(int=int(moment.timestamp() * 1_000) << UUID7_TIMESTAMP_SHIFT)
