"""Bookings: ask for seats (users), see what became of it (the owner, admins)."""

import re
from datetime import timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Header, Response

from booking_service.api.answers import accepted, response, shown
from booking_service.api.dependencies import Booker, Reader, Running
from booking_service.api.headers import parse_wait_seconds
from booking_service.api.schemas import BookingOut, DecideWithin, EventId, Seats, SeatsMin
from booking_service.domain.bookings.intake import ANY_TERMS, Terms
from booking_service.domain.errors import (
    BookingNotFound,
    EventCancelled,
    EventNotFound,
    MinimumAboveSeats,
    SalesClosed,
    SalesNotOpen,
    SoldOut,
)
from shared.errors import (
    Forbidden,
    IdempotencyKeyReused,
    InvalidInput,
    Overloaded,
    RateLimited,
    Unauthenticated,
    Unavailable,
)
from shared.http.idempotency import IdempotencyKey, parse_idempotency_key
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
        SalesNotOpen,
        SalesClosed,
        EventCancelled,
        InvalidInput,
        IdempotencyKeyReused,
        RateLimited,
        Unavailable,
        Overloaded,
    ),
)
async def book(
    event_id: EventId,
    seats: Seats,
    user: Booker,
    process: Running,
    idempotency_key: IdempotencyKey = None,
    seats_min: SeatsMin = None,
    decide_within: DecideWithin = None,
) -> Response:
    """Accept a booking durably, to be decided in turn.

    Poll the `Location` for the decision; with `Prefer: wait=10` the answer comes when it is made.
    """
    paced = process.pace.admit(user.uid) if process.pace is not None else ()
    key = parse_idempotency_key(idempotency_key)
    terms = _terms(seats, seats_min, decide_within)
    return response(*accepted(await process.sales.book(user, event_id, seats, key, terms), paced))


def parse_booking_id(text: str) -> UUID:
    """Read a booking's id in a path. Raises BookingNotFound for what no booking is called."""
    if not UUID_PATTERN.fullmatch(text):
        raise BookingNotFound
    return UUID(text)


def _terms(seats: int, seats_min: int | None, decide_within: int | None) -> Terms:
    if seats_min is None and decide_within is None:
        return ANY_TERMS
    if seats_min is not None and seats_min > seats:
        raise MinimumAboveSeats(seats)
    return Terms(seats_min, None if decide_within is None else timedelta(seconds=decide_within))


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
    booking = parse_booking_id(booking_id)
    wait_seconds = parse_wait_seconds(prefer or (), process.settings.wait_seconds_max)
    view = await process.watch.show(user, booking, wait_seconds or 0)
    return response(*shown(view, wait_seconds))
