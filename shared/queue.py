"""Nudges: wake flags in Redis and the messages that send a worker to a lane. Losing all of it loses no booking."""

import logging
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from celery import Celery
from kombu.exceptions import OperationalError
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from shared.installation import FindNames

SETTLE = "booking.settle"
SWEEP = "booking.sweep"

# What a flag means: somebody has been told to drain the lane,
AWAKE = "awake:"
# and a sweep's message to the lane is on its way.
SWEPT = "swept:"
# What publishing through Celery raises when the broker is away.
BROKER_ERRORS = (OperationalError, RedisError, OSError)

log = logging.getLogger(__name__)


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


class WakeFlags:
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
    ) -> "WakeFlags":
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


@dataclass(frozen=True, slots=True)
class LanePublisher:
    """Sends `settle(lanes)` and sweeps through Celery, bounded in time: a producer's settings differ from a consumer's.

    Calls also raise what ``names`` does.
    """

    celery: Celery
    names: FindNames

    @classmethod
    def connect(cls, url: str, names: FindNames, *, timeout_seconds: float) -> "LanePublisher":
        """Prepare to publish to the broker at ``url``, waiting at most ``timeout_seconds`` and trying once."""
        celery = Celery("producer", broker=url, set_as_current=False)
        celery.conf.update(
            task_publish_retry=False,
            task_ignore_result=True,
            broker_pool_limit=1,
            broker_pool_acquire_timeout=timeout_seconds,
            broker_transport_options={
                "socket_timeout": timeout_seconds,
                "socket_connect_timeout": timeout_seconds,
                "max_retries": 0,
                "interval_start": 0,
                "interval_step": 0,
                "interval_max": 0,
            },
        )
        return cls(celery, names)

    def publish(self, lanes: Sequence[int], *, swept: bool = False) -> None:
        """Have ``lanes`` drained, on behalf of the sweep or of a wake-up. Raises one of BROKER_ERRORS."""
        queue = self.names().lanes_queue
        self.celery.send_task(SETTLE, args=[lanes], kwargs={"swept": swept}, queue=queue, retry=False)

    def sweep(self) -> None:
        """Have forgotten lanes looked for, unless a sweep waits already. Raises one of BROKER_ERRORS.

        So sweeps never pile up while nobody runs them, and none needs an expiry, which would be judged by another
        machine's clock.
        """
        queue = self.names().sweep_queue
        if self._waiting(queue) == 0:
            self.celery.send_task(SWEEP, queue=queue, retry=False)

    def waiting(self) -> int:
        """Count the messages to lanes that no worker has taken yet. Raises one of BROKER_ERRORS."""
        return self._waiting(self.names().lanes_queue)

    def ping(self) -> None:
        """Ask the broker for a sign of life on the way that messages take. Raises one of BROKER_ERRORS."""
        with self.celery.connection_or_acquire() as connection:
            # Connects, within the bounds above, unless that was done; opening a channel is a round trip in any case.
            _ = connection.default_channel
            connection.channel().close()

    def _waiting(self, queue: str) -> int:
        with self.celery.connection_or_acquire() as connection:
            declared = connection.default_channel.queue_declare(queue, durable=True, auto_delete=False)
            return int(declared.message_count)


def wake_sleeping(flags: WakeFlags, publish: Callable[[Sequence[int]], None], lanes: Iterable[int]) -> list[int]:
    """Set the free flags of ``lanes`` and publish their lanes, which are returned; when that fails free them again.

    Raises RedisError and whatever ``publish`` raises.
    """
    taken = flags.take(lanes)
    try:
        if taken:
            publish(taken)
    except Exception:
        # A flag without a message would keep everybody else from sending one until it expires.
        try:
            flags.clear(taken)
        except RedisError as error:
            log.warning("cannot clear the flags of lanes %s, they will expire: %s", taken, error)
        raise
    return taken


class Waker:
    """Wakes lanes from a thread of its own, so that no request ever waits for Redis.

    The lanes still to wake are a set: while Redis is slow or away, a thousand wake-ups of a lane are one. All lanes
    that are to be woken at a moment go in one message.
    """

    def __init__(self, flags: WakeFlags, publish: Callable[[Sequence[int]], None], pause_seconds: float) -> None:
        """Wake with ``flags`` and ``publish``; after a failure leave Redis alone for ``pause_seconds``."""
        self._flags = flags
        self._publish = publish
        self._pause_seconds = pause_seconds
        self._lanes: set[int] = set()
        self._changed = threading.Condition()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="waker", daemon=True)
        self._thread.start()

    def wake(self, lanes: Iterable[int]) -> None:
        """Have ``lanes`` woken soon. Call it after the commit that gave them work; returns at once."""
        with self._changed:
            self._lanes.update(lanes)
            self._changed.notify()

    def close(self) -> None:
        """Try once to wake what is left, then stop."""
        self._closing.set()
        with self._changed:
            self._changed.notify()
        self._thread.join()
        self._flags.close()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._lanes or self._closing.is_set())
                lanes, self._lanes = self._lanes, set()
            if not lanes:
                return
            if not self._wake(sorted(lanes)):
                if self._closing.is_set():
                    return  # the sweep will find them
                self.wake(lanes)
                self._closing.wait(self._pause_seconds)

    def _wake(self, lanes: list[int]) -> bool:
        try:
            wake_sleeping(self._flags, self._publish, lanes)
        except Exception as error:  # noqa: BLE001  whatever it is, this thread is the only one that wakes lanes
            log.warning(
                "cannot wake lanes %s, will try again in %s s: %s: %s",
                lanes,
                self._pause_seconds,
                type(error).__name__,
                error,
            )
            return False
        return True
