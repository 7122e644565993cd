"""Which key signs and which are published: a pure function of the keys and the time.

A key is published, then signs, then is published until the last token that it has signed has ended.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from shared.clock import EPOCH
from shared.identity.tokens import CLOCK_SKEW_SECONDS

CLOCK_SKEW = timedelta(seconds=CLOCK_SKEW_SECONDS)
ALWAYS = EPOCH  # since when the configured key is published: nobody has noted it


class KeyState(StrEnum):
    """What a key is good for at a moment."""

    NEXT = "next"  # published, and signs later
    SIGNING = "signing"
    RETIRING = "retiring"  # published for the tokens that it has signed
    RETIRED = "retired"


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """A key as it is stored: its public half, its sealed private one, and its times."""

    number: int  # counts up from 1; 0 for a configured key that was never replaced and so is not stored
    key_id: str
    algorithm: str
    public_jwk: Mapping[str, str]
    sealed_private_key: bytes | None  # None for the configured key
    published_from: datetime
    signs_from: datetime
    retires_at: datetime | None  # published until then; None while nothing is to replace it


@dataclass(frozen=True, slots=True)
class KeyTerms:
    """How long a key is published before it signs, and how long what it signs is good."""

    published: timedelta
    token_life: timedelta

    def signs_from(self, now: datetime) -> datetime:
        """Return when a key that is published ``now`` begins to sign."""
        return now + self.published

    def retires_at(self, replaced_at: datetime) -> datetime:
        """Return when the last token of a key that signs until ``replaced_at`` has ended, by anybody's clock."""
        return replaced_at + self.token_life + CLOCK_SKEW


def published(keys: Iterable[KeyRecord], now: datetime) -> list[KeyRecord]:
    """Return the keys that tokens may be checked with."""
    return [key for key in keys if key.retires_at is None or now < key.retires_at]


def signing(keys: Iterable[KeyRecord], now: datetime) -> KeyRecord | None:
    """Return the key to sign with: the last whose time has come. None when none is published."""
    candidates = published(keys, now)
    # Before any time has come, by a clock that is behind, the first signs all the same.
    begun = [key for key in candidates if key.signs_from <= now] or candidates[:1]
    return max(begun, key=lambda key: (key.signs_from, key.number), default=None)


def waiting(keys: Sequence[KeyRecord], now: datetime) -> KeyRecord | None:
    """Return the key that is published and signs later, or None."""
    return next((key for key in keys if state_of(key, keys, now) is KeyState.NEXT), None)


def state_of(key: KeyRecord, keys: Sequence[KeyRecord], now: datetime) -> KeyState:
    """Tell what ``key``, one of ``keys``, is good for."""
    if key not in published(keys, now):
        return KeyState.RETIRED
    if key == signing(keys, now):
        return KeyState.SIGNING
    return KeyState.NEXT if key.signs_from > now else KeyState.RETIRING
