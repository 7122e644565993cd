"""Engines: how connections to MySQL, MariaDB and SQLite are made and bounded."""

import sqlite3
import time

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL

from shared.configuration.settings import Settings
from shared.configuration.urls import MYSQL_CHARSET, MYSQL_FLAGS

WAL_PAUSE_SECONDS = 0.02


def is_mysql(connection: Connection) -> bool:
    """Tell MySQL and MariaDB from SQLite."""
    return connection.dialect.name in {"mysql", "mariadb"}


def see_one_state(connection: Connection) -> None:
    """Let all statements of this transaction see what the first of them sees. Must come before any of them.

    For reading alone: whoever writes must see what was committed until then. SQLite's transactions do it anyway.
    """
    if is_mysql(connection):
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")


def mysql_engine(url: URL, settings: Settings, pool_size: int) -> Engine:
    """Prepare at most ``pool_size`` connections to a MySQL or MariaDB, each with the bounds of ``settings``."""
    flags = {name: value == "true" for name, value in url.query.items() if name in MYSQL_FLAGS}
    # PyMySQL would take the word "false" for true, and a password for Latin-1, where servers want UTF-8.
    password = {"password": url.password.encode()} if url.password else {}
    return create_engine(
        url.difference_update_query(MYSQL_FLAGS).update_query_dict({"charset": MYSQL_CHARSET}),
        pool_size=pool_size,
        max_overflow=0,
        # Errors are logged, and a parameter may be a password's hash or an e-mail address.
        hide_parameters=True,
        pool_timeout=settings.database_connect_timeout_seconds,
        # Every transaction ends in `_once`, so there is nothing to roll back when a connection returns.
        pool_reset_on_return=None,
        pool_use_lifo=True,
        # Idle connections are replaced just before the server ends them.
        pool_recycle=settings.database_idle_timeout_seconds - 1,
        # READ COMMITTED: a plain read after the lane's lock must see what was committed before the lock was got.
        isolation_level="READ COMMITTED",
        connect_args={
            **flags,
            **password,
            "connect_timeout": settings.database_connect_timeout_seconds,
            "read_timeout": settings.database_read_timeout_seconds,
            "write_timeout": settings.database_read_timeout_seconds,
            # STRICT: a value that does not fit is an error, never a changed value.
            "sql_mode": "STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION,ERROR_FOR_DIVISION_BY_ZERO",
            "init_command": (
                f"SET SESSION innodb_lock_wait_timeout={settings.database_lock_timeout_seconds}, "
                f"wait_timeout={settings.database_idle_timeout_seconds}, time_zone='+00:00'"
            ),
        },
    )


def sqlite_engine(url: URL, settings: Settings, pool_size: int) -> Engine:
    """Prepare at most ``pool_size`` connections to a file, with a write-ahead log and durable commits."""
    engine = create_engine(
        url,
        pool_size=pool_size,
        max_overflow=0,
        hide_parameters=True,
        pool_timeout=settings.database_connect_timeout_seconds,
        connect_args={"timeout": settings.database_lock_timeout_seconds, "check_same_thread": False},
    )

    @event.listens_for(engine, "connect")
    def _prepare(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None  # BEGIN is ours, below
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")
        _use_wal(connection, settings.database_lock_timeout_seconds)

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # A writer takes SQLite's one write lock at once: upgrading later can fail without waiting.
        connection.exec_driver_sql(f"BEGIN {connection.get_execution_options().get('sqlite_begin', 'DEFERRED')}")

    return engine


def _use_wal(connection: sqlite3.Connection, seconds_max: float) -> None:
    # The file remembers it; changing it is the one statement that does not wait for its lock by itself, and processes
    # that open a new file at the same moment all want to.
    deadline = time.monotonic() + seconds_max
    while connection.execute("PRAGMA journal_mode").fetchone() != ("wal",):
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(WAL_PAUSE_SECONDS)
