"""The sweep: finds lanes whose wake-up was lost, whatever their flags say, which may be all that is left of a drainer.

One message a lane at a time: under a long backlog a lane is overdue for long, and well looked after. But a worker that
dies takes messages with it, and their flags stay: when no message waits at all, none is on its way.
"""

import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from math import ceil

from redis.exceptions import RedisError

from booking_service.domain.seats.lanes import lanes_overdue
from booking_service.wake.flags import LaneFlags
from booking_service.wake.waker import wake_sleeping
from shared.clock import utc_now
from shared.database.units import Database

# A sweep's sign is believed for as long as a few sweeps that each came after a few turns, and never shorter than this.
SIGN_OF_LIFE_SWEEPS = 5
SIGN_OF_LIFE_SECONDS_MIN = 30

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Sweeper:
    """Sends for overdue lanes.

    ``flags`` are those of lanes whose message is on its way; ``publish`` sends it, ``waiting`` counts those that no
    worker has taken yet, and ``give_sign`` leaves a sign of life for so many seconds.
    """

    database: Database
    flags: LaneFlags
    publish: Callable[[Sequence[int]], None]
    waiting: Callable[[], int]
    give_sign: Callable[[int], None]
    age_seconds: float
    interval_seconds: float  # the longest between two sweeps when all is well

    def sweep(self) -> None:
        """Send for each lane with a booking older than `age_seconds`, then leave a sign of life.

        Raises Unavailable when the database is away, or one of BROKER_ERRORS.
        """
        age = timedelta(seconds=self.age_seconds)
        overdue = self.database.read(partial(lanes_overdue, now=utc_now(), age=age))
        if overdue:
            self.flags.clear_overlong(overdue)
            if self.waiting() == 0:
                self.flags.clear(overdue)
        for lane in overdue:
            if wake_sleeping(self.flags, self.publish, [lane]):
                log.info("lane %s is overdue and was sent for", lane)
        self.give_sign(max(SIGN_OF_LIFE_SECONDS_MIN, ceil(SIGN_OF_LIFE_SWEEPS * self.interval_seconds)))

    def arrived(self, lanes: list[int]) -> None:
        """Note that the message to ``lanes`` has arrived, so that the next sweep may send another."""
        with suppress(RedisError):  # then its flag expires
            self.flags.clear(lanes)
