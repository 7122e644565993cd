"""Many bookings at once, written by the database itself: a past to carry, or a backlog to settle."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

from sqlalchemy import Connection, text, update

from booking_service.domain.models import CONFIRMED, NOT_DUE, NOT_SETTLED, PENDING, Stock
from load.bench.events import LANES, make_events
from shared.database.units import Database

ROWS_A_STATEMENT = 100_000
BOOKINGS_A_USER = 10
STORED = "%Y-%m-%d %H:%M:%S.%f"  # how a moment stands in the table
USER_ID_FIRST = 2  # the first is who loads
PAST = timedelta(days=1)  # how old the youngest booking of the past is
OVERDUE = timedelta(seconds=10)  # how old the youngest of a backlog is: the sweep looks for such

# A booking a millisecond, in the order of their ids, each for the next event in turn. The ids are UUIDv7: 48 bits of
# milliseconds, version 7, and digits that differ.
INSERT = text("""
INSERT INTO bookings (id, event_id, user_id, seats, status, due_lane, created_at, settled_at)
SELECT
    UNHEX(CONCAT(LPAD(HEX(:began_ms + n), 12, '0'), '70008', SUBSTRING(SHA2(n, 256), 1, 15))),
    :first + n MOD :events,
    :users + n DIV :per_user,
    1,
    :status,
    IF(:pending, (:first + n MOD :events) MOD :lanes, :not_due),
    TIMESTAMPADD(MICROSECOND, n * 1000, CAST(:began AS DATETIME(6))),
    IF(:pending, :not_settled, TIMESTAMPADD(MICROSECOND, n * 1000 + 20000, CAST(:began AS DATETIME(6))))
FROM (
    SELECT :start + a.d + 10 * b.d + 100 * c.d + 1000 * d.d + 10000 * e.d AS n
    FROM digits AS a, digits AS b, digits AS c, digits AS d, digits AS e
) AS numbers
WHERE n < :rows
ORDER BY n
""")
DIGITS = """
CREATE TABLE IF NOT EXISTS digits AS
SELECT 0 AS d UNION SELECT 1 UNION SELECT 2 UNION SELECT 3 UNION SELECT 4
UNION SELECT 5 UNION SELECT 6 UNION SELECT 7 UNION SELECT 8 UNION SELECT 9
"""


@dataclass(frozen=True, slots=True)
class Events:
    """The events that the rows belong to: their ids in a row."""

    first: int
    count: int

    @property
    def last(self) -> int:
        """The highest id."""
        return self.first + self.count - 1


def insert_past(database: Database, rows: int, events: int) -> Events:
    """Insert ``rows`` confirmed bookings that filled ``events`` events to the last seat."""
    each = -(-rows // events)
    made = Events(make_events(database, events, each), events)
    _insert(database, made, each * events, pending=False)
    full = update(Stock).where(Stock.event_id.between(made.first, made.last)).values(available=0)
    database.write(lambda c: c.execute(full), repeat_lost=True)
    return made


def insert_backlog(database: Database, rows: int, events: int) -> Events:
    """Insert ``rows`` pending bookings of ``events`` events that have seats for all of them."""
    made = Events(make_events(database, events, rows), events)
    _insert(database, made, rows, pending=True)
    return made


def _insert(database: Database, events: Events, rows: int, *, pending: bool) -> None:
    began = datetime.now(UTC) - (OVERDUE if pending else PAST) - timedelta(milliseconds=rows)
    values = {
        "began_ms": int(began.timestamp() * 1_000),
        "began": began.strftime(STORED),
        "first": events.first,
        "events": events.count,
        "users": USER_ID_FIRST,
        "per_user": BOOKINGS_A_USER,
        "status": PENDING if pending else CONFIRMED,
        "pending": pending,
        "lanes": LANES,
        "not_due": NOT_DUE,
        "not_settled": NOT_SETTLED.strftime(STORED),
        "rows": rows,
    }
    database.write(lambda c: c.exec_driver_sql(DIGITS), repeat_lost=True)
    for start in range(0, rows, ROWS_A_STATEMENT):
        database.write(partial(_insert_some, values=values | {"start": start}), repeat_lost=False)


def _insert_some(connection: Connection, values: dict[str, object]) -> None:
    connection.execute(INSERT, values)
