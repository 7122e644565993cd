"""The one place that reads the time of day."""

from datetime import UTC, datetime


def utc_now() -> datetime:
    """Return the present moment in UTC, with microseconds."""
    return datetime.now(UTC)


def rfc3339(moment: datetime) -> str:
    """Write an aware ``moment`` as RFC 3339 in UTC with ``Z``, as the wire format demands."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
