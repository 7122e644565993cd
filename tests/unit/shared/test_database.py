"""Column types that lose nothing, and units of work that are repeated when that helps and only then."""

import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from pymysql.err import IntegrityError as DriverIntegrityError
from pymysql.err import OperationalError as DriverError
from sqlalchemy import Column, Connection, MetaData, Table, insert, select, text
from sqlalchemy.dialects import mysql, sqlite
from sqlalchemy.exc import IntegrityError, OperationalError, StatementError
from uuid_utils.compat import uuid7

from shared.database.types import BinaryUuid, UtcDateTime
from shared.database.units import ATTEMPTS_MAX, Database
from shared.errors import Unavailable
from tests.fixtures.databases import settings

SECONDS_MAX = 20
NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
THINGS = Table("things", MetaData(), Column("id", BinaryUuid, primary_key=True), Column("moment", UtcDateTime))

Work = Callable[[Connection], str]


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database.connect(f"sqlite:///{tmp_path}/x.db", settings(database_lock_timeout_seconds=1), 2)
    database.write(THINGS.metadata.create_all, repeat_lost=False)
    yield database
    database.close()


class Failing:
    """Work that fails so many times with what the driver raises, then succeeds."""

    def __init__(self, times: int, code: int, *, lost: bool = False) -> None:
        self.runs = 0
        self._times, self._code, self._lost = times, code, lost

    def __call__(self, connection: Connection) -> str:
        self.runs += 1
        connection.execute(insert(THINGS).values(id=uuid4()))
        if self.runs <= self._times:
            raise OperationalError("…", None, DriverError(self._code, "…"), connection_invalidated=self._lost)
        return "done"


def stored(database: Database) -> int:
    return len(database.read(lambda c: c.execute(select(THINGS.c.id)).all()))


@pytest.mark.parametrize("code", [1205, 1213, 1020])
def test_a_unit_that_lost_a_race_is_run_again_whole(database: Database, code: int) -> None:
    work = Failing(3, code)
    assert database.write(work, repeat_lost=False) == "done"
    assert work.runs == 4
    assert stored(database) == 1  # the failed runs left nothing


@pytest.mark.parametrize("code", [1205, 1213, 1020])
def test_a_unit_that_loses_every_race_is_given_up(database: Database, code: int) -> None:
    work = Failing(99, code)
    with pytest.raises(Unavailable):
        database.write(work, repeat_lost=False)
    assert work.runs == ATTEMPTS_MAX
    assert stored(database) == 0


@pytest.mark.parametrize("code", [1040, 1053, 1290, 2003, 2013])
def test_other_trouble_of_the_server_is_told_at_once(database: Database, code: int) -> None:
    work = Failing(99, code)
    with pytest.raises(Unavailable):
        database.write(work, repeat_lost=True)
    assert work.runs == 1


def test_a_lost_connection_is_tried_again_only_by_work_that_bears_it(database: Database) -> None:
    safe, unsafe = Failing(1, 2013, lost=True), Failing(1, 2013, lost=True)
    assert database.write(safe, repeat_lost=True) == "done"
    with pytest.raises(Unavailable):
        database.write(unsafe, repeat_lost=False)
    assert (safe.runs, unsafe.runs) == (2, 1)


def test_a_read_bears_a_lost_connection(database: Database) -> None:
    work = Failing(1, 2013, lost=True)
    assert database.read(work) == "done"


def test_what_is_wrong_with_the_data_is_not_hidden(database: Database) -> None:
    def repeat_a_key(_: Connection) -> None:
        raise IntegrityError("…", None, DriverIntegrityError(1062, "…"))

    with pytest.raises(IntegrityError):
        database.write(repeat_a_key, repeat_lost=True)


def test_what_the_work_raises_comes_through_and_nothing_is_kept(database: Database) -> None:
    def fail(connection: Connection) -> None:
        connection.execute(insert(THINGS).values(id=uuid4()))
        raise LookupError

    with pytest.raises(LookupError):
        database.write(fail, repeat_lost=True)
    assert stored(database) == 0


def test_a_read_keeps_waiting_for_no_connection_that_never_comes(tmp_path: Path) -> None:
    database = Database.connect(f"sqlite:///{tmp_path}/x.db", settings(database_connect_timeout_seconds=1), 1)
    with database.engine.connect(), pytest.raises(Unavailable):
        database.read(lambda _: None)
    database.close()


def test_a_second_writer_waits_for_the_first_and_readers_do_not(database: Database) -> None:
    # SQLite has one write lock, and a writer takes it as it begins.
    with ThreadPoolExecutor(1) as threads:
        with database.engine.connect().execution_options(sqlite_begin="IMMEDIATE") as first, first.begin():
            second = threads.submit(database.write, Failing(0, 0), repeat_lost=False)
            first.execute(insert(THINGS).values(id=uuid4()))
            assert not second.done()
        assert second.result(SECONDS_MAX) == "done"
    assert stored(database) == 2


def test_a_writer_that_never_gets_the_lock_is_told(database: Database) -> None:
    runs: list[int] = []

    def find_it_locked(_: Connection) -> None:
        runs.append(1)
        raise OperationalError("…", None, sqlite3.OperationalError("database is locked"))

    with pytest.raises(Unavailable):
        database.write(find_it_locked, repeat_lost=False)
    assert len(runs) == ATTEMPTS_MAX


def test_a_moment_without_a_zone_is_refused(database: Database) -> None:
    naive = NOON.replace(tzinfo=None)
    with pytest.raises(StatementError, match="without a zone"):
        database.write(lambda c: c.execute(insert(THINGS).values(id=uuid4(), moment=naive)), repeat_lost=False)


def round_trip(moment: datetime | None, identifier: UUID) -> tuple[UUID | None, datetime | None]:
    bound = UtcDateTime().process_bind_param(moment, sqlite.dialect())
    assert bound is None or bound.tzinfo is None
    raw = BinaryUuid().process_bind_param(identifier, sqlite.dialect())
    return (
        BinaryUuid().process_result_value(raw, sqlite.dialect()),
        UtcDateTime().process_result_value(bound, sqlite.dialect()),
    )


@examples(max_examples=200)
@given(
    st.datetimes(min_value=datetime(1000, 1, 2), max_value=datetime(9999, 12, 30), timezones=st.timezones()),  # noqa: DTZ001  Hypothesis adds the zone
    st.uuids(),
)
def test_moments_and_ids_come_back_as_they_were(moment: datetime, identifier: UUID) -> None:
    stored_id, stored_moment = round_trip(moment, identifier)
    assert stored_id == identifier
    assert stored_moment is not None
    assert stored_moment.utcoffset() == timedelta(0)
    assert stored_moment == moment.astimezone(UTC)


def test_nothing_stays_nothing() -> None:
    assert (
        UtcDateTime().process_result_value(UtcDateTime().process_bind_param(None, mysql.dialect()), mysql.dialect())
        is None
    )
    assert (
        BinaryUuid().process_result_value(BinaryUuid().process_bind_param(None, mysql.dialect()), mysql.dialect())
        is None
    )


def test_what_is_stored_is_what_is_found(database: Database) -> None:
    identifier, moment = uuid7(), datetime(2026, 1, 1, 0, 30, 0, 1, tzinfo=timezone(timedelta(hours=9)))
    database.write(lambda c: c.execute(insert(THINGS).values(id=identifier, moment=moment)), repeat_lost=False)
    (row,) = database.read(lambda c: c.execute(select(THINGS).where(THINGS.c.moment == moment)).all())
    assert row == (identifier, moment)


def test_later_ids_sort_behind_earlier_ones(database: Database) -> None:
    made = [uuid7() for _ in range(500)]
    rows = [{"id": identifier} for identifier in reversed(made)]
    database.write(lambda c: c.execute(insert(THINGS), rows), repeat_lost=False)
    assert list(database.read(lambda c: c.scalars(select(THINGS.c.id).order_by(THINGS.c.id)).all())) == made


def test_no_error_repeats_what_was_to_be_stored(database: Database) -> None:
    # Errors are logged, and what is stored may be a password's hash.
    assert Database.connect("mysql+pymysql://u@127.0.0.1:1/x", settings(), 1).engine.hide_parameters
    with pytest.raises(Unavailable) as caught:
        database.read(lambda c: c.execute(text("SELECT :value FROM nowhere"), {"value": "needle"}))
    assert "nowhere" in str(caught.value.__cause__)
    assert "needle" not in str(caught.value.__cause__)
