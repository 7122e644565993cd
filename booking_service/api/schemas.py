"""What goes over the wire of bookings, and what all of it is made of. Events have schemas of their own."""

from typing import Annotated

from fastapi import Path, Query
from pydantic import BaseModel, BeforeValidator, Field

from booking_service.box_office.lookups import BookingView
from booking_service.domain.bookings.intake import DECIDE_WITHIN_SECONDS_MAX
from booking_service.domain.bookings.lookup import CANCELLING
from shared.http.values import ID_MAX, Moment, decimal_digits

EventId = Annotated[int, Path(ge=1, le=ID_MAX, description="The event's id."), BeforeValidator(decimal_digits)]
Seats = Annotated[
    # How many are too many, the box office says: a bound here would name another number than the one that counts.
    int,
    Query(ge=1, description="How many seats; see SEATS_PER_BOOKING_MAX."),
    BeforeValidator(decimal_digits),
]
SeatsMin = Annotated[
    int | None,
    Query(ge=1, description="With a waiting list: as few seats as would do. You get what is there, up to `seats`."),
    BeforeValidator(decimal_digits),
]
DecideWithin = Annotated[
    int | None,
    Query(ge=1, le=DECIDE_WITHIN_SECONDS_MAX, description="Seconds after which a decision comes too late for you."),
    BeforeValidator(decimal_digits),
]


class BookingOut(BaseModel):
    """A booking and what became of it."""

    booking_id: str
    event_id: int
    seats: int
    status: str = Field(
        description="`pending`, then `confirmed`, `held`, `waitlisted` or `rejected`; later `cancelled` or `expired`. "
        "`cancelling` while its cancellation is asked for and not decided yet.",
        examples=["pending"],
    )
    reason: str | None = Field(
        description="Why it was rejected, or cancelled by somebody else, a stable code.", examples=[None]
    )
    created_at: Moment
    settled_at: Moment | None
    queue_position: int | None = Field(
        default=None, description="While pending: the place in the queue, 1 being next; null far from the head."
    )
    expires_at: Moment | None = Field(default=None, description="While held: confirmed until then, or its seats go.")
    waitlist_position: int | None = Field(
        default=None, description="While waitlisted: the place on the list, 1 being next; null far from the head."
    )
    waitlist_skipped: str | None = Field(
        default=None,
        description="Why somebody behind it was given seats first: `too_few_seats` or `too_many_seats`.",
        examples=[None],
    )

    @classmethod
    def of(cls, view: BookingView) -> "BookingOut":
        """Translate from the domain's names."""
        state = view.state
        return cls(
            booking_id=str(state.id),
            event_id=state.event_id,
            seats=state.seats,
            status=CANCELLING if state.is_cancelling else state.status,
            reason=state.reason,
            created_at=state.created_at,
            settled_at=state.settled_at,
            queue_position=view.place,
            expires_at=view.expires_at,
            waitlist_position=view.waitlist_position,
            waitlist_skipped=view.waitlist_skipped,
        )
