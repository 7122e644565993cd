"""A dictionary that forgets: what is too old, and what is too much."""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class Memory(Generic[Key, Value]):
    """Keeps each entry for ``kept_seconds`` after it was last put, and ``keys_max`` entries at most."""

    def __init__(self, kept_seconds: float, keys_max: int, *, spares_oldest: bool) -> None:
        """Of too many entries the newest goes when the oldest is to be spared, else the oldest.

        A crowd of keys that come once each then pushes out itself, and nobody who was there before it.
        """
        self._kept_seconds = kept_seconds
        self._keys_max = keys_max
        self._spares_oldest = spares_oldest
        self._entries: OrderedDict[Key, tuple[float, Value]] = OrderedDict()  # in the order in which they end

    def __len__(self) -> int:
        """Return how many entries there are."""
        return len(self._entries)

    def get(self, key: Key, now: float) -> Value | None:
        """Return what was put last, unless it is too old."""
        ends_at, value = self._entries.get(key, (now, None))
        return value if ends_at > now else None

    def put(self, key: Key, value: Value, now: float) -> None:
        """Keep ``value`` from ``now`` on."""
        self._entries.pop(key, None)
        while self._entries and next(iter(self._entries.values()))[0] <= now:
            self._entries.popitem(last=False)
        if len(self._entries) >= self._keys_max:
            self._entries.popitem(last=self._spares_oldest)
        self._entries[key] = (now + self._kept_seconds, value)

    def forget(self, key: Key) -> None:
        """Drop what is kept, if anything is."""
        self._entries.pop(key, None)
