"""The ledger of an event: every act that moved its seats, for whoever may write events."""

import struct
from datetime import datetime, timedelta
from functools import partial
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, BeforeValidator, Field
from sqlalchemy import Connection

from booking_service.api.dependencies import EventWriter, Running
from booking_service.api.schemas import EventId
from booking_service.domain.catalogue import require_changeable
from booking_service.domain.errors import EventNotFound, NotYourEvent
from booking_service.domain.ledger import pages
from booking_service.domain.ledger.acts import CHANGES, DECISIONS, Line, Place, Stand
from booking_service.domain.ledger.pages import Reached, Sum
from shared.clock import EPOCH, rfc3339
from shared.errors import Forbidden, InvalidInput, Overloaded, Unauthenticated, Unavailable
from shared.http.cursors import bad_cursor, binding, decode_bound_cursor, encode_cursor, next_link
from shared.http.pages import Cursor, capped
from shared.http.problems import documented
from shared.http.strict_route import StrictRoute
from shared.http.values import Moment

LINES_DEFAULT = 1_000
LINES_MAX = 5_000  # a page costs a look at all bookings of the event, so it may be long
# Moment in microseconds, rank and key of a place; capacity and seats left.
POSITION = struct.Struct(">qB16siq")
MICROSECOND = timedelta(microseconds=1)

Lines = Annotated[
    int,
    Query(ge=0, description=f"Acts a page, {LINES_DEFAULT} without it; more than {LINES_MAX} count as that."),
    BeforeValidator(capped(LINES_MAX)),
]

router = APIRouter(prefix="/events", tags=["events"], route_class=StrictRoute)


class LedgerLine(BaseModel):
    """An act upon the seats of an event, and how it stood after that."""

    at: Moment
    what: str = Field(
        description="`opened`: the first line, with all seats · `confirmed`, `held`: a booking's decision · "
        "`cancelled` · `hold_expired` · `promoted` · `seats_changed` · `capacity_changed` · `event_cancelled`: all its "
        "bookings at once.",
        examples=["confirmed"],
    )
    booking_id: str | None = Field(description="Null when it was about the event.")
    seats: int = Field(description="Seats that it took; below 0 when it gave some back.", examples=[2])
    seats_left: int = Field(description="Those of the line before, less `seats`.", examples=[98])
    capacity: int = Field(examples=[100])


class LedgerSum(BaseModel):
    """The last line: the seats as the audit counts them."""

    what: Literal["sum"]
    seats_taken: int = Field(description="Seats of all bookings that are held or confirmed.")
    capacity: int
    available: int
    agrees: bool = Field(description="Whether each seat is free or taken, and as many are free as the ledger says.")


@router.get(
    "/{event_id}/ledger",
    response_model=list[LedgerLine | LedgerSum],
    summary="Account for the seats of an event",
    responses=documented(
        Unauthenticated, Forbidden, NotYourEvent, EventNotFound, InvalidInput, Unavailable, Overloaded
    ),
)
async def get_ledger(
    event_id: EventId,
    request: Request,
    process: Running,
    writer: EventWriter,
    limit: Lines = 0,
    cursor: Cursor = None,
) -> Response:
    """List every act that took or gave back seats, in the order of decision, so that anyone may replay it.

    A `Link` header with `rel="next"` leads to the next page; the last ends with the audit's sum.
    """
    event = await process.lookups.event(event_id)
    if event is None:
        raise EventNotFound
    require_changeable(event, writer)
    bound_to = binding("ledger", writer.uid, event_id)
    read = partial(
        _read,
        event_id=event_id,
        reached=_reached(decode_bound_cursor(cursor, bound_to, POSITION.size)),
        count_max=min(limit, LINES_MAX) or LINES_DEFAULT,
    )
    body, reached = await process.database.read(read)
    headers = {"Cache-Control": "no-store"}
    if reached is not None:
        headers["Link"] = next_link(request.url, encode_cursor(_position(reached), bound_to))
    return Response(body, headers=headers, media_type="application/json")


def _read(
    connection: Connection, event_id: int, reached: Reached | None, count_max: int
) -> tuple[bytes, Reached | None]:
    # Written out here, in a thread: thousands of lines would hold up the event loop.
    page = pages.read_page(connection, event_id, reached=reached, count_max=count_max)
    written = [_line_json(line) for line in page.lines]
    if page.sum is not None:
        written.append(_sum_json(page.sum))
    return f"[{','.join(written)}]".encode(), page.reached


def _line_json(line: Line) -> str:
    """Write a line as `LedgerLine` does; a test compares them. Nothing in it needs escaping."""
    booking_id = "null" if line.booking_id is None else f'"{line.booking_id}"'
    return (
        f'{{"at":"{rfc3339(line.at)}","what":"{line.what}","booking_id":{booking_id},"seats":{line.seats},'
        f'"seats_left":{line.seats_left},"capacity":{line.capacity}}}'
    )


def _sum_json(total: Sum) -> str:
    return LedgerSum(what="sum", **total._asdict()).model_dump_json()


def _position(reached: Reached) -> bytes:
    place, stand = reached
    moment = (place.moment - EPOCH) // MICROSECOND
    return POSITION.pack(moment, place.rank, place.key.to_bytes(16, "big"), stand.capacity, stand.seats_left)


def _reached(position: bytes | None) -> Reached | None:
    if position is None:
        return None
    microseconds, rank, key, capacity, seats_left = POSITION.unpack(position)
    moment = _moment(microseconds)
    if moment is None or rank not in {CHANGES, DECISIONS}:
        raise bad_cursor()
    return Reached(Place(moment, rank, int.from_bytes(key, "big")), Stand(seats_left, capacity))


def _moment(microseconds: int) -> datetime | None:
    try:
        return EPOCH + microseconds * MICROSECOND if microseconds >= 0 else None
    except OverflowError:
        return None
