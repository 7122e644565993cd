"""The clients' requests as they go over the wire."""

from booking_service.domain.models import (
    CANCEL_BOOKING,
    CANCEL_EVENT,
    CONFIRM_HOLD,
    RESUME_WAITLIST,
    SET_CAPACITY,
    SET_SEATS,
    SUSPEND_WAITLIST,
)
from tests.faults.campaign.history import Act, Asked

WAIT_SECONDS = 3  # of Prefer: wait


def book(asked: Asked, token: str) -> bytes:
    """Ask for a booking."""
    least = "" if asked.seats_min is None else f"&seats_min={asked.seats_min}"
    return _request(f"POST /events/{asked.event_id}/book?seats={asked.seats}{least}", token, key=asked.key)


def show(booking_id: str, token: str, *, prefers: bool) -> bytes:
    """Ask what became of a booking."""
    return _request(f"GET /bookings/{booking_id}", token, wait_seconds=WAIT_SECONDS if prefers else None)


def change(act: Act, token: str, *, wait_seconds: int | None) -> bytes:
    """Ask for a change."""
    booking, event = f"/bookings/{act.booking_id}", f"/events/{act.event_id}"
    line, body = {
        CANCEL_BOOKING: (f"DELETE {booking}", ""),
        CONFIRM_HOLD: (f"POST {booking}/confirm", ""),
        SET_SEATS: (f"PATCH {booking}", f'{{"seats":{act.argument}}}'),
        SET_CAPACITY: (f"PATCH {event}", f'{{"capacity":{act.argument}}}'),
        SUSPEND_WAITLIST: (f"PATCH {event}", '{"waitlist_suspended":true}'),
        RESUME_WAITLIST: (f"PATCH {event}", '{"waitlist_suspended":false}'),
        CANCEL_EVENT: (f"DELETE {event}", ""),
    }[act.kind]
    return _request(line, token, key=act.key, wait_seconds=wait_seconds, body=body)


def _request(
    line: str, token: str, *, key: str | None = None, wait_seconds: int | None = None, body: str = ""
) -> bytes:
    fields = [f"{line} HTTP/1.1", "Host: campaign", f"Authorization: Bearer {token}"]
    if key is not None:
        fields.append(f"Idempotency-Key: {key}")
    if wait_seconds is not None:
        fields.append(f"Prefer: wait={wait_seconds}")
    if body:
        fields.append("Content-Type: application/json")
    if body or not line.startswith("GET"):
        fields.append(f"Content-Length: {len(body)}")
    return ("\r\n".join(fields) + "\r\n\r\n" + body).encode()
