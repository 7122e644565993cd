"""The time of day, and a clock that nobody sets for what asks for moments."""

import time
from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def utc_now() -> datetime:
    """Return the present moment in UTC, with microseconds."""
    return datetime.now(UTC)


def elapsed() -> datetime:
    """Return a moment of a clock that only goes on, whatever is done to the time of day: good for differences alone."""
    return EPOCH + timedelta(seconds=time.monotonic())


def rfc3339(moment: datetime) -> str:
    """Write an aware ``moment`` as RFC 3339 in UTC with ``Z``, as the wire format demands."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def seconds_since_epoch(moment: datetime) -> int:
    """Return the whole seconds from 1970 to an aware ``moment``, rounded up."""
    return -((EPOCH - moment) // timedelta(seconds=1))
