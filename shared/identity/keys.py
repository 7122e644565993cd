"""Where the keys come from that tokens are checked with: a fixed key, or the auth service's published set."""

import asyncio
import logging
import ssl
import time
from contextlib import suppress
from typing import Any, Protocol

import httpx
from jose.backends.base import Key
from jose.exceptions import JOSEError
from jose.utils import base64_to_long

from shared.errors import Unavailable
from shared.identity.tokens import JWK_REQUIRED_MEMBERS, RSA_BITS_MIN, rsa_key

log = logging.getLogger(__name__)

FIRST_COOLDOWN_SECONDS = 0.5
# What taking apart a document raises that is not as it should be.
UNUSABLE = (ValueError, KeyError, TypeError, AttributeError, JOSEError)


class KeysUnavailable(Unavailable):
    """No key set was ever received, so no token can be judged."""

    code, title = "keys-unavailable", "Tokens cannot be checked at this moment"


class KeySource(Protocol):
    """Finds the key that a token names."""

    async def find(self, key_id: str | None) -> Key | None:
        """Return the key called ``key_id``, or None when there is none. Raises KeysUnavailable."""

    async def ready(self) -> None:
        """Make sure that tokens can be judged. Raises KeysUnavailable."""

    async def close(self) -> None:
        """Release what this source holds."""


class FixedKey:
    """One key: the shared secret, whatever the token calls it, or the auth service's own key under its own id."""

    def __init__(self, key: Key, key_id: str | None = None) -> None:
        """Answer ``key`` to those who ask for ``key_id``, or to all when that is None."""
        self._key = key
        self._key_id = key_id

    async def find(self, key_id: str | None) -> Key | None:
        """Return the one key, or None when the token names another."""
        return self._key if self._key_id in (None, key_id) else None

    async def ready(self) -> None:
        """Return at once: the key is at hand."""

    async def close(self) -> None:
        """Release nothing: it holds nothing."""


class PublishedKeys:
    """The keys at a JWKS address (RFC 7517), fetched again when a token names an unknown one, with a cooldown."""

    def __init__(
        self, url: str, *, timeout_seconds: float, cooldown_seconds: float, authorities: str | None = None
    ) -> None:
        """Fetch from ``url`` when first asked, then at most once per ``cooldown_seconds``.

        ``authorities``: PEM of those that a server with TLS is trusted by; the public ones, if not given.
        """
        self._url = url
        self._timeout_seconds = timeout_seconds
        trusted = True if authorities is None else ssl.create_default_context(cadata=authorities)
        # Straight there, whatever proxies and certificates the environment names: they are meant for others.
        self._client = httpx.AsyncClient(timeout=timeout_seconds, verify=trusted, trust_env=False)
        self._cooldown_seconds = cooldown_seconds
        self._keys: dict[str, Key] = {}
        self._tried_at = -cooldown_seconds
        self._lock = asyncio.Lock()

    async def find(self, key_id: str | None) -> Key | None:
        """Return the published key called ``key_id``. Raises KeysUnavailable when no set was ever received."""
        if key_id is None:
            return None
        if key_id not in self._keys:
            async with self._lock:  # the others wait for the one fetch
                if key_id not in self._keys and time.monotonic() - self._tried_at >= self._cooldown():
                    await self._fetch()
        if not self._keys:
            raise KeysUnavailable
        return self._keys.get(key_id)

    async def ready(self) -> None:
        """Fetch the set unless there is one. Raises KeysUnavailable."""
        if not self._keys:
            await self.find("")

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    def _cooldown(self) -> float:
        # Without any key every request fails, so the first set is asked for more eagerly.
        return self._cooldown_seconds if self._keys else min(self._cooldown_seconds, FIRST_COOLDOWN_SECONDS)

    async def _fetch(self) -> None:
        self._tried_at = time.monotonic()
        try:
            async with asyncio.timeout(self._timeout_seconds):  # httpx would wait that long for each byte
                response = await self._client.get(self._url)
            response.raise_for_status()
            keys = _rsa_keys(response.json()["keys"])
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, RecursionError, *UNUSABLE) as error:
            log.warning("the keys at JWKS_URL cannot be had: %s: %s", type(error).__name__, error)
            return  # the old set stays good; without one, find() says so
        self._keys = keys or self._keys


def _rsa_keys(entries: list[dict[str, Any]]) -> dict[str, Key]:
    keys: dict[str, Key] = {}
    for entry in entries:
        # RFC 7517, section 5: an entry that cannot be used does not spoil the set.
        with suppress(*UNUSABLE):
            if _is_for_our_signatures(entry):
                # Nothing else of it: of a key pair published by mistake, we hold the public half only.
                keys[entry["kid"]] = rsa_key({name: entry[name] for name in JWK_REQUIRED_MEMBERS})
    return keys


def _is_for_our_signatures(entry: dict[str, Any]) -> bool:
    """Tell whether a key may check RS256 by all that is said of it (RFC 7517, sections 4.1 to 4.5; RFC 7518, 3.3)."""
    operations = entry.get("key_ops", ["verify"])
    return (
        entry["kty"] == "RSA"
        and base64_to_long(entry["n"]).bit_length() >= RSA_BITS_MIN
        and isinstance(entry["kid"], str)
        and entry.get("use", "sig") == "sig"
        and entry.get("alg", "RS256") == "RS256"
        and isinstance(operations, list)
        and "verify" in operations
        and len(operations) == len(set(operations))
    )
