"""How bookings are answered: one place for the ordinary routes and for the fast path."""

from collections.abc import Iterable

from fastapi import Response

from booking_service.box_office.lookups import BookingView
from booking_service.domain.bookings.lookup import CANCELLING, BookingState
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
    status = CANCELLING if state.is_cancelling else state.status
    reason = "null" if state.reason is None else f'"{state.reason}"'
    settled_at = "null" if state.settled_at is None else f'"{rfc3339(state.settled_at)}"'
    place = "null" if view.place is None else view.place
    expires_at = "null" if view.expires_at is None else f'"{rfc3339(view.expires_at)}"'
    position = "null" if view.waitlist_position is None else view.waitlist_position
    skipped = "null" if view.waitlist_skipped is None else f'"{view.waitlist_skipped}"'
    return (
        f'{{"booking_id":"{state.id}","event_id":{state.event_id},"seats":{state.seats},"status":"{status}",'
        f'"reason":{reason},"created_at":"{rfc3339(state.created_at)}","settled_at":{settled_at},'
        f'"queue_position":{place},"expires_at":{expires_at},"waitlist_position":{position},'
        f'"waitlist_skipped":{skipped}}}'
    ).encode()


def accepted(state: BookingState, beside: Iterable[tuple[bytes, bytes]] = ()) -> tuple[int, RawHeaders, bytes]:
    """Answer a booking that was stored: status, headers and those ``beside`` them, body."""
    headers = [
        *beside,
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
    if view.state.is_moving:
        headers.append((b"retry-after", POLL_AFTER_SECONDS.encode()))
    return 200, headers, booking_json(view)


def changed(
    body: bytes, location: str, *, is_done: bool, is_repeated: bool, wait_seconds: int | None
) -> tuple[int, RawHeaders, bytes]:
    """Answer a change with what it was about, which is at ``location``: 200 when it is done, 202 when it will be."""
    headers: RawHeaders = [(b"cache-control", b"no-store")]
    if wait_seconds is not None:
        headers.append((b"preference-applied", f"wait={wait_seconds}".encode()))
    if is_repeated:
        headers.append(REPEATED)
    if is_done:
        return 200, headers, body
    headers += [(b"location", location.encode()), (b"retry-after", POLL_AFTER_SECONDS.encode())]
    return 202, headers, body


def response(status: int, headers: RawHeaders, body: bytes) -> Response:
    """Make Starlette's response of an answer."""
    made = Response(body, status, media_type="application/json")
    made.raw_headers += headers
    return made
