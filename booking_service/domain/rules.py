"""The rules that an event may have, fixed when it is created."""

from datetime import datetime
from typing import NamedTuple


class Rules(NamedTuple):
    """How an event's seats are given. None where there is no such rule."""

    seats_per_booking_max: int | None
    seats_per_user_max: int | None
    opens_at: datetime | None
    closes_at: datetime  # when it begins, unless sales close before that
    cancel_until: datetime | None
    hold_seconds: int | None
    waitlist: str  # OFF, STRICT or FIT
    cancelled_at: datetime | None

    @property
    def is_cancelled(self) -> bool:
        """Tell whether the event was called off: then nobody gets a seat of it any more."""
        return self.cancelled_at is not None
