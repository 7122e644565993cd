"""A booking's id is a UUIDv7 (RFC 9562, section 5.7): it is made before the insert, and its order is the queue's."""

from datetime import UTC, datetime

from uuid_utils.compat import uuid7

# Makes an id that sorts behind all that this process made before.
new_id = uuid7

MILLISECOND_BYTES = 6  # what a UUIDv7 begins with: milliseconds since 1970


def made_at(identifier: bytes) -> datetime:
    """Tell when the process that made the id of these 16 bytes did so, by its clock, to the millisecond."""
    milliseconds = int.from_bytes(identifier[:MILLISECOND_BYTES], "big")
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
