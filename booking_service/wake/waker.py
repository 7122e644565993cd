"""Waking lanes after the commit that gave them work."""

import logging
import threading
from collections.abc import Callable, Iterable, Sequence

from redis.exceptions import RedisError

from booking_service.wake.flags import LaneFlags
from shared.database.units import reason

log = logging.getLogger(__name__)


def wake_sleeping(flags: LaneFlags, publish: Callable[[Sequence[int]], None], lanes: Iterable[int]) -> list[int]:
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

    def __init__(self, flags: LaneFlags, publish: Callable[[Sequence[int]], None], pause_seconds: float) -> None:
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
                reason(error),
            )
            return False
        return True
