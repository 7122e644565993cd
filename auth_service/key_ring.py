"""The keys of one process: which of them signs, and which are published and believed, as the table says now.

The table is read every second, off the event loop, and by a thread and a connection of its own, so that a rotation is
noticed however much else there is to do. While the database is away the keys go on by the times that are known.
"""

import asyncio
import logging
from collections.abc import Mapping
from functools import partial
from typing import Protocol

from jose.backends.base import Key

from auth_service.domain.errors import NoSigningKey
from auth_service.domain.held_keys import HeldKeys, KeyMaker
from auth_service.domain.sealing import Sealer
from auth_service.domain.signing import SigningKey
from auth_service.domain.stored_keys import all_keys, of_the_configuration
from auth_service.settings import AuthSettings
from shared.clock import utc_now
from shared.database.units import Database, reason
from shared.http.health import Impaired
from shared.identity.jwk import HS256, hmac_key
from shared.identity.keys import FixedKey, Forget, KeySource, KeysUnavailable
from shared.identity.tokens import TokenRules, TokenSigner
from shared.threads.offload import BoundedExecutor

CONNECTIONS = 1  # of the database, for nothing but the keys
LOOK_PAUSE_SECONDS = 1
SECONDS_PER_MINUTE = 60
FIRST_LOOK_SECONDS_MAX = 3  # a start waits no longer for the first look: the database may be away
UNKNOWN, UNUSABLE = "unknown", "unusable"  # states that readiness tells
UNKNOWN_REASON = "the table of signing keys could not be read yet"
NONE_REASON = "there is no key to sign with: `python -m auth_service keys rotate` makes one"

log = logging.getLogger(__name__)


class Keys(KeySource, Protocol):
    """What signs the tokens of a process, and checks them."""

    @property
    def signer(self) -> TokenSigner:
        """What signs at this moment. Raises NoSigningKey."""

    def published(self) -> list[Mapping[str, str]]:
        """The JWKs that others check tokens with. Raises KeysUnavailable."""

    async def first_look(self) -> None:
        """Wait until the keys are known, for a while."""


class SharedSecret(FixedKey):
    """HS256: one secret, of which nothing is published."""

    def __init__(self, secret: str, rules: TokenRules, lifetime_seconds: int) -> None:
        """Sign and check with ``secret``."""
        key = hmac_key(secret)
        super().__init__(key)
        self._signer = TokenSigner(rules, key, None, lifetime_seconds)

    @property
    def signer(self) -> TokenSigner:
        """What signs."""
        return self._signer

    def published(self) -> list[Mapping[str, str]]:
        """Return nothing: who can check with the secret can sign with it."""
        return []

    async def first_look(self) -> None:
        """Return at once: the secret is at hand."""


class KeyRing:
    """RS256 and ES256: the configured key, and those of the table."""

    def __init__(self, maker: KeyMaker, database: Database, forget: Forget) -> None:
        """Read keys from ``database``; ``forget`` is told the ids of those that are no longer believed."""
        self._maker = maker
        self._database = database
        self._forget = forget
        self._thread = BoundedExecutor(name="keys", threads=1, queue_max=0)
        self._held: HeldKeys | None = None
        if maker.sealer is None and maker.configured is not None:
            # Without a secret nobody here has rotated anything: the configured key serves, whatever the database does.
            self._held = maker.hold([of_the_configuration(maker.configured)], utc_now())
        self._believed: frozenset[str] = frozenset()
        self._complaint = ""
        self._looked = asyncio.Event()

    @property
    def signer(self) -> TokenSigner:
        """What signs at this moment. Raises NoSigningKey."""
        if self._held is None:
            raise NoSigningKey
        return self._held.signer(utc_now())

    def published(self) -> list[Mapping[str, str]]:
        """Return the JWKs of the keys that are published at this moment. Raises KeysUnavailable."""
        if self._held is None:
            raise KeysUnavailable
        return list(self._held.published(utc_now()).values())

    async def find(self, key_id: str | None) -> Key | None:
        """Return the key called ``key_id`` while it is published. Raises KeysUnavailable before any was read."""
        if self._held is None:
            raise KeysUnavailable
        return self._held.find(key_id, utc_now())

    async def ready(self) -> None:
        """Make sure that there is a key to sign with. Raises Impaired."""
        if self._held is None:
            raise Impaired(UNKNOWN, UNKNOWN_REASON)
        try:
            self._held.signer(utc_now())
        except NoSigningKey:
            raise Impaired(UNUSABLE, self._complaint or NONE_REASON) from None

    async def first_look(self) -> None:
        """Wait until the table was asked for the first time, or FIRST_LOOK_SECONDS_MAX."""
        try:
            async with asyncio.timeout(FIRST_LOOK_SECONDS_MAX):
                await self._looked.wait()
        except TimeoutError:
            log.warning("starting before the signing keys are known")

    async def keep_fresh(self) -> None:
        """Look at the table for ever; cancel it at the end."""
        while True:
            await self._look()
            self._looked.set()
            await asyncio.sleep(LOOK_PAUSE_SECONDS)

    async def close(self) -> None:
        """Let the thread go."""
        self._thread.close()

    async def _look(self) -> None:
        try:
            self._held = await self._thread.run(self._read)
        except Exception as error:  # noqa: BLE001  whatever it is, nobody else would ever look again
            self._note(f"the signing keys cannot be read: {reason(error)}")
        else:
            self._note("; ".join(self._held.complaints.values()))
        if self._held is not None:
            believed = frozenset(self._held.published(utc_now()))
            if gone := self._believed - believed:
                self._forget(gone)
            self._believed = believed

    def _read(self) -> HeldKeys:
        # In the thread: the private half of an RSA key is examined for a tenth of a second when it is read.
        records = self._database.read(partial(all_keys, configured=self._maker.configured))
        held = self._held
        return held if held is not None and held.records == records else self._maker.hold(records, utc_now())

    def _note(self, complaint: str) -> None:
        # Once for each cause: a database that is away for an hour is no news every second.
        if complaint and complaint != self._complaint:
            log.error(complaint)
        self._complaint = complaint


def keys_of(
    settings: AuthSettings, rules: TokenRules, configured: SigningKey | None, database: Database, forget: Forget
) -> Keys:
    """Build what ``settings`` ask for; ``forget`` is told the ids of keys that are no longer believed."""
    lifetime_seconds = settings.access_token_expire_minute * SECONDS_PER_MINUTE
    if settings.algorithm == HS256 and settings.secret_key is not None:
        return SharedSecret(settings.secret_key.get_secret_value(), rules, lifetime_seconds)
    secret = settings.key_encryption_secret
    sealer = None if secret is None else Sealer(secret.get_secret_value())
    return KeyRing(KeyMaker(rules, lifetime_seconds, configured, sealer), database, forget)
