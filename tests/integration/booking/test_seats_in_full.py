"""Migration 0004: what was there stays, what is not replaced yet goes on beside it, and a broken one is begun again."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from uuid import UUID

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text

from booking_service.domain import catalogue
from booking_service.domain.audit import audit
from booking_service.domain.bookings import lookup
from booking_service.domain.bookings.ids import new_id
from booking_service.domain.models import VERSION_TABLE, Base
from booking_service.migrations import MIGRATIONS
from lab.mysql import fresh_database
from shared.database.migrations import configuration, upgrade
from shared.database.units import Database
from tests.fixtures.databases import REAL, differences, settings, statements_of
from tests.fixtures.servers import Servers, wait_until

STARTS_AT = datetime(2099, 9, 11, 19, 15, tzinfo=UTC)
ROWS = 20_000
ROWS_AT_ONCE = 2_000


def migrate(database: Database, how: Callable[[Config, str], None], revision: str) -> None:
    config = configuration(MIGRATIONS)
    with database.engine.begin() as connection:
        config.attributes["connection"] = connection
        how(config, revision)


@pytest.fixture
def before(database_url: str) -> Iterator[Database]:
    """A database of the version before; whatever a test makes of it must stand the audit."""
    database = Database.connect(database_url, settings(), pool_size=4)
    migrate(database, command.upgrade, "0003")
    yield database
    assert database.read(lambda connection: differences(connection, Base.metadata, VERSION_TABLE)) == []
    assert database.read(partial(audit, now=datetime.now(UTC), overdue=None)) == []
    database.close()


# What the version before says, column for column: its processes run beside the migration, and for a while after it.
INSERT_EVENT = text("INSERT INTO events (name,venue,starts_at,lane,created_at) VALUES ('E','V',:starts_at,1,:now)")
INSERT_STOCK = text("INSERT INTO stock (event_id,capacity,available) VALUES (:event_id,:capacity,:capacity)")
INSERT_BOOKING = text(
    "INSERT INTO bookings (id,event_id,user_id,seats,status,due_lane,idempotency_key,created_at) "
    "VALUES (:id,:event_id,7,1,'pending',1,NULL,:now)"
)
CONFIRM_BOOKING = text(
    "UPDATE bookings SET status='confirmed',reason=NULL,due_lane=-1,settled_at=:now WHERE id=:id AND status='pending'"
)
TAKE_SEAT = text("UPDATE stock SET available=available-1 WHERE event_id=:event_id")
MOMENTS = {"starts_at": "2099-09-11 19:15:00.000000", "now": "2026-01-02 03:04:05.678901"}


def create_event_as_before(database: Database, capacity: int) -> int:
    def work(connection: Connection) -> int:
        event_id = int(connection.execute(INSERT_EVENT, MOMENTS).lastrowid)
        connection.execute(INSERT_STOCK, {"event_id": event_id, "capacity": capacity})
        connection.execute(text("INSERT INTO lanes (lane) VALUES (1)"))
        return event_id

    return database.write(work, repeat_lost=False)


def book_as_before(database: Database, event_id: int, count: int = 1) -> list[UUID]:
    ids = [new_id() for _ in range(count)]
    rows = [{"id": booking_id.bytes, "event_id": event_id} | MOMENTS for booking_id in ids]
    database.write(lambda connection: connection.execute(INSERT_BOOKING, rows), repeat_lost=False)
    return ids


def settle_as_before(database: Database, event_id: int, ids: list[UUID]) -> None:
    rows = [{"id": booking_id.bytes, "event_id": event_id} | MOMENTS for booking_id in ids]

    def work(connection: Connection) -> None:
        connection.execute(CONFIRM_BOOKING, rows)
        connection.execute(TAKE_SEAT, rows)

    database.write(work, repeat_lost=False)


def test_what_was_there_is_there_and_means_the_same(before: Database) -> None:
    event_id = create_event_as_before(before, 5)
    settled, waiting = book_as_before(before, event_id, 2), book_as_before(before, event_id)
    settle_as_before(before, event_id, settled)
    migrate(before, command.upgrade, "head")

    found = before.read(partial(lookup.find_bookings, ids=settled + waiting))
    assert [found[i].status for i in settled + waiting] == ["confirmed", "confirmed", "pending"]
    event = before.read(partial(catalogue.find_events, ids=[event_id]))[event_id]
    assert (event.capacity, event.available, event.status, event.has_rules) == (5, 3, "on_sale", False)
    assert (event.waitlist, event.waiting, event.waiting_max, event.rules.closes_at) == ("off", 0, 0, STARTS_AT)
    assert event.rules[:2] == (None, None)
    terms = before.read(lambda c: c.execute(text("SELECT DISTINCT decide_by,seats_min FROM bookings")).all())
    assert [tuple(row) for row in terms] == [(None, None)]


def test_what_is_not_replaced_yet_goes_on_after_it(before: Database) -> None:
    migrate(before, command.upgrade, "head")
    event_id = create_event_as_before(before, 5)
    ids = book_as_before(before, event_id, 3)
    settle_as_before(before, event_id, ids[:2])
    full = before.read(lambda c: c.exec_driver_sql("SELECT event_id FROM stock WHERE available=0").all())
    assert list(full) == []
    assert before.read(partial(catalogue.find_events, ids=[event_id]))[event_id].available == 3


@contextmanager
def booking_all_the_time(database: Database, event_id: int) -> Iterator[list[UUID]]:
    """Book as before in a thread; give the bookings so far. Raises what stood in the way of one."""
    booked: list[UUID] = []
    failures: list[Exception] = []
    done = threading.Event()

    def go_on() -> None:
        while not done.is_set() and not failures:
            try:
                booked.extend(book_as_before(database, event_id))
            except Exception as error:  # noqa: BLE001  whatever it is, the test wants to see it
                failures.append(error)

    thread = threading.Thread(target=go_on)
    thread.start()
    try:
        wait_until(lambda: booked or failures, "somebody books")
        yield booked
    finally:
        done.set()
        thread.join()
    if failures:
        raise failures[0]


def test_bookings_go_on_while_it_runs(before: Database, database_kind: str) -> None:
    event_id = create_event_as_before(before, 10**6)
    for _ in range(ROWS // ROWS_AT_ONCE):
        book_as_before(before, event_id, ROWS_AT_ONCE)
    with booking_all_the_time(before, event_id) as booked:
        at_first = len(booked)
        upgrade(before, MIGRATIONS)
        meanwhile = len(booked) - at_first
    count = "SELECT COUNT(*) FROM bookings"
    assert before.read(lambda c: c.exec_driver_sql(count).scalar()) == ROWS + len(booked)
    # SQLite has one lock for all, and whoever books waits for its end.
    assert meanwhile > 0 or database_kind not in REAL


@pytest.mark.parametrize("database_kind", REAL)
def test_nothing_that_it_does_to_a_large_table_copies_or_locks_it(
    before: Database, servers: Servers, database_kind: str
) -> None:
    statements: list[str] = []
    with statements_of(before, statements):
        migrate(before, command.upgrade, "head")
    alters = [statement for statement in statements if " bookings " in f"{statement} "]
    assert [statement.split()[:2] for statement in alters if "FOREIGN" not in statement] == [
        ["ALTER", "TABLE"],
        ["ALTER", "TABLE"],
        ["CREATE", "INDEX"],
    ]
    server = servers.mysql() if database_kind == "mysql" else servers.mariadb()
    with fresh_database(server, "instant") as url:
        database = Database.connect(url, settings(), pool_size=1)
        migrate(database, command.upgrade, "0003")
        with database.engine.begin() as connection:
            for statement in alters:
                # The server refuses what it could not do in this way.
                how = ", ALGORITHM=INSTANT" if statement.startswith("ALTER") else " ALGORITHM=INPLACE LOCK=NONE"
                connection.exec_driver_sql(f"{statement}{how}")
        database.close()


BROKEN_OFF = [
    ["DROP INDEX waiting_fit ON waiting"],
    ["DROP TABLE user_seats", "DROP TABLE waiting", "DROP TABLE holds"],
    ["DROP INDEX bookings_user ON bookings", "DROP INDEX events_cancelled ON events", "DROP TABLE changes"],
    ["ALTER TABLE bookings DROP COLUMN seats_min", "ALTER TABLE stock DROP COLUMN is_cancelled"],
    [],
]


@pytest.mark.parametrize("missing", BROKEN_OFF)
def test_one_that_was_broken_off_is_begun_again(before: Database, database_kind: str, missing: list[str]) -> None:
    # As MySQL leaves it: each step is committed, and the version is not noted yet.
    event_id = create_event_as_before(before, 5)
    book_as_before(before, event_id)
    migrate(before, command.upgrade, "head")
    with before.engine.begin() as connection:
        for statement in missing:
            connection.exec_driver_sql(statement if database_kind in REAL else statement.partition(" ON ")[0])
        connection.exec_driver_sql(f"UPDATE {VERSION_TABLE} SET version_num='0003'")  # noqa: S608  a constant
    upgrade(before, MIGRATIONS)
    assert before.read(partial(catalogue.find_events, ids=[event_id]))[event_id].available == 5


def test_it_can_be_taken_back(before: Database) -> None:
    event_id = create_event_as_before(before, 5)
    ids = book_as_before(before, event_id, 2)
    migrate(before, command.upgrade, "head")
    migrate(before, command.downgrade, "0003")
    settle_as_before(before, event_id, ids)
    migrate(before, command.upgrade, "head")
    assert before.read(partial(catalogue.find_events, ids=[event_id]))[event_id].available == 3
