"""Engines, transactions and column types that mean the same on MySQL, MariaDB and SQLite.

One rule for every writer: a unit of work runs whole inside `Database.write`, which may run it again from the start. The
domain never commits.
"""

import random
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import BigInteger, Connection, DateTime, Engine, Integer, LargeBinary, create_engine, event, make_url
from sqlalchemy.dialects import mysql
from sqlalchemy.engine import URL, Dialect
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.types import TypeDecorator, TypeEngine

from shared.configuration.addresses import MYSQL_CHARSET, MYSQL_FLAGS
from shared.configuration.settings import Settings
from shared.errors import Unavailable

Result = TypeVar("Result")

# Deadlock, lock wait timeout, and MariaDB's "record has changed since last read": run the whole unit again.
RERUN_CODES = frozenset({1205, 1213, 1020})
SQLITE_BUSY = "database is locked"
ATTEMPTS_MAX = 5
REPEAT_SECONDS_MAX = 10  # no further attempt begins after this long: somebody waits for the answer
PAUSE_SECONDS_BASE = 0.02

# Binary collation: equal means equal, on MySQL as on MariaDB. The key columns are normalised before they are stored.
TABLE_OPTIONS: dict[str, Any] = {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4", "mysql_collate": "utf8mb4_bin"}

# SQLite counts up only in a column that is exactly INTEGER.
RowId = BigInteger().with_variant(Integer, "sqlite")


class UtcDateTime(TypeDecorator[datetime]):
    """An aware moment, stored as naive UTC with microseconds, because PyMySQL drops zones without a word."""

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> Any:  # noqa: ANN401  SQLAlchemy's own signature
        """Store fractions on MySQL, whose DATETIME has none by default."""
        return dialect.type_descriptor(mysql.DATETIME(fsp=6) if dialect.name in {"mysql", "mariadb"} else DateTime())

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Turn an aware moment into naive UTC. Raises ValueError for a naive one, whose zone nobody knows."""
        if value is None:
            return None
        if value.tzinfo is None:
            msg = "a moment without a zone cannot be stored"
            raise ValueError(msg)
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Give back what was stored as aware UTC."""
        return None if value is None else value.replace(tzinfo=UTC)


class BinaryUuid(TypeDecorator[UUID]):
    """A UUID in 16 bytes, so that UUIDv7 keys sort by time on every database."""

    impl = LargeBinary(16)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> Any:  # noqa: ANN401  SQLAlchemy's own signature
        """Take exactly 16 bytes on MySQL; SQLite's BLOB has no length."""
        return dialect.type_descriptor(mysql.BINARY(16) if dialect.name in {"mysql", "mariadb"} else LargeBinary(16))

    def process_bind_param(self, value: UUID | None, dialect: Dialect) -> bytes | None:  # noqa: ARG002
        """Store the 16 bytes."""
        return None if value is None else value.bytes

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> UUID | None:  # noqa: ARG002
        """Read the 16 bytes."""
        return None if value is None else UUID(bytes=value)


class NoneAs(TypeDecorator[Result]):
    """A column whose None is stored as a value that nothing else has, so that filling it in takes no room.

    Queries compare with that value: to the database nothing here is NULL.
    """

    impl = LargeBinary  # replaced for each column
    cache_ok = True

    def __init__(self, impl: TypeEngine[Result], stands_for_none: Result) -> None:
        """Store values as ``impl`` does, and None as ``stands_for_none``."""
        super().__init__()
        # Declared as a class, but SQLAlchemy too has an instance here by now.
        self.impl = impl  # type: ignore[assignment]
        self.stands_for_none = stands_for_none

    def process_bind_param(self, value: Result | None, dialect: Dialect) -> Result | None:  # noqa: ARG002
        """Turn None into what stands for it."""
        return self.stands_for_none if value is None else value

    def process_result_value(self, value: Result | None, dialect: Dialect) -> Result | None:  # noqa: ARG002
        """Turn what stands for None into None."""
        return None if value == self.stands_for_none else value


@dataclass(frozen=True, slots=True)
class Database:
    """One process's connections to one database. Make it in the process that uses it, after any fork."""

    engine: Engine

    @classmethod
    def connect(cls, url: str, settings: Settings, pool_size: int) -> "Database":
        """Prepare at most ``pool_size`` connections to ``url``; none is opened yet."""
        parsed = make_url(url)
        if parsed.get_backend_name() == "mariadb":
            # One dialect for both, which finds out what it speaks to: table options are written for it.
            parsed = parsed.set(drivername="mysql+pymysql")
        if parsed.get_backend_name() == "sqlite":
            return cls(_sqlite_engine(parsed, settings, pool_size))
        return cls(_mysql_engine(parsed, settings, pool_size))

    def read(self, work: Callable[[Connection], Result]) -> Result:
        """Run ``work`` in a transaction that changes nothing. Raises Unavailable when the database is away."""
        return self._repeat(work, writes=False, repeat_lost=True)

    def write(self, work: Callable[[Connection], Result], *, repeat_lost: bool) -> Result:
        """Run ``work`` in one transaction and commit; after a deadlock or lock timeout run it again from the start.

        ``repeat_lost``: also run it again when the connection was lost, and with it the knowledge whether the commit
        went through. Only for work that recognises what it has already done. Raises Unavailable when the database is
        away, or stays contended for ATTEMPTS_MAX attempts or REPEAT_SECONDS_MAX.
        """
        if not repeat_lost:
            # A connection that died while it was idle shows now, when it costs nothing, and is replaced.
            self.read(lambda connection: connection.exec_driver_sql("SELECT 1").scalar())
        return self._repeat(work, writes=True, repeat_lost=repeat_lost)

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()

    def _repeat(self, work: Callable[[Connection], Result], *, writes: bool, repeat_lost: bool) -> Result:
        give_up_at = time.monotonic() + REPEAT_SECONDS_MAX
        for attempt in range(1, ATTEMPTS_MAX + 1):
            try:
                return self._once(work, writes=writes)
            except (OperationalError, InterfaceError, PoolTimeoutError) as error:
                is_last = attempt == ATTEMPTS_MAX or time.monotonic() > give_up_at
                if is_last or not (_is_contention(error) or (repeat_lost and _is_lost(error))):
                    raise Unavailable from error
            # Jitter, so that those who collided do not collide again.
            time.sleep(random.uniform(0, PAUSE_SECONDS_BASE * 2**attempt))  # noqa: S311  not a secret
        raise AssertionError  # pragma: no cover  the loop returns or raises

    def _once(self, work: Callable[[Connection], Result], *, writes: bool) -> Result:
        with self.connection() as connection:
            if writes:
                connection = connection.execution_options(sqlite_begin="IMMEDIATE")  # noqa: PLW2901  the same connection
            with connection.begin():
                return work(connection)

    def connection(self) -> Connection:
        """Open a connection, or take one from the pool. Raises SQLAlchemy's errors, or Unavailable for any other."""
        try:
            return self.engine.connect()
        except (OperationalError, InterfaceError, PoolTimeoutError):
            raise
        except Exception as error:
            # A driver raises what it likes for a file that is no database or a login that it cannot do.
            raise Unavailable from error


def is_mysql(connection: Connection) -> bool:
    """Tell MySQL and MariaDB from SQLite."""
    return connection.dialect.name in {"mysql", "mariadb"}


def _is_contention(error: Exception) -> bool:
    if not isinstance(error, DBAPIError):
        return False
    arguments: tuple[object, ...] = getattr(error.orig, "args", ())
    return bool(arguments) and (arguments[0] in RERUN_CODES or SQLITE_BUSY in str(arguments[0]))


def _is_lost(error: Exception) -> bool:
    return isinstance(error, DBAPIError) and error.connection_invalidated


def _mysql_engine(url: URL, settings: Settings, pool_size: int) -> Engine:
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


def _sqlite_engine(url: URL, settings: Settings, pool_size: int) -> Engine:
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
            time.sleep(PAUSE_SECONDS_BASE)
