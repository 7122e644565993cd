"""Bookings: ask for seats (users), see what became of it (the owner, admins)."""

import re
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Header, Response

from booking_service.api.answers import accepted, response, shown
from booking_service.api.dependencies import Booker, Reader, Running
from booking_service.api.headers import parse_idempotency_key, parse_wait_seconds
from booking_service.api.schemas import BookingOut, EventId, Seats
from booking_service.domain.errors import BookingNotFound, EventNotFound, IdempotencyKeyReused, SalesClosed, SoldOut
from shared.errors import Forbidden, InvalidInput, Overloaded, Unauthenticated, Unavailable
from shared.http.problems import documented
from shared.http.strict_route import StrictRoute

UUID_PATTERN = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")

router = APIRouter(tags=["bookings"], route_class=StrictRoute)


@router.post(
    "/events/{event_id}/book",
    status_code=202,
    response_model=BookingOut,
    summary="Book seats",
    responses=documented(
        Unauthenticated,
        Forbidden,
        EventNotFound,
        SoldOut,
        SalesClosed,
        InvalidInput,
        IdempotencyKeyReused,
        Unavailable,
        Overloaded,
    ),
)
async def book(
    event_id: EventId,
    seats: Seats,
    user: Booker,
    process: Running,
    idempotency_key: Annotated[str | None, Header(description="Repeats answer the first booking again.")] = None,
) -> Response:
    """Accept a booking durably, to be decided in turn.

    Poll the `Location` for the decision; with `Prefer: wait=10` the answer comes when it is made.
    """
    key = parse_idempotency_key(idempotency_key)
    return response(*accepted(await process.sales.book(user, event_id, seats, key)))


@router.get(
    "/bookings/{booking_id}",
    response_model=BookingOut,
    summary="See what became of a booking",
    responses=documented(Unauthenticated, Forbidden, BookingNotFound, InvalidInput, Unavailable, Overloaded),
)
async def get_booking(
    booking_id: str,
    user: Reader,
    process: Running,
    prefer: Annotated[list[str] | None, Header(description="`wait=n` holds the answer up to n seconds.")] = None,
) -> Response:
    """Show a booking to its owner or an admin. While it is pending, `Retry-After` says when to ask again."""
    if not UUID_PATTERN.fullmatch(booking_id):
        raise BookingNotFound
    wait_seconds = parse_wait_seconds(prefer or (), process.settings.wait_seconds_max)
    view = await process.watch.show(user, UUID(booking_id), wait_seconds or 0)
    return response(*shown(view, wait_seconds))
