"""Migrations of the auth service on each kind of database."""

from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import text

from auth_service.domain.models import VERSION_TABLE, Base
from auth_service.migrations import MIGRATIONS
from shared.database.migrations import upgrade
from shared.database.units import Database
from tests.fixtures.accounts import auth_settings
from tests.fixtures.databases import differences

MIGRATORS = 4


def test_several_may_migrate_at_once(database_url: str) -> None:
    settings = auth_settings(database_url)
    databases = [Database.connect(database_url, settings, pool_size=1) for _ in range(MIGRATORS)]
    for database in databases:  # so that all start from an open connection
        database.read(lambda connection: connection.scalar(text("SELECT 1")))

    with ThreadPoolExecutor(MIGRATORS) as threads:
        list(threads.map(lambda database: upgrade(database, MIGRATIONS), databases))

    found = databases[0].read(lambda connection: differences(connection, Base.metadata, VERSION_TABLE))
    for database in databases:
        database.close()
    assert found == []
