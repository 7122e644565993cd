"""Trouble that only a real server makes: deadlocks, lock waits, killed connections, and none there at all."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import BigInteger, Column, Connection, Integer, MetaData, String, Table, insert, select, text, update
from sqlalchemy.exc import DataError, IntegrityError

from shared.database.types import TABLE_OPTIONS
from shared.database.units import Database
from shared.errors import Unavailable
from tests.fixtures.databases import REAL, settings

SECONDS_MAX = 30
LOCK_SECONDS = 1

METADATA = MetaData()
ROWS = Table(
    "rows_to_fight_over",
    METADATA,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("number", Integer, nullable=False, default=0),
    Column("name", String(3)),
    **TABLE_OPTIONS,
)


@pytest.fixture(params=REAL)
def database_kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database.connect(database_url, settings(database_lock_timeout_seconds=LOCK_SECONDS), 4)
    database.write(METADATA.create_all, repeat_lost=False)
    database.write(lambda c: c.execute(insert(ROWS), [{"id": 1}, {"id": 2}]), repeat_lost=False)
    yield database
    database.close()


def add_one(connection: Connection, row: int) -> None:
    connection.execute(update(ROWS).where(ROWS.c.id == row).values(number=ROWS.c.number + 1))


def numbers(database: Database) -> list[int]:
    return list(database.read(lambda c: c.scalars(select(ROWS.c.number).order_by(ROWS.c.id)).all()))


def setting(database: Database, name: str) -> object:
    return database.read(lambda c: c.exec_driver_sql(f"SELECT @@SESSION.{name}").scalar())


def test_both_sides_of_a_deadlock_succeed_in_the_end(database: Database) -> None:
    both_hold_one = threading.Barrier(2)
    runs: list[int] = []

    def cross(first: int, second: int) -> None:
        met = False

        def work(connection: Connection) -> None:
            nonlocal met
            runs.append(first)
            add_one(connection, first)
            if not met:
                met = True
                both_hold_one.wait(SECONDS_MAX)
            add_one(connection, second)

        database.write(work, repeat_lost=False)

    with ThreadPoolExecutor(2) as threads:
        for done in [threads.submit(cross, 1, 2), threads.submit(cross, 2, 1)]:
            done.result(SECONDS_MAX)
    assert len(runs) > 2
    assert numbers(database) == [2, 2]


def test_who_waits_too_long_for_a_lock_is_run_again_and_succeeds_when_it_is_free(database: Database) -> None:
    runs: list[float] = []

    def work(connection: Connection) -> None:
        runs.append(time.monotonic())
        add_one(connection, 2)  # undone with the rest
        add_one(connection, 1)

    with ThreadPoolExecutor(1) as threads:
        with database.engine.connect() as holder, holder.begin():
            add_one(holder, 1)
            waiter = threads.submit(database.write, work, repeat_lost=False)
            deadline = time.monotonic() + SECONDS_MAX
            while len(runs) < 2 and time.monotonic() < deadline:
                time.sleep(0.02)
        waiter.result(SECONDS_MAX)
    assert len(runs) >= 2
    assert numbers(database) == [2, 1]


def test_a_lock_that_is_never_freed_ends_in_unavailable_with_nothing_half_done(database: Database) -> None:
    def work(connection: Connection) -> None:
        add_one(connection, 2)
        add_one(connection, 1)

    with database.engine.connect() as holder, holder.begin():
        add_one(holder, 1)
        with pytest.raises(Unavailable):
            database.write(work, repeat_lost=False)
    assert numbers(database) == [1, 0]


class KilledOnce:
    """Work whose connection the server ends in the middle, the first time."""

    def __init__(self, database: Database) -> None:
        self.runs = 0
        self._database = database

    def __call__(self, connection: Connection) -> str:
        self.runs += 1
        add_one(connection, 1)
        if self.runs == 1:
            identifier = connection.exec_driver_sql("SELECT CONNECTION_ID()").scalar()
            with self._database.engine.connect() as other:
                other.exec_driver_sql(f"KILL {identifier}")
        add_one(connection, 2)
        return "done"


def test_work_that_bears_it_is_repeated_on_a_new_connection_when_its_own_is_killed(database: Database) -> None:
    work = KilledOnce(database)
    assert database.write(work, repeat_lost=True) == "done"
    assert work.runs == 2
    assert numbers(database) == [1, 1]


def test_other_work_is_told_when_its_connection_is_killed(database: Database) -> None:
    work = KilledOnce(database)
    with pytest.raises(Unavailable):
        database.write(work, repeat_lost=False)
    assert work.runs == 1
    assert numbers(database) == [0, 0]


def test_a_connection_that_was_killed_while_idle_is_replaced_unnoticed(database: Database) -> None:
    which = text("SELECT CONNECTION_ID()")
    with database.engine.connect() as killer:
        victim = database.read(lambda c: c.scalar(which))
        killer.exec_driver_sql(f"KILL {victim}")
        runs: list[object] = []
        database.write(lambda c: runs.append(c.scalar(which)), repeat_lost=False)
    assert len(runs) == 1
    assert runs != [victim]


def test_a_server_that_is_away_is_unavailable_at_once(database_url: str) -> None:
    # The port is closed; the name is the one that the real server has.
    database = Database.connect(
        f"mysql+pymysql://root@127.0.0.1:1/{database_url.rpartition('/')[2]}", settings(), pool_size=1
    )
    started_at = time.monotonic()
    for repeat_lost in (True, False):
        with pytest.raises(Unavailable):
            database.write(lambda _: None, repeat_lost=repeat_lost)
    with pytest.raises(Unavailable):
        database.read(lambda _: None)
    assert time.monotonic() - started_at < SECONDS_MAX
    database.close()


def test_a_database_that_does_not_exist_is_unavailable(database_url: str) -> None:
    database = Database.connect(f"{database_url}_not", settings(), pool_size=1)
    with pytest.raises(Unavailable):
        database.read(lambda _: None)
    database.close()


@pytest.mark.parametrize(
    "values", [{"id": 3, "number": 2**31}, {"id": 3, "name": "four"}, {"id": 2**63}, {"id": 3, "number": None}]
)
def test_a_value_that_does_not_fit_is_an_error_and_never_a_changed_value(
    database: Database, values: dict[str, object]
) -> None:
    with pytest.raises((DataError, IntegrityError)):
        database.write(lambda c: c.execute(insert(ROWS).values(**values)), repeat_lost=False)
    assert numbers(database) == [0, 0]


def test_text_keeps_all_four_bytes_of_a_character_and_equal_means_equal(database: Database) -> None:
    database.write(
        lambda c: c.execute(insert(ROWS), [{"id": 3, "name": "🎉é"}, {"id": 4, "name": "🎊e"}]), repeat_lost=False
    )
    found = database.read(lambda c: c.execute(select(ROWS.c.id, ROWS.c.name).where(ROWS.c.name == "🎉é")).all())
    assert found == [(3, "🎉é")]


def test_every_session_has_our_limits(database: Database) -> None:
    modes = str(setting(database, "sql_mode"))
    assert "STRICT_ALL_TABLES" in modes
    assert setting(database, "innodb_lock_wait_timeout") == LOCK_SECONDS
    assert setting(database, "wait_timeout") == settings().database_idle_timeout_seconds
    assert setting(database, "time_zone") == "+00:00"
    assert setting(database, "character_set_client") == "utf8mb4"


def test_a_second_read_sees_what_was_committed_after_the_first(database: Database) -> None:
    with database.engine.connect() as reader, reader.begin():
        before = reader.scalar(select(ROWS.c.number).where(ROWS.c.id == 1))
        database.write(lambda c: add_one(c, 1), repeat_lost=False)
        after = reader.scalar(select(ROWS.c.number).where(ROWS.c.id == 1))
    assert (before, after) == (0, 1)


def test_a_replaced_connection_has_our_limits_too(database: Database) -> None:
    database.write(KilledOnce(database), repeat_lost=True)
    database.engine.dispose()
    assert setting(database, "innodb_lock_wait_timeout") == LOCK_SECONDS
    is_mariadb = "MariaDB" in str(database.read(lambda c: c.scalar(text("SELECT VERSION()"))))
    assert setting(database, "tx_isolation" if is_mariadb else "transaction_isolation") == "READ-COMMITTED"


def test_a_transaction_that_was_given_up_leaves_no_lock_behind(database: Database) -> None:
    def fail(connection: Connection) -> None:
        add_one(connection, 1)
        raise LookupError

    with pytest.raises(LookupError):
        database.write(fail, repeat_lost=False)
    with database.engine.connect() as other, other.begin():
        other.execute(text("SELECT id FROM rows_to_fight_over WHERE id = 1 FOR UPDATE NOWAIT"))
