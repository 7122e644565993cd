"""Draining a lane: the hand-over that never leaves a booking without a drainer.

Drain until empty, release the lock, delete the flag, look again in a new transaction, and go on if there is work and
the flag can be won back. `tests/races` holds the exhaustive model of this protocol. Redis may be away: then the flag
is nobody's, and the sweep finds what is left.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from functools import partial

from redis.exceptions import RedisError

from booking_service.domain import settlement
from shared.clock import utc_now
from shared.database import Database
from shared.queue import WakeFlags

log = logging.getLogger(__name__)


class Turn(Enum):
    """How a turn at a lane ended."""

    EMPTY = auto()
    TIME_UP = auto()  # there is, or may be, more to do
    NOT_OURS = auto()  # somebody else is at it, or has been told to


@dataclass(frozen=True, slots=True)
class Drainer:
    """Settles lanes, one at a call."""

    database: Database
    flags: WakeFlags
    batch_max: int
    seconds_max: float

    def drain(self, lane: int, *, swept: bool = False) -> Turn:
        """Settle ``lane`` until it is empty or `seconds_max` have passed; after TIME_UP, send for another turn.

        A lane that somebody else is settling is NOT_OURS: that drainer looks again when it is done. A turn that the
        sweep sent (``swept``) goes on after its time only if nobody else has been told to drain the lane; else turns
        would multiply under a long backlog. Raises Unavailable when the database is away.
        """
        deadline = time.monotonic() + self.seconds_max
        ours = not swept or self._try(self.flags.take, lane)
        while True:
            turn = self._settle_all(lane, deadline, ours=ours)
            if turn is not Turn.EMPTY:
                return turn
            self._try(self.flags.clear, lane)
            if not self._has_due(lane) or not self._try(self.flags.take, lane):
                return Turn.EMPTY
            ours = True

    def _settle_all(self, lane: int, deadline: float, *, ours: bool) -> Turn:
        settle = partial(settlement.settle_batch, lane=lane, batch_max=self.batch_max)
        while time.monotonic() < deadline:
            settled = self.database.write(lambda c: settle(c, now=utc_now()), repeat_lost=True)
            if settled is None:
                return Turn.NOT_OURS
            if settled < self.batch_max:
                return Turn.EMPTY
            if ours:
                self._try(self.flags.renew, lane)
        return Turn.TIME_UP if ours else Turn.NOT_OURS

    def _has_due(self, lane: int) -> bool:
        return self.database.read(partial(settlement.has_due, lane=lane))

    @staticmethod
    def _try(act: Callable[[int], bool | None], lane: int) -> bool:
        try:
            return act(lane) is not False
        except RedisError as error:
            log.warning("no flag for lane %d, the sweep will look after it: %s", lane, error)
            return False
