"""Changes: cancel a booking or an event, confirm, other numbers of seats. Answered when done, if that is soon."""

from typing import Annotated, Any

from fastapi import APIRouter, Header, Response

from booking_service.api.answers import booking_json, changed, response
from booking_service.api.bookings import parse_booking_id
from booking_service.api.dependencies import BookingChanger, Confirmer, EventWriter, Running
from booking_service.api.event_schemas import EventOut
from booking_service.api.headers import parse_wait_seconds
from booking_service.api.patches import BookingPatch, EventPatch
from booking_service.api.schemas import BookingOut, EventId
from booking_service.box_office.changes import Asking, Changed
from booking_service.box_office.lookups import BookingView
from booking_service.domain.catalogue import EventState
from booking_service.domain.errors import (
    BookingLimit,
    BookingNotFound,
    BookingOver,
    CapacityTaken,
    EventCancelled,
    EventNotFound,
    HoldExpired,
    NotHeld,
    NotYourEvent,
    SalesClosed,
    SoldOut,
    TooLate,
    UserLimit,
)
from booking_service.process import Process
from shared.errors import (
    Forbidden,
    IdempotencyKeyReused,
    InvalidInput,
    Overloaded,
    Problem,
    Unauthenticated,
    Unavailable,
)
from shared.http.idempotency import IdempotencyKey as Key
from shared.http.idempotency import parse_idempotency_key
from shared.http.problems import OF_BODIES, documented
from shared.http.strict_route import StrictRoute
from shared.identity.tokens import Principal

router = APIRouter(route_class=StrictRoute)

Prefer = Annotated[list[str] | None, Header(description="`wait=n` waits up to n seconds until it is done.")]

LATER = {
    "Location": {"description": "Where to see what became of it.", "schema": {"type": "string"}},
    "Retry-After": {"description": "Seconds until it is worth looking.", "schema": {"type": "integer"}},
}


def _responses(model: type[BookingOut | EventOut], *problems: type[Problem]) -> dict[int | str, dict[str, Any]]:
    stored = {"model": model, "description": "It will be done, whatever fails after that.", "headers": LATER}
    always = (Unauthenticated, Forbidden, InvalidInput, IdempotencyKeyReused, Unavailable, Overloaded)
    return {202: stored} | documented(*always, *problems)


@router.delete(
    "/bookings/{booking_id}",
    tags=["bookings"],
    response_model=BookingOut,
    summary="Cancel a booking",
    responses=_responses(BookingOut, BookingNotFound, TooLate, BookingOver),
)
async def cancel_booking(
    booking_id: str,
    user: BookingChanger,
    process: Running,
    prefer: Prefer = None,
    idempotency_key: Key = None,
) -> Response:
    """Give a booking's seats back, or leave the queue or the waiting list. Cancelled once, it is cancelled for good."""
    asking, wait_seconds = _asking(user, process, prefer, idempotency_key)
    return _booking(await process.changes.cancel(asking, parse_booking_id(booking_id)), wait_seconds)


@router.patch(
    "/bookings/{booking_id}",
    tags=["bookings"],
    response_model=BookingOut,
    summary="Change a booking's number of seats",
    responses=_responses(
        BookingOut,
        BookingNotFound,
        BookingOver,
        SoldOut,
        SalesClosed,
        BookingLimit,
        UserLimit,
        EventCancelled,
        *OF_BODIES,
    ),
)
async def change_booking(
    booking_id: str,
    patch: BookingPatch,
    user: BookingChanger,
    process: Running,
    prefer: Prefer = None,
    idempotency_key: Key = None,
) -> Response:
    """Give seats back, or take more if they are free. What cannot be had in full leaves the booking as it is."""
    asking, wait_seconds = _asking(user, process, prefer, idempotency_key)
    return _booking(await process.changes.set_seats(asking, parse_booking_id(booking_id), patch.seats), wait_seconds)


@router.post(
    "/bookings/{booking_id}/confirm",
    tags=["bookings"],
    response_model=BookingOut,
    summary="Confirm a booking whose seats are held",
    responses=_responses(BookingOut, BookingNotFound, NotHeld, HoldExpired, EventCancelled),
)
async def confirm_booking(
    booking_id: str, user: Confirmer, process: Running, prefer: Prefer = None, idempotency_key: Key = None
) -> Response:
    """Confirm a `held` booking, whose-ever it is, before its hold expires. For payment services and admins."""
    asking, wait_seconds = _asking(user, process, prefer, idempotency_key)
    return _booking(await process.changes.confirm(asking, parse_booking_id(booking_id)), wait_seconds)


@router.patch(
    "/events/{event_id}",
    tags=["events"],
    response_model=EventOut,
    summary="Change an event's capacity, suspend or resume its waiting list",
    responses=_responses(EventOut, NotYourEvent, EventNotFound, CapacityTaken, EventCancelled, *OF_BODIES),
)
async def change_event(
    event_id: EventId,
    patch: EventPatch,
    user: EventWriter,
    process: Running,
    prefer: Prefer = None,
    idempotency_key: Key = None,
) -> Response:
    """Change an event that sells. Of two members each is decided by itself, `waitlist_suspended` first.

    Seats that a raised capacity adds go to those who wait.
    """
    asking, wait_seconds = _asking(user, process, prefer, idempotency_key)
    change = process.changes.change_event(
        asking, event_id, capacity=patch.capacity, is_waitlist_suspended=patch.waitlist_suspended
    )
    return _event(await change, wait_seconds)


@router.delete(
    "/events/{event_id}",
    tags=["events"],
    response_model=EventOut,
    summary="Call an event off",
    responses=_responses(EventOut, NotYourEvent, EventNotFound),
)
async def cancel_event(
    event_id: EventId,
    user: EventWriter,
    process: Running,
    prefer: Prefer = None,
    idempotency_key: Key = None,
) -> Response:
    """Cancel an event and all its bookings, for good. From now on nothing of it can be booked."""
    asking, wait_seconds = _asking(user, process, prefer, idempotency_key)
    return _event(await process.changes.cancel_event(asking, event_id), wait_seconds)


def _asking(
    user: Principal, process: Process, prefer: list[str] | None, idempotency_key: str | None
) -> tuple[Asking, int | None]:
    wait_seconds = parse_wait_seconds(prefer or (), process.settings.wait_seconds_max)
    return Asking(user, parse_idempotency_key(idempotency_key), wait_seconds), wait_seconds


def _booking(change: Changed[BookingView], wait_seconds: int | None) -> Response:
    return _answer(change, booking_json(change.view), f"/bookings/{change.view.state.id}", wait_seconds)


def _event(change: Changed[EventState], wait_seconds: int | None) -> Response:
    body = EventOut.of(change.view).model_dump_json().encode()
    return _answer(change, body, f"/events/{change.view.id}", wait_seconds)


def _answer(change: Changed[Any], body: bytes, location: str, wait_seconds: int | None) -> Response:
    answer = changed(body, location, is_done=change.is_done, is_repeated=change.is_repeated, wait_seconds=wait_seconds)
    return response(*answer)
