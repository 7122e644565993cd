"""What a PATCH may say: a member that is left out keeps what there is, one that is null or unknown is refused."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StrictBool, field_validator, model_validator
from pydantic_core import PydanticCustomError

from shared.http.values import INTEGER_MAX


def _optional(schema: dict[str, Any]) -> None:
    # None stands for "left out", which OpenAPI need not know of: it may not be null.
    (given,) = (kind for kind in schema.pop("anyOf") if kind != {"type": "null"})
    schema.update(given)
    del schema["default"]


class BookingPatch(BaseModel):
    """What of a booking is to change."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"seats": 3}})

    # How many are too many, the box office says, as for a new booking.
    seats: int = Field(strict=True, ge=1, description="How many seats in all; see SEATS_PER_BOOKING_MAX.")


class EventPatch(BaseModel):
    """What of an event is to change, one or both."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"capacity": 120}, "minProperties": 1})

    capacity: Annotated[int, Field(strict=True, ge=0, le=INTEGER_MAX)] | None = Field(
        default=None, description="Seats in all; not below those held and confirmed.", json_schema_extra=_optional
    )
    waitlist_suspended: StrictBool | None = Field(
        default=None, description="While it is, freed seats are given to nobody who waits.", json_schema_extra=_optional
    )

    @field_validator("*", mode="before")
    @classmethod
    def _null_means_nothing(cls, value: object) -> object:
        if value is None:
            raise PydanticCustomError("null", "Give a value, or leave this out to keep what there is.")
        return value

    @model_validator(mode="after")
    def _something_changes(self) -> "EventPatch":
        if not self.model_fields_set:
            raise PydanticCustomError("nothing", "Say what is to change: `capacity`, `waitlist_suspended` or both.")
        return self
