"""How bookings are answered: one place for the ordinary routes and for the fast path."""

from fastapi import Response

from booking_service.box_office.lookups import BookingView
from booking_service.domain.bookings.lookup import BookingState
from shared.clock import rfc3339
from shared.http.idempotency import REPLAYED

POLL_AFTER_SECONDS = "1"
REPEATED = (REPLAYED.lower().encode(), b"true")

RawHeaders = list[tuple[bytes, bytes]]


def booking_json(view: BookingView) -> bytes:
    """Write a booking as `schemas.BookingOut` does; a test compares them.

    By hand, because it is a large part of what a poll costs. Nothing in it needs escaping: ids, numbers, moments, and
    codes of our own.
    """
    state = view.state
    reason = "null" if state.reason is None else f'"{state.reason}"'
    settled_at = "null" if state.settled_at is None else f'"{rfc3339(state.settled_at)}"'
    place = "null" if view.place is None else view.place
    return (
        f'{{"booking_id":"{state.id}","event_id":{state.event_id},"seats":{state.seats},"status":"{state.status}",'
        f'"reason":{reason},"created_at":"{rfc3339(state.created_at)}","settled_at":{settled_at},'
        f'"queue_position":{place}}}'
    ).encode()


def accepted(state: BookingState) -> tuple[int, RawHeaders, bytes]:
    """Answer a booking that was stored: status, headers, body."""
    headers = [
        (b"location", f"/bookings/{state.id}".encode()),
        (b"retry-after", POLL_AFTER_SECONDS.encode()),
        (b"cache-control", b"no-store"),
    ]
    if state.is_repeated:
        headers.append(REPEATED)
    return 202, headers, booking_json(BookingView(state))


def shown(view: BookingView, wait_seconds: int | None) -> tuple[int, RawHeaders, bytes]:
    """Answer what became of a booking, after a wait that ``wait_seconds`` allowed: status, headers, body."""
    headers: RawHeaders = [(b"cache-control", b"no-store")]
    if wait_seconds is not None:
        headers.append((b"preference-applied", f"wait={wait_seconds}".encode()))
    if view.state.is_pending:
        headers.append((b"retry-after", POLL_AFTER_SECONDS.encode()))
    return 200, headers, booking_json(view)


def response(status: int, headers: RawHeaders, body: bytes) -> Response:
    """Make Starlette's response of an answer."""
    made = Response(body, status, media_type="application/json")
    made.raw_headers += headers
    return made
