"""A booking's id is a UUIDv7 (RFC 9562, section 5.7): it is made before the insert, and its order is the queue's."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from uuid_utils.compat import uuid7

from shared.clock import EPOCH

# Makes an id that sorts behind all that this process made before.
new_id = uuid7

MILLISECOND_BYTES = 6  # what a UUIDv7 begins with: milliseconds since 1970
BITS_AFTER = 128 - 8 * MILLISECOND_BYTES
MILLISECONDS_MAX = 2 ** (8 * MILLISECOND_BYTES) - 1


def made_at(identifier: bytes) -> datetime:
    """Tell when the process that made the id of these 16 bytes did so, by its clock, to the millisecond."""
    milliseconds = int.from_bytes(identifier[:MILLISECOND_BYTES], "big")
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def first_id(moment: datetime, later: timedelta = timedelta()) -> UUID:
    """Return what sorts before each id that is made at ``moment`` and ``later`` or after it, to the millisecond."""
    milliseconds = (moment - EPOCH + later) // timedelta(milliseconds=1)
    return UUID(int=max(0, min(milliseconds, MILLISECONDS_MAX)) << BITS_AFTER)
