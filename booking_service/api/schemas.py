"""What goes over the wire of bookings, and what all of it is made of. Events have schemas of their own."""

import re
from datetime import UTC, datetime
from typing import Annotated

from fastapi import Path, Query
from pydantic import BaseModel, BeforeValidator, Field, PlainSerializer
from pydantic_core import PydanticCustomError, PydanticKnownError

from booking_service.box_office.lookups import BookingView
from booking_service.domain.bookings.intake import DECIDE_WITHIN_SECONDS_MAX
from booking_service.domain.bookings.lookup import CANCELLING
from shared.clock import rfc3339

ID_MAX = 2**63 - 1
INTEGER_MAX = 2**31 - 1
DIGITS = re.compile(r"[0-9]+")
DIGITS_MAX = 19
DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
LEAP_SECOND = re.compile(r":[0-9]{2}:60(?![0-9])")
YEAR_MIN = 1970


def _digits(value: object) -> object:
    # int() also takes "1_000", "+1" and other alphabets' digits, and gives up after some thousand digits.
    if not isinstance(value, str):
        return value
    if not DIGITS.fullmatch(value):
        raise PydanticCustomError("digits", "Use decimal digits only.")
    digits = value.lstrip("0") or "0"
    return digits if len(digits) <= DIGITS_MAX else "9" * DIGITS_MAX  # more than any bound here


def date_text(value: object) -> object:
    """Let pass what may be the text of a date, for pydantic to read. Raises its errors."""
    # pydantic takes a number, as text too, for seconds since 1970: "20270911" would be a day in 1970.
    if not isinstance(value, str) or not DATE.match(value):
        raise PydanticKnownError("datetime_type")
    if LEAP_SECOND.search(value):
        raise PydanticCustomError("date_leap_second", "Leap seconds are not kept: use the second before or after.")
    return value


def as_utc(moment: datetime) -> datetime:
    """Return ``moment`` in UTC, where it is if it has no zone. Raises PydanticCustomError when it is out of range."""
    try:
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError as error:  # the zone leads out of the years that there are
        raise _out_of_range() from error
    if moment.year < YEAR_MIN:
        raise _out_of_range()
    return moment


def _out_of_range() -> PydanticCustomError:
    return PydanticCustomError("date_range", "Use a date from {year_min} to 9999, in UTC.", {"year_min": YEAR_MIN})


Moment = Annotated[datetime, PlainSerializer(rfc3339, return_type=str)]
GivenId = Annotated[int, BeforeValidator(_digits)]
EventId = Annotated[int, Path(ge=1, le=ID_MAX, description="The event's id."), BeforeValidator(_digits)]
Seats = Annotated[
    # How many are too many, the box office says: a bound here would name another number than the one that counts.
    int,
    Query(ge=1, description="How many seats; see SEATS_PER_BOOKING_MAX."),
    BeforeValidator(_digits),
]
SeatsMin = Annotated[
    int | None,
    Query(ge=1, description="With a waiting list: as few seats as would do. You get what is there, up to `seats`."),
    BeforeValidator(_digits),
]
DecideWithin = Annotated[
    int | None,
    Query(ge=1, le=DECIDE_WITHIN_SECONDS_MAX, description="Seconds after which a decision comes too late for you."),
    BeforeValidator(_digits),
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
