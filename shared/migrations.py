"""Runs a service's Alembic history. Each service has its own folder and version table, so two may share a database."""

from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Connection, MetaData, text

from shared.database import Database, is_mysql

LOCK_SECONDS_MAX = 60


def configuration(folder: Path) -> Config:
    """Describe the history in ``folder`` to Alembic; there is no alembic.ini."""
    config = Config()
    config.set_main_option("script_location", str(folder))
    return config


def upgrade(database: Database, folder: Path) -> None:
    """Bring ``database`` to the newest version in ``folder``; several may call this at once."""
    config = configuration(folder)
    with database.engine.connect() as connection:
        _hold_lock(connection, folder)
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def differences(connection: Connection, metadata: MetaData, version_table: str) -> list[object]:
    """List what separates the database from ``metadata``; other services' tables do not count."""
    context = MigrationContext.configure(
        connection,
        opts={
            "version_table": version_table,
            "compare_type": True,
            "include_name": lambda name, kind, _parents: kind != "table" or name in metadata.tables,
        },
    )
    return list(compare_metadata(context, metadata))


def _hold_lock(connection: Connection, folder: Path) -> None:
    # MySQL commits at each DDL statement, so two migrations at once would interleave. The lock ends with the session.
    if is_mysql(connection):
        name = f"migrate:{folder.parent.name}"
        if not connection.scalar(text("SELECT GET_LOCK(:name, :wait)"), {"name": name, "wait": LOCK_SECONDS_MAX}):
            msg = f"another migration of {folder.parent.name} has been running for {LOCK_SECONDS_MAX} s"
            raise TimeoutError(msg)
        connection.commit()
