"""Units of work from the event loop: each runs in a thread, and both the threads and their queue are bounded."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from sqlalchemy import Connection

from shared.configuration.settings import ServiceSettings
from shared.database.units import Database
from shared.threads.offload import BoundedExecutor

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class DatabaseCalls:
    """A database and the threads that wait for it: as many as it has connections, so neither waits for the other."""

    database: Database
    executor: BoundedExecutor

    @classmethod
    def of(cls, database: Database, settings: ServiceSettings) -> "DatabaseCalls":
        """Make the threads that ``settings`` allow; ``database`` still belongs to the caller."""
        executor = BoundedExecutor(
            name="database", threads=settings.database_threads, queue_max=settings.database_queue_max
        )
        return cls(database, executor)

    async def read(self, work: Callable[[Connection], Result]) -> Result:
        """Run ``work`` in a transaction that changes nothing. Raises Unavailable or Overloaded."""
        return await self.executor.run(partial(self.database.read, work))

    async def write(self, work: Callable[[Connection], Result], *, repeat_lost: bool) -> Result:
        """Run ``work`` in one transaction. Raises Unavailable or Overloaded.

        ``repeat_lost`` only for work that recognises what it has already done: see `Database.write`.
        """
        return await self.executor.run(partial(self.database.write, work, repeat_lost=repeat_lost))

    async def ping(self) -> None:
        """Ask the database for a sign of life. Raises Unavailable or Overloaded."""
        await self.read(lambda connection: connection.exec_driver_sql("SELECT 1").scalar())

    def close(self) -> None:
        """Let the threads go."""
        self.executor.close()
