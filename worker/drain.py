"""Draining lanes: the hand-over that never leaves a booking without a drainer.

Drain until empty, release the locks, delete the flags, look again in a new transaction, and go on with the lanes that
have work and whose flag can be won back. `tests/races` holds the exhaustive model of this protocol. Redis may be away:
then a flag is nobody's, and the sweep finds what is left.

One turn may have several lanes, and settles them in the same transactions: when many events sell a few bookings each,
the cost of a message, of a transaction and of its round trips is shared by all of them. When there is more than one
batch can hold, a turn gives away the lanes that it did not reach, so that other workers take their part.
"""

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from redis.exceptions import RedisError

from booking_service.domain.seats.lanes import lanes_due
from booking_service.domain.seats.settlement import Batch, settle_batch
from booking_service.wake.flags import LaneFlags
from booking_service.wake.messages import BROKER_ERRORS
from shared.database.units import Database

log = logging.getLogger(__name__)

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Drainer:
    """Settles lanes, a few at a call. ``publish`` sends lanes for a turn of their own."""

    database: Database
    flags: LaneFlags
    publish: Callable[[Sequence[int]], None]
    batch_max: int
    seconds_max: float

    def drain(self, lanes: Iterable[int], *, swept: bool = False) -> None:
        """Settle ``lanes`` until they are empty, or send for another turn once `seconds_max` have passed.

        A lane that somebody else is settling is left to them: that drainer looks again when it is done. A turn that
        the sweep sent (``swept``) goes on after its time only if nobody else has been told to drain the lane; else
        turns would multiply under a long backlog. Raises Unavailable when the database is away.
        """
        deadline = time.monotonic() + self.seconds_max
        mine = list(lanes)
        told = set(self._take(mine) if swept else mine)  # the lanes that nobody else has been told to drain
        while mine:
            empty = self._settle_all(mine, told, deadline)
            self._try(self.flags.clear, empty)
            mine = self._take(self._due(empty)) if empty else []
            told = set(mine)

    def _settle_all(self, lanes: list[int], told: set[int], deadline: float) -> list[int]:
        """Settle until every lane of ``lanes`` is empty or given to somebody else; return those that are empty."""
        while time.monotonic() < deadline:
            batch = self._settle_batch(lanes)
            lanes = batch.lanes
            if not batch.has_more:
                return lanes
            unreached = [lane for lane in batch.unreached if lane in told]
            if self._publish(unreached):
                lanes = [lane for lane in lanes if lane not in unreached]
            self._try(self.flags.renew, [lane for lane in lanes if lane in told])
        self._publish([lane for lane in lanes if lane in told])
        return []

    def _settle_batch(self, lanes: list[int]) -> Batch:
        settle = partial(settle_batch, lanes=lanes, batch_max=self.batch_max)
        return self.database.write(settle, repeat_lost=True)

    def _due(self, lanes: list[int]) -> list[int]:
        return self.database.read(partial(lanes_due, lanes=lanes))

    def _take(self, lanes: list[int]) -> list[int]:
        return self._try(self.flags.take, lanes) or []

    def _publish(self, lanes: list[int]) -> bool:
        """Send ``lanes`` for a turn of their own. When that fails their flags expire, and the sweep finds them."""
        try:
            if lanes:
                self.publish(lanes)
        except BROKER_ERRORS as error:
            log.warning("no turn for lanes %s, the sweep will look after them: %s", lanes, error)
            return False
        return True

    @staticmethod
    def _try(act: Callable[[list[int]], Result], lanes: list[int]) -> Result | None:
        try:
            return act(lanes)
        except RedisError as error:
            log.warning("no flags for lanes %s, the sweep will look after them: %s", lanes, error)
            return None
