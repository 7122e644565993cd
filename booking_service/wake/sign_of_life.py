"""The sign that a completed sweep leaves in Redis: it proves beat, broker, worker and database at once."""

import time
from collections.abc import Callable
from uuid import uuid4

from redis import Redis

from booking_service.wake.flags import connect_redis
from booking_service.wake.names import FindNames


class SignOfLife:
    """One key, new with each sweep and gone when none comes. Calls raise RedisError and what ``names`` does."""

    def __init__(self, redis: "Redis", names: FindNames) -> None:
        """Keep the sign in ``redis``."""
        self._redis = redis
        self._names = names

    @classmethod
    def connect(cls, url: str, names: FindNames, *, timeout_seconds: float) -> "SignOfLife":
        """Prepare a connection on which nothing waits longer than ``timeout_seconds`` and nothing is tried twice."""
        return cls(connect_redis(url, timeout_seconds), names)

    def give(self, lasting_seconds: int) -> None:
        """Say that a sweep was completed, to be believed for ``lasting_seconds``."""
        self._redis.set(self._key, f"{lasting_seconds} {uuid4().hex}", ex=lasting_seconds)

    def read(self) -> str | None:
        """Return the last sign, or None when there has been none for too long."""
        sign = self._redis.get(self._key)
        return sign.decode() if isinstance(sign, bytes) else sign

    def close(self) -> None:
        """Close the connections."""
        self._redis.close()

    @property
    def _key(self) -> str:
        return f"{self._names().key_prefix}sweep-completed"


class Listener:
    """Hears signs of life, by this process's own clock: one that never changes is left over, or Redis's clock is off.

    So a process believes nobody until it has seen the sign change.
    """

    def __init__(self, read: Callable[[], str | None], clock: Callable[[], float] = time.monotonic) -> None:
        """Listen to the signs that ``read`` returns; ``clock`` gives seconds."""
        self._read = read
        self._clock = clock
        self._has_listened = False
        self._sign: str | None = None
        self._heard_at: float | None = None

    def hears(self) -> bool:
        """Tell whether a sweep was completed since the last call, or lately. Raises what reading raises."""
        sign = self._read()
        if sign != self._sign:
            self._heard_at = self._clock() if self._has_listened else None
            self._sign = sign
        self._has_listened = True
        if sign is None or self._heard_at is None:
            return False
        return self._clock() - self._heard_at <= float(sign.split()[0])
