"""Values that go over the wire of both services: moments and ids."""

import re
from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, PlainSerializer
from pydantic_core import PydanticCustomError, PydanticKnownError

from shared.clock import rfc3339

ID_MAX = 2**63 - 1
INTEGER_MAX = 2**31 - 1
DIGITS = re.compile(r"[0-9]+")
DIGITS_MAX = 19
DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
LEAP_SECOND = re.compile(r":[0-9]{2}:60(?![0-9])")
YEAR_MIN = 1970


def decimal_digits(value: object) -> object:
    """Let pass what may be a number, for pydantic to read. Raises PydanticCustomError for any other text."""
    # int() also takes "1_000", "+1" and other alphabets' digits, and gives up after some thousand digits.
    if not isinstance(value, str):
        return value
    if not DIGITS.fullmatch(value):
        raise PydanticCustomError("digits", "Use decimal digits only.")
    digits = value.lstrip("0") or "0"
    return digits if len(digits) <= DIGITS_MAX else "9" * DIGITS_MAX  # more than any bound here


def _date_text(value: object) -> object:
    # pydantic takes a number, as text too, for seconds since 1970: "20270911" would be a day in 1970.
    if not isinstance(value, str) or not DATE.match(value):
        raise PydanticKnownError("datetime_type")
    if LEAP_SECOND.search(value):
        raise PydanticCustomError("date_leap_second", "Leap seconds are not kept: use the second before or after.")
    return value


def _as_utc(moment: datetime) -> datetime:
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
GivenId = Annotated[int, BeforeValidator(decimal_digits)]
# A moment that a client gives; without a zone it is one of UTC.
GivenMoment = Annotated[Moment, BeforeValidator(_date_text), AfterValidator(_as_utc)]
