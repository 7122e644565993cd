"""What can stand in the way of a booking.

NotFound 404
├── EventNotFound
└── BookingNotFound           none there, or somebody else's
Forbidden 403
└── NotYourBookings           a list of somebody else's
Conflict 409
├── SoldOut
├── SalesClosed               the event has begun
├── EventCancelled
├── TooLate                   to cancel
├── BookingOver               rejected, cancelled or expired
├── NotHeld                   nothing is there to confirm
├── HoldExpired
├── BookingLimit              more seats than one booking may have of this event
├── UserLimit                 more seats than one user may have of this event
└── CapacityTaken             fewer seats than are held and confirmed
InvalidInput 422
├── TooManySeats
├── IdempotencyKeyReused      the key came before with another request
└── EventInThePast            a new event that nobody could book
"""

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


class SoldOut(Conflict):
    """The event had no seat left when last looked at, a moment ago."""

    code, title = "sold-out", "The event is sold out"
    default_detail = "Nothing was booked. Choose another event from GET /events."


class SalesClosed(Conflict):
    """The event has begun."""

    code, title = "sales-closed", "Sales for this event are closed"
    default_detail = "The event has begun, and nothing was booked. Choose another from GET /events."


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


class EventInThePast(InvalidInput):
    """A new event that has begun already, which is seldom meant."""

    code, title = "event-in-the-past", "The event lies in the past"
    default_detail = "Correct the date; to record an event that has taken place, send `allow_past=true`."

    def __init__(self) -> None:
        super().__init__(errors=(FieldError("Use a date that is still to come.", "#/event_date"),))


class IdempotencyKeyReused(InvalidInput):
    """The same Idempotency-Key came with another event or number of seats."""

    code, title = "idempotency-key-reused", "This Idempotency-Key belongs to another request"
    default_detail = "Use a new Idempotency-Key for a new booking, or repeat the first request unchanged."
