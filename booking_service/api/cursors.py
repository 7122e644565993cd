"""Opaque page cursors and the Link header that carries them (RFC 8288, AIP-158)."""

from base64 import urlsafe_b64decode, urlsafe_b64encode

from starlette.datastructures import URL

from shared.errors import InvalidInput

CURSOR_BYTES = 8


def encode_cursor(last_id: int) -> str:
    """Write where a page ended."""
    return urlsafe_b64encode(last_id.to_bytes(CURSOR_BYTES, "big")).decode().rstrip("=")


def decode_cursor(cursor: str | None) -> int:
    """Read where the page before ended; 0 without a cursor. Raises InvalidInput for one that we did not give out."""
    if cursor is None:
        return 0
    try:
        raw = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    except ValueError as error:
        raise _bad_cursor() from error
    last_id = int.from_bytes(raw, "big", signed=True)
    if len(raw) != CURSOR_BYTES or last_id < 0 or encode_cursor(last_id) != cursor:
        raise _bad_cursor()
    return last_id


def next_link(url: URL, cursor: str) -> str:
    """Point at the next page, relative to this one, keeping its other query parameters."""
    target = url.include_query_params(cursor=cursor)
    return f'<{target.path}?{target.query}>; rel="next"'


def _bad_cursor() -> InvalidInput:
    return InvalidInput.at("#/query/cursor", "Follow the Link header, or leave the cursor out to begin again.")
