"""Where the keys come from that tokens are checked with: a fixed key, or the auth service's published set."""

import asyncio
import logging
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, Protocol

from jose.backends.base import Key

from shared.errors import Unavailable
from shared.identity.jwk import UNUSABLE, usable_keys
from shared.identity.published import CannotFetchError, PublishedDocument

log = logging.getLogger(__name__)

FIRST_COOLDOWN_SECONDS = 0.5

Forget = Callable[[Collection[str]], None]


class KeysUnavailable(Unavailable):
    """No key set was ever received, so no token can be judged."""

    code, title = "keys-unavailable", "Tokens cannot be checked at this moment"


class KeySource(Protocol):
    """Finds the key that a token names."""

    async def find(self, key_id: str | None) -> Key | None:
        """Return the key called ``key_id``, or None when there is none. Raises KeysUnavailable."""

    async def ready(self) -> None:
        """Make sure that tokens can be judged. Raises KeysUnavailable."""

    async def keep_fresh(self) -> None:
        """Follow what is published for ever, beside the requests; cancel it at the end."""

    async def close(self) -> None:
        """Release what this source holds."""


class FixedKey:
    """One key: the shared secret, whatever the token calls it."""

    def __init__(self, key: Key) -> None:
        """Answer ``key`` to all who ask."""
        self._key = key

    async def find(self, key_id: str | None) -> Key | None:  # noqa: ARG002  there is no other
        """Return the one key."""
        return self._key

    async def ready(self) -> None:
        """Return at once: the key is at hand."""

    async def keep_fresh(self) -> None:
        """Return at once: there is nothing to follow."""

    async def close(self) -> None:
        """Release nothing: it holds nothing."""


def _nothing_to_forget(key_ids: Collection[str]) -> None:
    """Stand in where nobody remembers what was checked with a key."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How often, and how long, a key set is asked for. Seconds."""

    timeout_seconds: float  # the longest wait for an answer
    cooldown_seconds: float  # the least pause between two fetches for tokens that name an unknown key
    refresh_seconds: float  # the pause between two fetches of `keep_fresh`


class PublishedKeys:
    """The JWK set (RFC 7517) at a URL: asked for again and again, and at once when a token names an unknown one."""

    def __init__(
        self, url: str, pace: Pace, *, authorities: str | None = None, forget: Forget = _nothing_to_forget
    ) -> None:
        """Fetch from ``url`` when first asked, then at ``pace``.

        ``authorities``: PEM of those that a server with TLS is trusted by; the public ones, if not given.
        ``forget`` is told the ids of keys that are no longer published.
        """
        self._document = PublishedDocument(url, timeout_seconds=pace.timeout_seconds, authorities=authorities)
        self._pace = pace
        self._forget = forget
        self._keys: dict[str, Key] = {}
        self._complaint = ""
        self._tried_at = -pace.cooldown_seconds
        self._lock = asyncio.Lock()

    async def find(self, key_id: str | None) -> Key | None:
        """Return the published key called ``key_id``. Raises KeysUnavailable when no set was ever received."""
        if key_id is None:
            return None
        if key_id not in self._keys:
            async with self._lock:  # the others wait for the one fetch
                pause = self._pause(self._pace.cooldown_seconds)
                if key_id not in self._keys and time.monotonic() - self._tried_at >= pause:
                    self._tried_at = time.monotonic()
                    await self._fetch()
        if not self._keys:
            raise KeysUnavailable
        return self._keys.get(key_id)

    async def ready(self) -> None:
        """Fetch the set unless there is one. Raises KeysUnavailable."""
        if not self._keys:
            await self.find("")

    async def keep_fresh(self) -> None:
        """Fetch the set for ever, so that a key is believed no longer than it is published; cancel it at the end.

        Requests whose key is known never wait for it.
        """
        while True:
            try:
                async with self._lock:
                    await self._fetch()
            except Exception:  # whatever it is, nobody else would ever look again
                log.exception("looking for the keys at JWKS_URL")
            await asyncio.sleep(self._pause(self._pace.refresh_seconds))

    async def close(self) -> None:
        """Close the connections."""
        await self._document.close()

    def _pause(self, seconds: float) -> float:
        # Without any key every request fails, so the first set is asked for more eagerly.
        return seconds if self._keys else min(seconds, FIRST_COOLDOWN_SECONDS)

    async def _fetch(self) -> None:
        try:
            document = await self._document.fetch()
            if document is not None:
                self._take(document)
        except CannotFetchError as error:
            self._note(str(error))  # the old set stays good; without one, find() says so
        except UNUSABLE as error:
            self._document.forget()
            self._note(f"{type(error).__name__}: {error}")
        else:
            self._note("")

    def _take(self, document: Any) -> None:  # noqa: ANN401  whatever was published
        keys = usable_keys(document["keys"])
        if not keys:
            msg = "no key in the set can be used"
            raise ValueError(msg)
        gone = self._keys.keys() - keys.keys()
        self._keys = keys
        if gone:
            self._forget(gone)

    def _note(self, complaint: str) -> None:
        # Once for each cause: an auth service that is away for an hour is no news every two seconds.
        if complaint and complaint != self._complaint:
            log.warning("the keys at JWKS_URL cannot be had: %s", complaint)
        elif self._complaint and not complaint:
            log.info("the keys at JWKS_URL can be had again")
        self._complaint = complaint
