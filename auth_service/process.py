"""What one process of the auth service holds while it runs: opened in one place, closed in the opposite order."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache, partial

from auth_service.domain.installation import installation_name
from auth_service.domain.models import Outbox
from auth_service.domain.passwords import Hasher, Passwords, argon2
from auth_service.domain.revocations import COMMITS_LATE, revoked_since
from auth_service.domain.sessions.records import Terms
from auth_service.domain.signing import SigningKey
from auth_service.guard.guard import Guard
from auth_service.guard.opening import open_guard, open_redis
from auth_service.key_ring import CONNECTIONS, Keys, keys_of
from auth_service.settings import AuthSettings
from shared.clock import utc_now
from shared.configuration.settings import variable_of
from shared.database.calls import DatabaseCalls
from shared.database.units import Database
from shared.http.authentication import Authenticator, token_rules
from shared.http.health import Check, Impaired, Recent
from shared.identity.revocations import MARGIN, Revocations, RevocationWatch, Revoked
from shared.identity.tokens import TokenSigner, TokenVerifier
from shared.outbox.nudge import NudgePublisher, Nudger, deliveries_queue
from shared.outbox.rows import is_overdue
from shared.threads.background import in_background
from shared.threads.offload import BoundedExecutor

NAMING = 1  # whoever first nudges asks what the installation is called
NUDGE_SECONDS_MAX = 0.5  # longest wait for Redis
NUDGE_PAUSE_SECONDS = 1  # Redis is left alone for this long after a failure
MAIL_OVERDUE = timedelta(seconds=60)  # readiness says so of mail that nobody has taken for this long


@dataclass(frozen=True, slots=True)
class PasswordCalls:
    """Hashing from the event loop. Its threads bound the memory that it takes. Every method raises Overloaded."""

    passwords: Passwords
    executor: BoundedExecutor

    async def hash(self, password: str) -> str:
        """Hash a new password."""
        return await self.executor.run(partial(self.passwords.hash, password))

    async def matches(self, password: str, stored: str | None) -> bool:
        """Check a password, with equal work for an unknown user (``stored`` is None)."""
        return await self.executor.run(partial(self.passwords.matches, password, stored))

    async def renewed(self, password: str, stored: str) -> str | None:
        """Hash a password anew if its hash is outdated."""
        return await self.executor.run(partial(self.passwords.renewed, password, stored))


@dataclass(slots=True)
class StoredRevocations:
    """What the database says was revoked since it was last asked."""

    database: DatabaseCalls
    token_life: timedelta
    asked_at: datetime | None = None

    async def __call__(self) -> Revoked:
        """Ask. Raises Unavailable or Overloaded."""
        now = utc_now()
        since = now - self.token_life - MARGIN if self.asked_at is None else self.asked_at - COMMITS_LATE
        found = await self.database.read(partial(revoked_since, since=since, token_life=self.token_life))
        self.asked_at = now
        return found


@dataclass(frozen=True, slots=True)
class Process:
    """Everything that a route needs."""

    settings: AuthSettings
    database: DatabaseCalls
    passwords: PasswordCalls
    keys: Keys
    guard: Guard
    authenticator: Authenticator
    revoked: RevocationWatch
    session_terms: Terms
    checks: Mapping[str, Check]
    nudger: Nudger | None = None

    def nudge(self) -> None:
        """Have mail sent at once that was committed; without Redis the sweep finds it."""
        if self.nudger is not None:
            self.nudger.nudge()

    @property
    def signer(self) -> TokenSigner:
        """What signs access tokens at this moment. Raises NoSigningKey."""
        return self.keys.signer


@asynccontextmanager
async def running(settings: AuthSettings, configured: SigningKey | None, hasher: Hasher) -> AsyncIterator[Process]:
    """Open a process, and close what was opened, also when that fails in the middle."""
    async with AsyncExitStack() as stack:
        connections = settings.database_threads + CONNECTIONS + NAMING
        database = Database.connect(settings.database_url.get_secret_value(), settings, connections)
        stack.callback(database.close)
        calls = DatabaseCalls.of(database, settings)
        stack.callback(calls.close)
        argon2_threads = BoundedExecutor(
            name="argon2", threads=settings.argon2_threads, queue_max=settings.argon2_queue_max
        )
        stack.callback(argon2_threads.close)
        redis = open_redis(settings, stack)
        checks = {"database": Check(calls.ping, required=True, variable=_variable(settings, "database_url"))}
        if redis is not None:
            checks["redis"] = Check(redis.ping, required=False, variable=_variable(settings, "redis_url"))
        if settings.mail_mode != "off":
            checks["mail"] = _mail_check(calls)
        rules = token_rules(settings)
        token_life = timedelta(minutes=settings.access_token_expire_minute)
        revoked = RevocationWatch(
            Revocations(), StoredRevocations(calls, token_life), settings.revocations_refresh_seconds
        )
        await stack.enter_async_context(in_background(revoked.keep_fresh()))
        verifier = TokenVerifier(rules, settings.token_cache_max, revoked.revocations)
        keys = keys_of(settings, rules, configured, database, verifier.forget)
        stack.push_async_callback(keys.close)
        await stack.enter_async_context(in_background(keys.keep_fresh()))
        await keys.first_look()
        yield Process(
            settings=settings,
            database=calls,
            passwords=PasswordCalls(Passwords(hasher), argon2_threads),
            keys=keys,
            guard=open_guard(settings, redis),
            authenticator=Authenticator(verifier, keys),
            revoked=revoked,
            session_terms=session_terms(settings),
            checks=checks | {"keys": Check(keys.ready, required=True)},
            nudger=_nudger(stack, database, settings),
        )


def session_terms(settings: AuthSettings) -> Terms:
    """Read how long sessions last from the configuration."""
    return Terms(
        idle=timedelta(hours=settings.session_idle_hours),
        longest=timedelta(hours=settings.session_hours_max),
        grace=timedelta(seconds=settings.refresh_grace_seconds),
        count_max=settings.sessions_max,
    )


def _variable(settings: AuthSettings, field_name: str) -> str:
    return variable_of(type(settings), field_name)


def _nudger(stack: AsyncExitStack, database: Database, settings: AuthSettings) -> Nudger | None:
    if settings.redis_url is None or settings.mail_mode == "off":
        return None
    publisher = NudgePublisher.connect(
        settings.redis_url.get_secret_value(),
        cache(lambda: deliveries_queue(database.read(installation_name))),
        timeout_seconds=NUDGE_SECONDS_MAX,
    )
    stack.callback(publisher.close)
    nudger = Nudger(publisher.publish, NUDGE_PAUSE_SECONDS)
    stack.callback(nudger.close)
    return nudger


def _mail_check(calls: DatabaseCalls) -> Check:
    async def mail() -> None:
        if await calls.read(partial(is_overdue, outbox=Outbox, age=MAIL_OVERDUE)):
            raise Impaired("overdue", f"mail has been due for {MAIL_OVERDUE}: do deliveries run?")

    return Check(Recent(mail), required=False)


def configured_hasher(settings: AuthSettings) -> Hasher:
    """Return Argon2 with the parameters of ``settings``."""
    return argon2(
        memory_kib=settings.argon2_memory_kib,
        time_cost=settings.argon2_time_cost,
        parallelism=settings.argon2_parallelism,
    )
