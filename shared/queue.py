"""Nudges: wake flags in Redis and the messages that send a worker to a lane. Losing all of it loses no booking."""

import logging
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from celery import Celery
from kombu.exceptions import OperationalError
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

SETTLE = "booking.settle"
SWEEP = "booking.sweep"
LANES_QUEUE = "lanes"
SWEEP_QUEUE = "sweep"

# Somebody has been told to drain the lane.
AWAKE = "event-booking:awake:"
# A sweep's message to the lane is on its way.
SWEPT = "event-booking:swept:"
# What publishing through Celery raises when the broker is away.
BROKER_ERRORS = (OperationalError, RedisError, OSError)

log = logging.getLogger(__name__)


class WakeFlags:
    """One flag a lane, with an expiry. Raises RedisError when Redis is away."""

    def __init__(self, redis: "Redis", expiry_seconds: int, meaning: str = AWAKE) -> None:
        """Keep the flags with this ``meaning`` in ``redis``, each for ``expiry_seconds`` unless renewed."""
        self._redis = redis
        self._expiry_seconds = expiry_seconds
        self._meaning = meaning

    @classmethod
    def connect(cls, url: str, *, expiry_seconds: int, timeout_seconds: float, meaning: str = AWAKE) -> "WakeFlags":
        """Prepare a connection on which nothing waits longer than ``timeout_seconds`` and nothing is tried twice."""
        redis = Redis.from_url(
            url,
            socket_timeout=timeout_seconds,
            socket_connect_timeout=timeout_seconds,
            retry=Retry(NoBackoff(), 0),
        )
        return cls(redis, expiry_seconds, meaning)

    def take(self, lane: int) -> bool:
        """Set the flag of ``lane`` and return whether it was free: if so, what it means is now the caller's to do."""
        return bool(self._redis.set(self._flag(lane), "1", nx=True, ex=self._expiry_seconds))

    def renew(self, lane: int) -> None:
        """Let the flag of ``lane`` live on, setting it if it is gone."""
        self._redis.set(self._flag(lane), "1", ex=self._expiry_seconds)

    def clear(self, lane: int) -> None:
        """Free the flag of ``lane``."""
        self._redis.delete(self._flag(lane))

    def ping(self) -> bool:
        """Return True when Redis answers."""
        return bool(self._redis.ping())

    def close(self) -> None:
        """Close the connections."""
        self._redis.close()

    def _flag(self, lane: int) -> str:
        return f"{self._meaning}{lane}"


@dataclass(frozen=True, slots=True)
class LanePublisher:
    """Sends `settle(lane)` through Celery, bounded in time: a producer's settings differ from a consumer's."""

    celery: Celery

    @classmethod
    def connect(cls, url: str, *, timeout_seconds: float) -> "LanePublisher":
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
        return cls(celery)

    def publish(self, lane: int, *, swept: bool = False) -> None:
        """Have ``lane`` drained, on behalf of the sweep or of a wake-up. Raises one of BROKER_ERRORS."""
        self.celery.send_task(SETTLE, args=[lane], kwargs={"swept": swept}, queue=LANES_QUEUE, retry=False)


class Waker:
    """Wakes lanes from a thread of its own, so that no request ever waits for Redis.

    The lanes still to wake are a set: while Redis is slow or away, a thousand wake-ups of a lane are one.
    """

    def __init__(self, flags: WakeFlags, publish: Callable[[int], None], pause_seconds: float) -> None:
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
            while lanes:
                lane = lanes.pop()
                if not self._wake(lane):
                    if self._closing.is_set():
                        return  # the sweep will find them
                    self.wake({lane, *lanes})
                    self._closing.wait(self._pause_seconds)
                    break

    def _wake(self, lane: int) -> bool:
        taken = False
        try:
            taken = self._flags.take(lane)
            if taken:
                self._publish(lane)
        except Exception as error:  # noqa: BLE001  whatever it is, this thread is the only one that wakes lanes
            log.warning(
                "cannot wake lane %d, will try again in %s s: %s: %s",
                lane,
                self._pause_seconds,
                type(error).__name__,
                error,
            )
            if taken:
                self._forget(lane)
            return False
        return True

    def _forget(self, lane: int) -> None:
        # A flag without a message would keep everybody else from sending one until it expires.
        try:
            self._flags.clear(lane)
        except Exception as error:  # noqa: BLE001  as above
            log.warning("cannot clear the flag of lane %d, it will expire: %s", lane, error)
