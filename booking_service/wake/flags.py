"""Wake flags in Redis: who has been told to drain a lane. Losing them loses no booking."""

from collections.abc import Iterable

from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from booking_service.wake.names import FindNames

# What a flag means: somebody has been told to drain the lane,
AWAKE = "awake:"
# and a sweep's message to the lane is on its way.
SWEPT = "swept:"


def connect_redis(url: str, timeout_seconds: float) -> "Redis":
    """Prepare connections on which nothing waits longer than ``timeout_seconds`` and nothing is tried twice."""
    return Redis.from_url(
        url,
        socket_timeout=timeout_seconds,
        socket_connect_timeout=timeout_seconds,
        retry=Retry(NoBackoff(), 0),
    )


# One round trip for all lanes of a batch: under load nearly every flag is set already.
TAKE_SCRIPT = """
local taken = {}
for number, flag in ipairs(KEYS) do
    if redis.call('SET', flag, '1', 'NX', 'EX', ARGV[1]) then taken[#taken + 1] = number end
end
return taken
"""


class LaneFlags:
    """One flag a lane, with an expiry. Each call is one round trip; all raise RedisError when Redis is away."""

    def __init__(self, redis: "Redis", names: FindNames, expiry_seconds: int, meaning: str = AWAKE) -> None:
        """Keep the flags with this ``meaning`` in ``redis``, each for ``expiry_seconds`` unless renewed.

        Calls also raise what ``names`` does.
        """
        self._redis = redis
        self._names = names
        self._expiry_seconds = expiry_seconds
        self._meaning = meaning
        self._take = redis.register_script(TAKE_SCRIPT)

    @classmethod
    def connect(
        cls, url: str, names: FindNames, *, expiry_seconds: int, timeout_seconds: float, meaning: str = AWAKE
    ) -> "LaneFlags":
        """Prepare a connection on which nothing waits longer than ``timeout_seconds`` and nothing is tried twice."""
        return cls(connect_redis(url, timeout_seconds), names, expiry_seconds, meaning)

    def take(self, lanes: Iterable[int]) -> list[int]:
        """Set the flags of ``lanes`` and return those that were free: what they mean is now the caller's to do."""
        asked = list(lanes)
        taken = self._take(keys=self._flags(asked), args=[self._expiry_seconds]) if asked else []
        return [asked[number - 1] for number in taken]

    def renew(self, lanes: Iterable[int]) -> None:
        """Let the flags of ``lanes`` live on, setting those that are gone."""
        with self._redis.pipeline(transaction=False) as pipeline:
            for flag in self._flags(lanes):
                pipeline.set(flag, "1", ex=self._expiry_seconds)
            pipeline.execute()

    def clear(self, lanes: Iterable[int]) -> None:
        """Free the flags of ``lanes``."""
        if flags := self._flags(lanes):
            self._redis.delete(*flags)

    def clear_overlong(self, lanes: Iterable[int]) -> None:
        """Free those flags of ``lanes`` that have longer to live than they were set for.

        Redis keeps an expiry as a time of day: with its clock set back by an hour, a flag would live for an hour more.
        """
        flags = self._flags(lanes)
        with self._redis.pipeline(transaction=False) as pipeline:
            for flag in flags:
                pipeline.ttl(flag)
            left = zip(flags, pipeline.execute(), strict=True)
        if overlong := [flag for flag, seconds in left if seconds > self._expiry_seconds]:
            self._redis.delete(*overlong)

    def ping(self) -> bool:
        """Return True when Redis answers."""
        return bool(self._redis.ping())

    def close(self) -> None:
        """Close the connections."""
        self._redis.close()

    def _flags(self, lanes: Iterable[int]) -> list[str]:
        wanted = list(lanes)
        prefix = f"{self._names().key_prefix}{self._meaning}" if wanted else ""
        return [f"{prefix}{lane}" for lane in wanted]
