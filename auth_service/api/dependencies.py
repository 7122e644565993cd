"""What the routes work with: this process's database and password threads, and who sends the request."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Annotated, TypeVar

from fastapi import Depends, Request
from sqlalchemy import Connection, text

from auth_service.domain.passwords import Hasher, Passwords
from auth_service.settings import AuthSettings
from shared.database.units import Database
from shared.http.authentication import BearerScheme, authenticated
from shared.identity.tokens import Principal, TokenSigner
from shared.threads.offload import BoundedExecutor

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Service:
    """What one process holds while it runs. Slow work goes to threads, whose number bounds connections and memory."""

    database: Database
    database_calls: BoundedExecutor
    passwords: Passwords
    password_calls: BoundedExecutor
    password_length_min: int
    signer: TokenSigner

    @classmethod
    def open(cls, settings: AuthSettings, hasher: Hasher, signer: TokenSigner) -> "Service":
        """Make the threads and prepare the connections; none is opened yet."""
        return cls(
            # As many connections as threads: neither waits for the other.
            Database.connect(settings.database_url.get_secret_value(), settings, settings.database_threads),
            BoundedExecutor(name="database", threads=settings.database_threads, queue_max=settings.database_queue_max),
            Passwords(hasher),
            BoundedExecutor(name="argon2", threads=settings.argon2_threads, queue_max=settings.argon2_queue_max),
            settings.password_length_min,
            signer,
        )

    def close(self) -> None:
        """Let the threads go and close the connections."""
        self.password_calls.close()
        self.database_calls.close()
        self.database.close()

    async def read(self, work: Callable[[Connection], Result]) -> Result:
        """Run ``work`` in a transaction that changes nothing. Raises Unavailable or Overloaded."""
        return await self.database_calls.run(partial(self.database.read, work))

    async def write(self, work: Callable[[Connection], Result]) -> Result:
        """Run ``work``, which must recognise what it has already done, in a transaction. Raises as ``read``."""
        return await self.database_calls.run(partial(self.database.write, work, repeat_lost=True))

    async def ping(self) -> None:
        """Ask the database for a sign of life. Raises Unavailable or Overloaded."""
        await self.read(lambda connection: connection.execute(text("SELECT 1")))

    async def hash(self, password: str) -> str:
        """Hash a new password. Raises Overloaded."""
        return await self.password_calls.run(partial(self.passwords.hash, password))

    async def matches(self, password: str, stored: str | None) -> bool:
        """Check a password. Raises Overloaded."""
        return await self.password_calls.run(partial(self.passwords.matches, password, stored))

    async def renewed(self, password: str, stored: str) -> str | None:
        """Hash a password anew if its hash is outdated. Raises Overloaded."""
        return await self.password_calls.run(partial(self.passwords.renewed, password, stored))


def _running(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


async def _sender(request: Request, _scheme: BearerScheme = None) -> Principal | None:
    # A token that is sent along must be good, even where none is needed.
    return await authenticated(request) if "authorization" in request.headers else None


Running = Annotated[Service, Depends(_running)]
Sender = Annotated[Principal | None, Depends(_sender)]
