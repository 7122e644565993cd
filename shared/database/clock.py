"""The database's clock: one for all processes that share the database."""

from datetime import UTC, datetime

from sqlalchemy import Connection

from shared.clock import utc_now
from shared.database.engines import is_mysql


def database_now(connection: Connection) -> datetime:
    """Return the present moment by the clock of the database's machine. SQLite's is the one that its processes have."""
    if not is_mysql(connection):
        return utc_now()
    now: datetime = connection.exec_driver_sql("SELECT UTC_TIMESTAMP(6)").scalar_one()
    return now.replace(tzinfo=UTC)
