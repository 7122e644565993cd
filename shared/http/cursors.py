"""Opaque page cursors and the Link header that carries them (RFC 8288, AIP-158)."""

import hashlib
from base64 import urlsafe_b64decode, urlsafe_b64encode

from starlette.datastructures import URL

from shared.errors import InvalidInput

CURSOR_BYTES = 8
BINDING_BYTES = 8


def binding(*asked: object) -> bytes:
    """Make the mark of a list that is one caller's, or one of many: who asks, and by which filter.

    It is no signature, and needs no secret: a cursor opens nothing. Each page asks for the caller's permissions and
    applies the filter of its own request, so whoever forges a cursor begins elsewhere in a list that is theirs. What
    the mark prevents is a mistake: a cursor that came with another filter would leave out bookings without a word.
    """
    return hashlib.sha256(repr(asked).encode()).digest()[:BINDING_BYTES]


def encode_cursor(position: int | bytes, bound_to: bytes = b"") -> str:
    """Write where a page ended, by an id or whatever the list is ordered by; ``bound_to`` is from `binding`."""
    raw = position.to_bytes(CURSOR_BYTES, "big") if isinstance(position, int) else position
    return urlsafe_b64encode(raw + bound_to).decode().rstrip("=")


def decode_cursor(cursor: str | None) -> int:
    """Read where the page before ended; 0 without a cursor. Raises InvalidInput for one that we did not give out."""
    if cursor is None:
        return 0
    last_id = int.from_bytes(_decode(cursor, CURSOR_BYTES), "big", signed=True)
    if last_id < 0:
        raise bad_cursor()
    return last_id


def decode_bound_cursor(cursor: str | None, bound_to: bytes, position_bytes: int) -> bytes | None:
    """Read where the page before ended, in so many bytes; None without a cursor.

    Raises InvalidInput for one that we did not give out, or gave to somebody else, or for another filter.
    """
    if cursor is None:
        return None
    raw = _decode(cursor, position_bytes + len(bound_to))
    if raw[position_bytes:] != bound_to:
        words = "This came with other filters or to another account: repeat those, or leave it out to begin again."
        raise InvalidInput.at("#/query/cursor", words)
    return raw[:position_bytes]


def decode_bound_id(cursor: str | None, bound_to: bytes) -> int | None:
    """Read the id that the page before ended with; None without a cursor. Raises InvalidInput as above."""
    position = decode_bound_cursor(cursor, bound_to, CURSOR_BYTES)
    return None if position is None else int.from_bytes(position, "big", signed=True)


def next_link(url: URL, cursor: str) -> str:
    """Point at the next page, relative to this one, keeping its other query parameters."""
    target = url.include_query_params(cursor=cursor)
    return f'<{target.path}?{target.query}>; rel="next"'


def bad_cursor() -> InvalidInput:
    """Say what to do about a cursor that leads nowhere."""
    return InvalidInput.at("#/query/cursor", "Follow the Link header, or leave the cursor out to begin again.")


def _decode(cursor: str, length: int) -> bytes:
    try:
        raw = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    except ValueError as error:
        raise bad_cursor() from error
    if len(raw) != length or encode_cursor(raw) != cursor:
        raise bad_cursor()
    return raw
