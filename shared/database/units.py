"""Units of work: one rule for every writer.

A unit of work runs whole inside `Database.write`, which may run it again from the start. The
domain never commits.
"""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy import Connection, Engine, make_url
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from shared.configuration.settings import Settings
from shared.database.engines import mysql_engine, sqlite_engine
from shared.errors import Unavailable

Result = TypeVar("Result")

# Deadlock, lock wait timeout, and MariaDB's "record has changed since last read": run the whole unit again.
RERUN_CODES = frozenset({1205, 1213, 1020})
SQLITE_BUSY = "database is locked"
ATTEMPTS_MAX = 5
REPEAT_SECONDS_MAX = 10  # no further attempt begins after this long: somebody waits for the answer
PAUSE_SECONDS_BASE = 0.02


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
            return cls(sqlite_engine(parsed, settings, pool_size))
        return cls(mysql_engine(parsed, settings, pool_size))

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


def reason(error: BaseException) -> str:
    """Say in one line what the driver said, without the statement and SQLAlchemy's advice for programmers."""
    cause = error.__cause__ if isinstance(error, Unavailable) and error.__cause__ else error
    said = getattr(cause, "orig", None) or cause
    return " ".join(str(said.args[-1] if said.args else said).split()) or type(said).__name__


def _is_contention(error: Exception) -> bool:
    if not isinstance(error, DBAPIError):
        return False
    arguments: tuple[object, ...] = getattr(error.orig, "args", ())
    return bool(arguments) and (arguments[0] in RERUN_CODES or SQLITE_BUSY in str(arguments[0]))


def _is_lost(error: Exception) -> bool:
    return isinstance(error, DBAPIError) and error.connection_invalidated
