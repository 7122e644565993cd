"""Migrations of the booking service: alone, all at once, again, and beside another service's in one database."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

import auth_service.domain.models
import auth_service.migrations
import booking_service.domain.models
import booking_service.migrations
from shared.database.engines import is_mysql
from shared.database.migrations import upgrade
from shared.database.units import Database
from tests.fixtures.databases import REAL, differences, settings

MIGRATORS = 4
SECONDS_MAX = 60


def migrate(database_url: str) -> None:
    """Do what one process does."""
    database = Database.connect(database_url, settings(), pool_size=1)
    upgrade(database, booking_service.migrations.MIGRATIONS)
    database.close()


def assert_up_to_date(database_url: str) -> None:
    database = Database.connect(database_url, settings(), pool_size=1)
    models = booking_service.domain.models
    found = database.read(lambda c: differences(c, models.Base.metadata, models.VERSION_TABLE))
    database.close()
    assert found == []


def test_four_at_once_all_succeed(database_url: str) -> None:
    start = threading.Barrier(MIGRATORS)

    def migrate_together() -> None:
        start.wait(SECONDS_MAX)
        migrate(database_url)

    with ThreadPoolExecutor(MIGRATORS) as threads:
        for migration in [threads.submit(migrate_together) for _ in range(MIGRATORS)]:
            migration.result(SECONDS_MAX)
    assert_up_to_date(database_url)


def test_again_changes_nothing(database_url: str) -> None:
    migrate(database_url)
    migrate(database_url)
    assert_up_to_date(database_url)


def test_a_migration_keeps_no_lock_when_it_is_done(database_url: str) -> None:
    # The first one's connections stay open, as a service's that migrates as it starts would.
    first = Database.connect(database_url, settings(), pool_size=2)
    upgrade(first, booking_service.migrations.MIGRATIONS)
    migrate(database_url)
    first.close()


@pytest.mark.parametrize("database_kind", REAL, indirect=True)
def test_a_migration_waits_for_another_longer_than_one_statement_may_take(database_url: str) -> None:
    holder = Database.connect(database_url, settings(), pool_size=1)
    impatient = settings(database_read_timeout_seconds=2, database_lock_timeout_seconds=1)
    waiter = Database.connect(database_url, impatient, pool_size=1)
    with ThreadPoolExecutor(1) as threads:
        with holder.engine.connect() as connection:
            assert is_mysql(connection)
            connection.execute(text("SELECT GET_LOCK('migrate:booking_service', 9)"))
            migration = threads.submit(upgrade, waiter, booking_service.migrations.MIGRATIONS)
            with pytest.raises(TimeoutError):
                migration.result(3)
            connection.execute(text("SELECT RELEASE_LOCK('migrate:booking_service')"))
        migration.result(SECONDS_MAX)
    holder.close()
    waiter.close()
    assert_up_to_date(database_url)


def test_both_services_may_share_a_database(database_url: str) -> None:
    migrate(database_url)
    database = Database.connect(database_url, settings(), pool_size=1)
    upgrade(database, auth_service.migrations.MIGRATIONS)
    models = auth_service.domain.models
    assert database.read(lambda c: differences(c, models.Base.metadata, models.VERSION_TABLE)) == []
    database.close()
    assert_up_to_date(database_url)
