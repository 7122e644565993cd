"""Events as they go over the wire, in the names that existing clients use (`event_availibility` is spelled so)."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from booking_service.domain.catalogue import EventState, NewEvent, Origin
from booking_service.domain.models import NAME_LENGTH_MAX
from booking_service.domain.rules import HOLD_SECONDS_MAX, GivenRules
from shared.http.values import INTEGER_MAX, GivenMoment, Moment
from shared.text import GivenText

Name = Annotated[str, GivenText(NAME_LENGTH_MAX)]
Limit = Annotated[int, Field(strict=True, ge=1, le=INTEGER_MAX)]
# The highest number stands for no bound.
WaitlistLimit = Annotated[int, Field(strict=True, ge=1, le=INTEGER_MAX - 1)]
HoldSeconds = Annotated[int, Field(strict=True, ge=1, le=HOLD_SECONDS_MAX)]
Waitlist = Literal["off", "strict", "fit"]


class RulesOfEvent(BaseModel):
    """By which rules an event is sold. They never change; null is no limit, and no such moment."""

    max_seats_per_booking: Limit | None = Field(None, description="Beside SEATS_PER_BOOKING_MAX, which always counts.")
    max_seats_per_user: Limit | None = Field(
        None, description="Seats that a user may have in all: confirmed, held and waited for."
    )
    sales_open_at: GivenMoment | None = Field(None, description="Nothing is sold before.")
    sales_close_at: GivenMoment | None = Field(None, description="Nothing is sold from then on; null: when it begins.")
    cancel_until: GivenMoment | None = Field(None, description="From then on what is confirmed stays; null: any time.")
    hold_seconds: HoldSeconds | None = Field(
        None, description="A booking is `held` for so long until it is confirmed; null: confirmed at once."
    )
    waitlist: Waitlist = Field(
        "off", description="`strict`: nobody overtakes; `fit`: the first whose seats are there; `off`: nobody waits."
    )
    waitlist_max: WaitlistLimit | None = Field(None, description="Bookings that may wait at once; null: any number.")


class EventIn(RulesOfEvent):
    """An event to sell."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "event_name": "Last Night of the Proms",
                    "event_venue": "Royal Albert Hall",
                    "event_date": "2030-09-14T19:15:00Z",
                    "event_availibility": 100,
                },
                {
                    "event_name": "First Night of the Proms",
                    "event_venue": "Royal Albert Hall",
                    "event_date": "2030-07-19T19:00:00Z",
                    "event_availibility": 5_000,
                    "max_seats_per_user": 6,
                    "sales_open_at": "2030-05-18T09:00:00+01:00",
                    "waitlist": "fit",
                    "waitlist_max": 1_000,
                },
            ]
        }
    )

    event_name: Name
    event_venue: Name
    event_date: GivenMoment = Field(description="RFC 3339; without a zone it is taken as UTC.")
    event_availibility: int = Field(strict=True, ge=0, le=INTEGER_MAX, description="Seats to sell.")

    def to_domain(self, origin: Origin) -> NewEvent:
        """Translate into the domain's names what ``origin`` asks for."""
        rules = GivenRules(
            seats_per_booking_max=self.max_seats_per_booking,
            seats_per_user_max=self.max_seats_per_user,
            sales_open_at=self.sales_open_at,
            sales_close_at=self.sales_close_at,
            cancel_until=self.cancel_until,
            hold_seconds=self.hold_seconds,
            waitlist=self.waitlist,
            waitlist_max=self.waitlist_max,
        )
        return NewEvent(self.event_name, self.event_venue, self.event_date, self.event_availibility, rules, origin)


class EventOut(BaseModel):
    """An event, its rules and the seats that are left."""

    event_id: int
    event_name: str
    event_venue: str
    event_date: Moment
    event_availibility: int = Field(description="Seats left at this moment.")
    capacity: int = Field(description="Seats in all.")
    status: str = Field(
        description="`on_sale`; `cancelling`, then `cancelled`, once it is called off.", examples=["on_sale"]
    )
    max_seats_per_booking: int | None
    max_seats_per_user: int | None
    sales_open_at: Moment | None
    sales_close_at: Moment | None
    cancel_until: Moment | None
    hold_seconds: int | None
    waitlist: str
    waitlist_max: int | None
    waitlist_suspended: bool = Field(description="Whether those who wait get nothing for the time being.")
    waiting: int = Field(description="Bookings on the waiting list.")

    @classmethod
    def of(cls, event: EventState) -> "EventOut":
        """Translate from the domain's names."""
        return cls(
            event_id=event.id,
            event_name=event.name,
            event_venue=event.venue,
            event_date=event.starts_at,
            event_availibility=event.available,
            capacity=event.capacity,
            status=event.status,
            max_seats_per_booking=event.seats_per_booking_max,
            max_seats_per_user=event.seats_per_user_max,
            sales_open_at=event.sales_open_at,
            sales_close_at=event.sales_close_at,
            cancel_until=event.cancel_until,
            hold_seconds=event.hold_seconds,
            waitlist=event.waitlist,
            waitlist_max=event.waitlist_max,
            waitlist_suspended=event.is_waitlist_suspended,
            waiting=event.waiting,
        )
