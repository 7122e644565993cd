"""What came of a change: known before it is asked for where a state leaves no doubt, and told as a problem."""

from collections.abc import Mapping

from booking_service.domain.bookings.lookup import BookingState
from booking_service.domain.catalogue import EventState
from booking_service.domain.errors import (
    BookingLimit,
    BookingOver,
    CapacityTaken,
    EventCancelled,
    HoldExpired,
    NotHeld,
    SalesClosed,
    SoldOut,
    TooLate,
    UserLimit,
)
from booking_service.domain.models import (
    BOOKING_LIMIT,
    CANCEL_BOOKING,
    CANCEL_EVENT,
    CANCELLED,
    CAPACITY_TAKEN,
    CONFIRM_HOLD,
    CONFIRMED,
    DONE,
    EVENT_CANCELLED,
    EXPIRED,
    HOLD_EXPIRED,
    NOT_ACTIVE,
    NOT_HELD,
    PENDING,
    REJECTED,
    SALES_CLOSED,
    SET_SEATS,
    SOLD_OUT,
    TOO_LATE,
    USER_LIMIT,
    WAITLISTED,
)
from shared.errors import Conflict

# A status moves on and never back, so these will not change, or are as true as anything that is known at this moment.
FOREGONE: Mapping[tuple[str, str], str] = {
    (CANCEL_BOOKING, CANCELLED): DONE,
    (CANCEL_BOOKING, REJECTED): NOT_ACTIVE,
    (CANCEL_BOOKING, EXPIRED): NOT_ACTIVE,
    (CONFIRM_HOLD, CONFIRMED): DONE,
    (CONFIRM_HOLD, EXPIRED): HOLD_EXPIRED,
    (CONFIRM_HOLD, PENDING): NOT_HELD,
    (CONFIRM_HOLD, WAITLISTED): NOT_HELD,
    (CONFIRM_HOLD, REJECTED): NOT_HELD,
    (CONFIRM_HOLD, CANCELLED): NOT_HELD,
    (SET_SEATS, REJECTED): NOT_ACTIVE,
    (SET_SEATS, EXPIRED): NOT_ACTIVE,
    (SET_SEATS, CANCELLED): NOT_ACTIVE,
}

REFUSALS: Mapping[str, type[Conflict]] = {
    TOO_LATE: TooLate,
    NOT_ACTIVE: BookingOver,
    NOT_HELD: NotHeld,
    HOLD_EXPIRED: HoldExpired,
    BOOKING_LIMIT: BookingLimit,
    USER_LIMIT: UserLimit,
    EVENT_CANCELLED: EventCancelled,
}
NO_SEATS = "Nothing was changed: so many more seats are not free. Keep those you have, or ask for fewer."
OTHER_VERSION = "Nothing was changed, while another version is put into service. Ask again later, with another key."
NO_MORE_SALES = "Nothing was changed: sales have ended. Seats can be given back, and none added."


def foregone(kind: str, state: BookingState) -> str | None:
    """Tell what must come of a change of a booking that is in ``state``; None when that is still to be decided."""
    if state.reason == EVENT_CANCELLED and kind != CANCEL_BOOKING:
        return EVENT_CANCELLED
    return FOREGONE.get((kind, state.status))


def foregone_of_event(kind: str, event: EventState) -> str | None:
    """Tell what must come of a change of an event that is in such a state; None when that is still to be decided."""
    if kind == CANCEL_EVENT:
        return DONE if event.is_cancelled else None
    return None if event.cancelled_at is None else EVENT_CANCELLED


def raise_refused(outcome: str, detail: int | None = None) -> None:
    """Raise what tells who asked that the ``outcome`` is another than DONE; ``detail`` is the number that it names."""
    if outcome == DONE:
        return
    if outcome == SOLD_OUT:
        raise SoldOut(NO_SEATS)
    if outcome == SALES_CLOSED:
        raise SalesClosed(NO_MORE_SALES)
    if outcome == CAPACITY_TAKEN:
        raise CapacityTaken(detail)
    if outcome in REFUSALS:
        raise REFUSALS[outcome]
    # A worker that is older did not understand the change, or one that is newer refused it for a reason of its own.
    raise Conflict(OTHER_VERSION)
