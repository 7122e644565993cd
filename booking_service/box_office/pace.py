"""How fast one user may ask for seats of this process: counted in its memory, where it costs next to nothing.

A round trip to Redis would cost more than the booking. So with several processes a user may ask each of them that
often.
"""

import logging
from typing import Final

from booking_service.settings import BookingSettings
from shared.errors import RateLimited
from shared.rate_limits.policies import POLICY_FIELD, STATE_FIELD, Policy
from shared.rate_limits.windows import Windows

log = logging.getLogger(__name__)

NAME: Final = "bookings"
WINDOW_SECONDS: Final = 60
USERS_MAX: Final = 100_000  # in each of two windows


class Pace:
    """Counts the bookings that each user asks for."""

    def __init__(self, per_user_max: int) -> None:
        """Let each user ask ``per_user_max`` times in WINDOW_SECONDS."""
        policy = Policy(NAME, per_user_max, WINDOW_SECONDS)
        self._windows = Windows(policy, USERS_MAX)
        self._policy = (POLICY_FIELD.lower().encode(), policy.told.encode())

    def admit(self, user_id: int) -> list[tuple[bytes, bytes]]:
        """Count a request; return the header fields that tell of it. Raises RateLimited."""
        remaining, seconds = self._windows.take(user_id)
        if remaining < 0:
            state = f'"{NAME}";r=0;t={seconds}'
            raise RateLimited(seconds, {POLICY_FIELD: self._policy[1].decode(), STATE_FIELD: state})
        return [self._policy, (b"ratelimit", b'"bookings";r=%d;t=%d' % (remaining, seconds))]


def pace(settings: BookingSettings) -> Pace | None:
    """Return the pace that ``settings`` ask for; None: nobody is counted."""
    if settings.rate_limits == "off":
        log.warning("RATE_LIMITS is off: a user may ask for bookings as fast as it likes")
        return None
    return Pace(settings.bookings_per_user_max)
