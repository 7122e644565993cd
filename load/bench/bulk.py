"""Many bookings at once, written by the database itself: a past to carry, a backlog to settle, a list that waits."""

from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

from sqlalchemy import Connection, TextClause, text, update

from booking_service.domain.models import (
    CONFIRMED,
    NOT_DUE,
    NOT_SETTLED,
    PENDING,
    REJECTED,
    SOLD_OUT,
    WAITLISTED,
    Stock,
)
from load.bench.events import LANES, EventRules, make_events
from shared.database.units import Database

ROWS_A_STATEMENT = 100_000
BOOKINGS_A_USER = 10
STORED = "%Y-%m-%d %H:%M:%S.%f"  # how a moment stands in the table
USER_ID_FIRST = 2  # the first is who loads
MANY, FEW = 1, 2  # the user who has half of `insert_histories`, and the one who has FEW_BOOKINGS
FEW_BOOKINGS = 10
RARE = 100_000  # one booking in so many is rejected
PAST = timedelta(days=1)  # how old the youngest booking of the past is
OVERDUE = timedelta(seconds=10)  # how old the youngest of a backlog is: the sweep looks for such

# A booking a millisecond, in the order of their ids, each for the next event in turn. The ids are UUIDv7: 48 bits of
# milliseconds, version 7, and digits that differ.
INSERT = """
INSERT INTO bookings (id, event_id, user_id, seats, status, reason, due_lane, created_at, settled_at)
SELECT
    UNHEX(CONCAT(LPAD(HEX(:began_ms + n), 12, '0'), '70008', SUBSTRING(SHA2(n, 256), 1, 15))),
    :first + n MOD :events,
    {user_id},
    {seats},
    {status},
    {reason},
    IF(:pending, (:first + n MOD :events) MOD :lanes, :not_due),
    TIMESTAMPADD(MICROSECOND, n * 1000, CAST(:began AS DATETIME(6))),
    IF(:pending, :not_settled, TIMESTAMPADD(MICROSECOND, n * 1000 + 20000, CAST(:began AS DATETIME(6))))
FROM (
    SELECT :start + a.d + 10 * b.d + 100 * c.d + 1000 * d.d + 10000 * e.d AS n
    FROM digits AS a, digits AS b, digits AS c, digits AS d, digits AS e
) AS numbers
WHERE n < :rows
ORDER BY n
"""
DIGITS = """
CREATE TABLE IF NOT EXISTS digits AS
SELECT 0 AS d UNION SELECT 1 UNION SELECT 2 UNION SELECT 3 UNION SELECT 4
UNION SELECT 5 UNION SELECT 6 UNION SELECT 7 UNION SELECT 8 UNION SELECT 9
"""


# Those of an event, now that its bookings are there.
WAIT = text("""
INSERT INTO waiting (event_id, booking_id, user_id, seats, seats_min)
SELECT event_id, id, user_id, seats, seats FROM bookings WHERE event_id = :event AND status = :waitlisted
""")
SELL = text("""
UPDATE stock JOIN (
    SELECT event_id, SUM(IF(status = :confirmed, seats, 0)) AS taken, SUM(status = :waitlisted) AS waits
    FROM bookings WHERE event_id BETWEEN :first AND :last GROUP BY event_id
) AS sold USING (event_id)
SET available = capacity - taken, waiting = waits
""")


@dataclass(frozen=True, slots=True)
class Row:
    """What the ``n``-th booking is, each as an expression of SQL."""

    status: str
    user_id: str = f"{USER_ID_FIRST} + n DIV {BOOKINGS_A_USER}"
    seats: str = "1"
    reason: str = "NULL"


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
    _insert(database, made, each * events, Row(f"'{CONFIRMED}'"))
    full = update(Stock).where(Stock.event_id.between(made.first, made.last)).values(available=0)
    database.write(lambda c: c.execute(full), repeat_lost=True)
    return made


def insert_backlog(database: Database, rows: int, events: int) -> Events:
    """Insert ``rows`` pending bookings of ``events`` events that have seats for all of them."""
    made = Events(make_events(database, events, rows), events)
    _insert(database, made, rows, Row(f"'{PENDING}'"), pending=True)
    return made


def insert_waiting_list(database: Database, kind: str, length: int, seats: int, seats_wanted_max: int) -> int:
    """Insert an event whose ``seats`` seats are user 1's, each a booking, and a list of ``length`` that waits for them.

    The first who waits wants one seat, and each one more than the one before, up to ``seats_wanted_max`` and so on from
    one. Return the event's id.
    """
    event_id = make_events(database, 1, seats, EventRules(waitlist=kind, waiting_max=length))
    row = Row(
        status=f"IF(n < {seats}, '{CONFIRMED}', '{WAITLISTED}')",
        user_id=f"IF(n < {seats}, 1, {USER_ID_FIRST} + n)",
        seats=f"IF(n < {seats}, 1, 1 + (n - {seats}) MOD {seats_wanted_max})",
    )
    _insert(database, Events(event_id, 1), seats + length, row)
    wait = partial(_execute, statement=WAIT.bindparams(event=event_id, waitlisted=WAITLISTED))
    database.write(wait, repeat_lost=False)
    _sell(database, Events(event_id, 1))
    return event_id


def insert_histories(database: Database, bookings: int, events: int) -> None:
    """Insert ``bookings`` of the user MANY, FEW_BOOKINGS of the user FEW and as many of others as of both, in between.

    ``bookings`` is a multiple of ten.
    """
    rows = 2 * bookings
    made = Events(make_events(database, events, rows), events)
    others = f"{USER_ID_FIRST + FEW} + n DIV {BOOKINGS_A_USER}"
    row = Row(
        status=f"IF(n MOD {RARE} = 0, '{REJECTED}', '{CONFIRMED}')",
        reason=f"IF(n MOD {RARE} = 0, '{SOLD_OUT}', NULL)",
        user_id=f"IF(n MOD 2 = 0, {MANY}, IF(n MOD {rows // FEW_BOOKINGS} = 1, {FEW}, {others}))",
    )
    _insert(database, made, rows, row)
    _sell(database, made)


def _sell(database: Database, events: Events) -> None:
    bound = SELL.bindparams(first=events.first, last=events.last, confirmed=CONFIRMED, waitlisted=WAITLISTED)
    database.write(partial(_execute, statement=bound), repeat_lost=True)


def _insert(database: Database, events: Events, rows: int, row: Row, *, pending: bool = False) -> None:
    began = datetime.now(UTC) - (OVERDUE if pending else PAST) - timedelta(milliseconds=rows)
    values = {
        "began_ms": int(began.timestamp() * 1_000),
        "began": began.strftime(STORED),
        "first": events.first,
        "events": events.count,
        "pending": pending,
        "lanes": LANES,
        "not_due": NOT_DUE,
        "not_settled": NOT_SETTLED.strftime(STORED),
        "rows": rows,
    }
    statement = text(INSERT.format(**asdict(row)))
    database.write(lambda c: c.exec_driver_sql(DIGITS), repeat_lost=True)
    for start in range(0, rows, ROWS_A_STATEMENT):
        some = statement.bindparams(**values, start=start)
        database.write(partial(_execute, statement=some), repeat_lost=False)


def _execute(connection: Connection, statement: TextClause) -> None:
    connection.execute(statement)
