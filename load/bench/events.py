"""What the benchmark writes and reads in the database, beside the contestants."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, exists, func, insert, or_, select

from booking_service.domain.audit import audit
from booking_service.domain.models import CANCEL_BOOKING, CONFIRMED, NOT_DUE, OFF, Booking, Change, Event, Lane, Stock
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
class EventRules:
    """What an event may have besides seats."""

    seats_per_user_max: int | None = None
    hold_seconds: int | None = None
    waitlist: str = OFF
    waiting_max: int = 0


NO_RULES = EventRules()


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of the bookings, or of the changes, of one run."""

    count: int
    seconds: float  # from the first made to the last decided
    milliseconds: Sequence[float]  # from made to decided, each, sorted

    @property
    def per_second(self) -> float:
        """How many were decided a second."""
        return self.count / self.seconds if self.seconds else 0.0

    def percentile(self, percent: float) -> float:
        """Return the time within which ``percent`` of them were decided, in milliseconds."""
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


def make_events(database: Database, count: int, seats: int, rules: EventRules = NO_RULES) -> int:
    """Add ``count`` events with ``seats`` seats each, their ids in a row; return the first id."""
    return database.write(partial(_make_events, count=count, seats=seats, rules=rules), repeat_lost=False)


def all_settled(database: Database) -> bool:
    """Tell whether nothing waits for its decision: looks into indexes, however many bookings there are."""
    due = or_(*(exists().where(queue.due_lane > NOT_DUE) for queue in (Booking, Change)))
    return not database.read(lambda c: c.scalar(select(due)))


def settled_since(database: Database, began: datetime) -> Settled:
    """Read what became of the bookings made after ``began``: a range of the primary key."""
    return _settled(database, Booking.created_at, Booking.settled_at, Booking.id >= _first_id(began))


def cancelled_since(database: Database, began: datetime) -> Settled:
    """Read what became of the cancellations asked for after ``began``: likewise."""
    asked = Change.id >= _first_id(began), Change.kind == CANCEL_BOOKING
    return _settled(database, Change.created_at, Change.done_at, *asked)


def _settled(database: Database, made_at: Any, decided_at: Any, *conditions: ColumnElement[bool]) -> Settled:  # noqa: ANN401  columns of any table
    rows = database.read(lambda c: c.execute(select(made_at, decided_at).where(*conditions)).all())
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


def _make_events(connection: Connection, count: int, seats: int, rules: EventRules) -> int:
    given = asdict(rules)
    waiting_max = given.pop("waiting_max")
    first = (connection.scalar(select(func.max(Event.id))) or 0) + 1
    now = datetime.now(UTC)
    starts_at = now + timedelta(days=365)
    for start in range(first, first + count, ROWS_A_STATEMENT):
        ids = range(start, min(start + ROWS_A_STATEMENT, first + count))
        events = [
            {"id": i, "name": "E", "venue": "V", "starts_at": starts_at, "lane": i % LANES, "created_at": now}
            | {"has_rules": rules != NO_RULES, **given}
            for i in ids
        ]
        connection.execute(insert(Event), events)
        stock = {"capacity": seats, "available": seats, "waiting_max": waiting_max}
        connection.execute(insert(Stock), [{"event_id": i, **stock} for i in ids])
    return first


def _first_id(moment: datetime) -> UUID:
    return UUID(int=int(moment.timestamp() * 1_000) << UUID7_TIMESTAMP_SHIFT)
