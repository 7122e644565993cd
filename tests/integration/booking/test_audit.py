"""The audit finds each broken promise: on each database, a row is broken by hand and must be named."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from sqlalchemy import text

from booking_service.domain import catalogue
from booking_service.domain.audit import audit
from booking_service.domain.catalogue import NewEvent
from booking_service.domain.models import VERSION_TABLE, Base
from booking_service.migrations import MIGRATIONS
from shared.database.engines import is_mysql
from shared.database.migrations import upgrade
from shared.database.units import Database
from tests.fixtures.bookings import STARTS_AT, accept, new_booking, settle
from tests.fixtures.databases import differences, settings

NOW = datetime.now(UTC)
LONG_AGO = "'2020-01-01 00:00:00'"
WAITING = "INSERT INTO waiting SELECT event_id, id, user_id, 1, 1 FROM bookings"
ON_A_LIST = f"{WAITING}; UPDATE events SET waitlist = 'fit'; UPDATE stock SET waiting = 2"  # noqa: S608  constants
CHANGE_ID = f"X'{1:032x}'"
CHANGE = (
    f"INSERT INTO changes (id, kind, event_id, created_at, due_lane) SELECT {CHANGE_ID}, 'promote', id, {LONG_AGO},"
)
HOLD = f"INSERT INTO holds SELECT id, 1, {LONG_AGO} FROM bookings"  # noqa: S608  constants
BREAKAGES = {
    "the seats of an event are free or taken, and each is counted once": "UPDATE stock SET available = available - 1",
    "every event has its stock": "DELETE FROM stock",
    "a booking is pending and due, or settled and neither": "UPDATE bookings SET due_lane = 1, reason = NULL",
    "a rejection has a reason, of the rest only an event's end": "UPDATE bookings SET reason = 'sold_out'",
    "a due booking waits in its event's lane": "UPDATE bookings SET status = 'pending', due_lane = 99",
    "no event has fewer than no seats or more than its capacity": "UPDATE stock SET available = capacity + 1",
    "a user's idempotency key made one booking": "UPDATE bookings SET idempotency_key = 'k'",
    "a held booking has a hold": "UPDATE bookings SET status = 'held'",
    "a hold has a held booking, of its lane": HOLD,
    "a waitlisted booking has a place": "UPDATE bookings SET status = 'waitlisted'",
    "a place has a waitlisted booking that wants as much": WAITING,
    "those who wait are counted, and no more than the list allows": WAITING,
    "nobody waits for what is free": ON_A_LIST,
    "what a user has of an event with a limit is counted": "UPDATE events SET seats_per_user_max = 9",
    "what is counted, a user has": "INSERT INTO user_seats SELECT id, 7, 1 FROM events",
    "no user has more of an event than its limit": (
        "UPDATE events SET seats_per_user_max = 1; INSERT INTO user_seats SELECT id, 1, 2 FROM events"
    ),
    "a change is due, or done and has an outcome": f"{CHANGE} -1 FROM events",
    "a due change waits in its event's lane": f"{CHANGE} 99 FROM events",
    "nobody has a seat or a place of an event that is cancelled": "UPDATE stock SET is_cancelled = 1",
}


@pytest.fixture
def breakable(database_url: str) -> Iterator[Database]:
    """A database with a settled booking, whose own guards are off."""
    database = Database.connect(database_url, settings(), pool_size=2)
    upgrade(database, MIGRATIONS)
    create = partial(catalogue.create_event, new=NewEvent("E", "V", STARTS_AT, 5), lanes=4, now=NOW)
    event = database.write(create, repeat_lost=False)
    accept(database, new_booking(event, key="a"), new_booking(event, key="b"))
    settle(database, event)
    yield database
    database.close()


def broken(database: Database, overdue: timedelta | None = None) -> set[str]:
    return {v.invariant for v in database.read(partial(audit, now=datetime.now(UTC), overdue=overdue))}


def without_guards(database: Database, statement: str) -> None:
    with database.engine.connect() as connection:
        if not is_mysql(connection):
            connection.exec_driver_sql("ROLLBACK")
            connection.exec_driver_sql("PRAGMA foreign_keys = OFF")
            connection.exec_driver_sql("PRAGMA ignore_check_constraints = ON")
            connection.exec_driver_sql("DROP INDEX IF EXISTS bookings_idempotency")
            connection.exec_driver_sql("BEGIN")
        else:
            connection.execute(text("SET foreign_key_checks = 0"))
            connection.execute(text("ALTER TABLE stock DROP CONSTRAINT stock_bounds"))
            connection.execute(text("ALTER TABLE bookings DROP INDEX bookings_idempotency"))
        for part in statement.split(";"):
            connection.execute(text(part))
        connection.commit()


def test_a_healthy_database_breaks_no_promise(breakable: Database) -> None:
    assert broken(breakable, overdue=timedelta(0)) == set()


@pytest.mark.parametrize("invariant", BREAKAGES)
def test_a_broken_promise_is_named(breakable: Database, database_kind: str, invariant: str) -> None:
    if database_kind == "sqlite" and invariant == "a user's idempotency key made one booking":
        # SQLite cannot drop the constraint of a table; there it is impossible rather than audited.
        with pytest.raises(Exception, match="UNIQUE"):
            without_guards(breakable, BREAKAGES[invariant])
        return
    without_guards(breakable, BREAKAGES[invariant])
    assert invariant in broken(breakable)


def test_a_booking_that_waits_too_long_is_named(breakable: Database) -> None:
    without_guards(breakable, "UPDATE bookings SET status = 'pending', due_lane = 1")
    assert broken(breakable, timedelta(minutes=1)) & {"no booking waits longer than 60 s"} == set()
    assert "no booking waits longer than 0 s" in broken(breakable, timedelta(0))


def test_a_change_and_a_hold_that_wait_too_long_are_named(breakable: Database) -> None:
    without_guards(breakable, f"{CHANGE} 1 FROM events; {HOLD}")
    late = {"no change waits longer than 60 s", "no hold outlives its end by 60 s"}
    assert late <= broken(breakable, timedelta(minutes=1))


def test_migrations_and_models_describe_the_same_tables(breakable: Database) -> None:
    with breakable.engine.connect() as connection:
        assert differences(connection, Base.metadata, VERSION_TABLE) == []


def test_migrating_twice_changes_nothing(breakable: Database) -> None:
    upgrade(breakable, MIGRATIONS)
    assert broken(breakable) == set()
