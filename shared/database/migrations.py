"""Runs a service's Alembic history. Each service has its own folder and version table, so two may share a database."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text

from shared.configuration.settings import Settings
from shared.database.engines import is_mysql
from shared.database.units import Database

LOCK_SECONDS_MAX = 60
STATEMENT_SECONDS_MAX = 3_600

AnySettings = TypeVar("AnySettings", bound=Settings)


def configuration(folder: Path) -> Config:
    """Describe the history in ``folder`` to Alembic; there is no alembic.ini."""
    config = Config()
    config.set_main_option("script_location", str(folder).replace("%", "%%"))  # Alembic interpolates
    return config


def patient(settings: AnySettings) -> AnySettings:
    """Return ``settings`` for a connection that migrates: changing a large table may take STATEMENT_SECONDS_MAX."""
    return settings.model_copy(update={"database_read_timeout_seconds": STATEMENT_SECONDS_MAX})


def upgrade(database: Database, folder: Path) -> None:
    """Bring ``database`` to the newest version in ``folder``; several may call this at once."""
    config = configuration(folder)
    with database.connection() as connection, _alone(connection, folder.parent.name):
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


@contextmanager
def _alone(connection: Connection, service: str) -> Iterator[None]:
    if not is_mysql(connection):
        # SQLite's DDL is transactional, so the upgrade is one transaction, which holds the one write lock.
        with connection.execution_options(sqlite_begin="IMMEDIATE").begin():
            yield
        return
    # MySQL commits at each DDL statement, so two migrations at once would interleave. The lock ends with the session,
    # and the session with this block: back in the pool it would keep the lock.
    connection.detach()
    # Second by second, because a longer wait would outlast DATABASE_READ_TIMEOUT_SECONDS.
    take = text("SELECT GET_LOCK(:name, 1)").bindparams(name=f"migrate:{service}")
    if not any(connection.scalar(take) for _ in range(LOCK_SECONDS_MAX)):
        msg = f"another migration of {service} has been running for {LOCK_SECONDS_MAX} s"
        raise TimeoutError(msg)
    connection.commit()
    yield
