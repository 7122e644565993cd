"""A clock that is off, for one process: the time of day and the ids made from it; durations stay right."""

import itertools
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID

from uuid_utils import compat

from shared import clock
from tests.faults.campaign.replacing import replace

VERSION_AND_VARIANT = (0x7 << 76) | (0b10 << 62)
COUNTER_SHIFT = 64
COUNTER_MAX = 0xFFF
TIMESTAMP_SHIFT = 80


def skew(seconds: float) -> None:
    """Set the clock of this process off by ``seconds``. Call it before the modules that import the clock by name."""
    replace(clock, "utc_now", lambda _real: lambda: datetime.now(UTC) + timedelta(seconds=seconds))
    replace(compat, "uuid7", lambda real: skewed_uuid7(real, seconds))


def skewed_uuid7(real: Callable[[], UUID], seconds: float) -> Callable[[], UUID]:
    """Make ids like ``real``, whose timestamp is off by ``seconds``."""
    # The random bits are the real one's; a counter keeps ids of a millisecond apart and in order, as there.
    counter = itertools.count()

    def uuid7() -> UUID:
        milliseconds = int((time.time() + seconds) * 1000)
        order = (next(counter) & COUNTER_MAX) << COUNTER_SHIFT
        random_bits = real().int & ((1 << 62) - 1)
        return UUID(int=(milliseconds << TIMESTAMP_SHIFT) | VERSION_AND_VARIANT | order | random_bits)

    return uuid7
