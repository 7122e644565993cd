"""What can stand in the way of a booking.

NotFound 404
├── EventNotFound
└── BookingNotFound           none there, or somebody else's
Conflict 409
├── SoldOut
└── SalesClosed               the event has begun
InvalidInput 422
├── TooManySeats
├── IdempotencyKeyReused      the key came before with another request
└── EventInThePast            a new event that nobody could book
"""

from shared.errors import Conflict, FieldError, InvalidInput, NotFound


class EventNotFound(NotFound):
    """No event has this id."""

    code, title = "event-not-found", "No such event"
    default_detail = "Choose an event from GET /events."


class BookingNotFound(NotFound):
    """No booking of this user has this id."""

    code, title = "booking-not-found", "No such booking"
    default_detail = "Use the Location that the booking request answered, with the same account."


class SoldOut(Conflict):
    """The event had no seat left when last looked at, a moment ago."""

    code, title = "sold-out", "The event is sold out"
    default_detail = "Nothing was booked. Choose another event from GET /events."


class SalesClosed(Conflict):
    """The event has begun."""

    code, title = "sales-closed", "Sales for this event are closed"
    default_detail = "The event has begun, and nothing was booked. Choose another from GET /events."


class TooManySeats(InvalidInput):
    """More seats than one booking may have."""

    def __init__(self, seats_max: int = 1) -> None:
        super().__init__(errors=(FieldError(f"At most {seats_max} seats can be booked at once.", "#/query/seats"),))


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
