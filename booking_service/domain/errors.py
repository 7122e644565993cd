"""What can stand in the way of a booking.

NotFound 404
├── EventNotFound
└── BookingNotFound           none there, or somebody else's
Forbidden 403
├── NotYourBookings           a list of somebody else's
└── NotYourEvent              to change
Conflict 409
├── SoldOut                   neither a seat nor a place on the waiting list is left
├── SalesNotOpen
├── SalesClosed               sales have ended, at the latest when the event begins
├── EventCancelled
├── TooLate                   to cancel
├── BookingOver               rejected, cancelled or expired
├── NotHeld                   nothing is there to confirm
├── HoldExpired
├── BookingLimit              more seats than one booking may have of this event
├── UserLimit                 more seats than one user may have of this event
└── CapacityTaken             fewer seats than are held and confirmed
InvalidInput 422
├── TooManySeats              for one booking
├── TooManySeatsForUser
├── MinimumAboveSeats         `seats_min` is more than `seats`
├── NoWaitingList             `seats_min` where nobody waits
└── EventInThePast            a new event that nobody could book
"""

from datetime import datetime
from math import ceil

from shared.clock import rfc3339
from shared.errors import Conflict, FieldError, Forbidden, InvalidInput, NotFound


class EventNotFound(NotFound):
    """No event has this id."""

    code, title = "event-not-found", "No such event"
    default_detail = "Choose an event from GET /events."


class BookingNotFound(NotFound):
    """No booking of this user has this id."""

    code, title = "booking-not-found", "No such booking"
    default_detail = "Use the Location that the booking request answered, with the same account."


class NotYourBookings(Forbidden):
    """A list of somebody else's bookings, for who may see their own only."""

    code = "not-your-bookings"
    default_detail = "Leave `user_id` out: this account may list its own bookings only."


class NotYourEvent(Forbidden):
    """Somebody else's event, for who may change their own only."""

    code, title = "not-your-event", "This event is somebody else's"
    default_detail = "Ask who created it, or an account that may change any event."


class SoldOut(Conflict):
    """The event had no seat left, and no place on its waiting list, when last looked at, a moment ago."""

    code, title = "sold-out", "The event is sold out"
    default_detail = "Nothing was booked. Choose another event from GET /events."


class SalesNotOpen(Conflict):
    """Sales begin later; says when."""

    code, title = "sales-not-open", "Sales for this event are not open yet"
    default_detail = "Nothing was booked. `sales_open_at` of the event says when sales begin: book again then."

    def __init__(self, opens_at: datetime | None = None, now: datetime | None = None) -> None:
        if opens_at is None or now is None:
            super().__init__()
            return
        super().__init__(f"Nothing was booked. Sales begin at {rfc3339(opens_at)}: book again then.")
        self.retry_after_seconds = ceil((opens_at - now).total_seconds())


class SalesClosed(Conflict):
    """Sales have ended: at `sales_close_at`, or because the event has begun."""

    code, title = "sales-closed", "Sales for this event are closed"
    default_detail = "Sales have ended, and nothing was booked. Choose another event from GET /events."


class EventCancelled(Conflict):
    """The event was called off."""

    code, title = "event-cancelled", "The event is cancelled"
    default_detail = "It was called off, and nothing was done. Choose another event from GET /events."


class TooLate(Conflict):
    """The booking is confirmed, and its event's `cancel_until` has passed."""

    code, title = "too-late", "It is too late to cancel"
    default_detail = "The booking stays as it is. `cancel_until` of its event says how long it could be cancelled."


class BookingOver(Conflict):
    """The booking was rejected or cancelled, or has expired."""

    code, title = "booking-over", "The booking is over"
    default_detail = "Nothing was changed; its `status` and `reason` say what became of it. Book again for seats."


class NotHeld(Conflict):
    """No seats are held for the booking, so there is nothing to confirm."""

    code, title = "not-held", "The booking holds no seats to confirm"
    default_detail = "Nothing was changed. Only a booking whose `status` is `held` can be confirmed: look at it first."


class HoldExpired(Conflict):
    """The seats were held until a moment that has passed."""

    code, title = "hold-expired", "The hold has expired"
    default_detail = "Its seats are given to others, and nothing was confirmed. Book again."


class BookingLimit(Conflict):
    """More seats than one booking may have of this event."""

    code, title = "booking-limit", "More seats than one booking may have"
    default_detail = "Nothing was changed. `max_seats_per_booking` of the event says how many a booking may have."


class UserLimit(Conflict):
    """More seats than one user may have of this event."""

    code, title = "user-limit", "More seats than one user may have"
    default_detail = "Nothing was changed. `max_seats_per_user` of the event says how many a user may have in all."


class CapacityTaken(Conflict):
    """A capacity below what is held and confirmed already; names that number."""

    code, title = "capacity-taken", "More seats are taken than that"

    def __init__(self, seats_taken: int | None = None) -> None:
        number = "as many as are held and confirmed" if seats_taken is None else str(seats_taken)
        super().__init__(f"The capacity stays as it is. Ask for {number} or more, or wait for cancellations.")


class TooManySeats(InvalidInput):
    """More seats than one booking may have, asked for at ``pointer``."""

    def __init__(self, seats_max: int = 1, pointer: str = "#/query/seats") -> None:
        super().__init__(errors=(FieldError(f"At most {seats_max} seats can be booked at once.", pointer),))


class TooManySeatsForUser(InvalidInput):
    """More seats in one booking than a user may have of this event in all."""

    def __init__(self, seats_max: int = 1) -> None:
        detail = f"At most {seats_max} seats of this event are for one user."
        super().__init__(errors=(FieldError(detail, "#/query/seats"),))


class MinimumAboveSeats(InvalidInput):
    """A request that would do with no fewer seats asks for fewer: `seats_min` is more than `seats`."""

    def __init__(self, seats: int = 1) -> None:
        detail = f"Use {seats} or less: as many as are booked, or fewer that will do."
        super().__init__(errors=(FieldError(detail, "#/query/seats_min"),))


class NoWaitingList(InvalidInput):
    """A request says with how few seats it would wait for some, and nobody waits for this event."""

    def __init__(self) -> None:
        detail = "Leave this out: the event has no waiting list."
        super().__init__(errors=(FieldError(detail, "#/query/seats_min"),))


class EventInThePast(InvalidInput):
    """A new event that has begun already, which is seldom meant."""

    code, title = "event-in-the-past", "The event lies in the past"
    default_detail = "Correct the date; to record an event that has taken place, send `allow_past=true`."

    def __init__(self) -> None:
        super().__init__(errors=(FieldError("Use a date that is still to come.", "#/event_date"),))
