"""The rules by which an event is sold. Fixed when it is created, but for the moment at which it is cancelled."""

from collections.abc import Iterator
from datetime import datetime
from typing import Final, NamedTuple

from booking_service.domain.models import OFF
from shared.errors import FieldError

HOLD_SECONDS_MAX: Final = 7 * 24 * 60 * 60  # longer, and seats would be kept from others for nobody knows what
WAITING_UNLIMITED: Final = 2**31 - 1  # `stock.waiting_max` of a list without a bound


class Rules(NamedTuple):
    """The rules of one event. None means that there is no such limit or moment."""

    seats_per_booking_max: int | None
    seats_per_user_max: int | None
    opens_at: datetime | None  # nothing is sold before it
    closes_at: datetime  # nor from then on: `sales_close_at`, or when the event begins
    cancel_until: datetime | None  # from then on who booked cannot cancel what is confirmed
    hold_seconds: int | None  # seats are held for as long, until somebody confirms; None: confirmed at once
    waitlist: str  # OFF, STRICT or FIT
    cancelled_at: datetime | None  # when its cancellation was asked for

    @property
    def is_cancelled(self) -> bool:
        """Tell whether the event was called off: nothing gets a seat any more."""
        return self.cancelled_at is not None


class GivenRules(NamedTuple):
    """The rules of an event to be, as its table has them. None means that there is no such limit or moment."""

    seats_per_booking_max: int | None = None
    seats_per_user_max: int | None = None
    sales_open_at: datetime | None = None
    sales_close_at: datetime | None = None
    cancel_until: datetime | None = None
    hold_seconds: int | None = None
    waitlist: str = OFF
    waitlist_max: int | None = None

    @property
    def waiting_max(self) -> int:
        """How many bookings may wait at once; 0 without a list."""
        if self.waitlist == OFF:
            return 0
        return WAITING_UNLIMITED if self.waitlist_max is None else self.waitlist_max

    def contradictions(self, starts_at: datetime) -> tuple[FieldError, ...]:
        """List what cannot be kept together by an event that begins at ``starts_at``."""
        return tuple(self._contradictions(starts_at))

    def _contradictions(self, starts_at: datetime) -> Iterator[FieldError]:
        opens_at, closes_at = self.sales_open_at, self.sales_close_at
        opens_in_time = opens_at is None or opens_at < starts_at
        if not opens_in_time:
            yield FieldError("Open sales before the event begins.", "#/sales_open_at")
        if closes_at is not None and closes_at > starts_at:
            yield FieldError("Close sales when the event begins or before.", "#/sales_close_at")
        elif closes_at is not None and opens_at is not None and opens_in_time and closes_at <= opens_at:
            yield FieldError("Close sales after they open.", "#/sales_close_at")
        of_booking, of_user = self.seats_per_booking_max, self.seats_per_user_max
        if of_booking is not None and of_user is not None and of_booking > of_user:
            yield FieldError(f"Use {of_user} or less, which is all that one user may have.", "#/max_seats_per_booking")
        if self.waitlist_max is not None and self.waitlist == OFF:
            yield FieldError("Leave this out, or choose a kind of waiting list.", "#/waitlist_max")
