"""Events: create (admins), list and look at (anyone)."""

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Header, Query, Request, Response

from booking_service.api.dependencies import EventWriter, Running
from booking_service.api.event_schemas import EventIn, EventOut
from booking_service.api.schemas import EventId
from booking_service.domain import catalogue
from booking_service.domain.catalogue import Origin
from booking_service.domain.errors import EventInThePast, EventNotFound
from shared.clock import utc_now
from shared.errors import (
    Forbidden,
    IdempotencyKeyReused,
    InvalidInput,
    Overloaded,
    Unauthenticated,
    Unavailable,
)
from shared.http.cursors import decode_cursor, encode_cursor, next_link
from shared.http.entity_tags import NOT_MODIFIED, tagged
from shared.http.idempotency import REPLAYED, IdempotencyKey, parse_idempotency_key
from shared.http.pages import Cursor, Limit, page_size
from shared.http.problems import OF_BODIES, documented
from shared.http.strict_route import StrictRoute

AllowPast = Annotated[bool, Query(description="Also take an event that has begun: for imports.")]

router = APIRouter(prefix="/events", tags=["events"], route_class=StrictRoute)


@router.post(
    "",
    status_code=201,
    summary="Create an event",
    responses=documented(
        Unauthenticated,
        Forbidden,
        *OF_BODIES,
        EventInThePast,
        IdempotencyKeyReused,
        Unavailable,
        Overloaded,
    ),
)
async def create_event(
    event: EventIn,
    process: Running,
    writer: EventWriter,
    response: Response,
    idempotency_key: IdempotencyKey = None,
    *,
    allow_past: AllowPast = False,
) -> EventOut:
    """Create an event with all its seats free. Admins only. From its date on it cannot be booked."""
    origin = Origin(writer.uid, parse_idempotency_key(idempotency_key))
    create = partial(
        catalogue.create_event,
        new=event.to_domain(origin),
        lanes=process.settings.lanes,
        now=utc_now(),
        allow_past=allow_past,
    )
    # Without a key it is not repeated after a lost commit: nothing in an event says that it is the same.
    created = await process.database.write(create, repeat_lost=origin.idempotency_key is not None)
    response.headers["Location"] = f"/events/{created.id}"
    if created.is_repeated:
        response.headers[REPLAYED] = "true"
    return EventOut.of(created)


@router.get("", summary="List events", responses=documented(InvalidInput, Unavailable, Overloaded))
async def list_events(
    request: Request,
    response: Response,
    process: Running,
    limit: Limit = 0,
    cursor: Cursor = None,
) -> list[EventOut]:
    """List events in the order of their ids. A `Link` header with `rel="next"` leads to the next page."""
    count_max = page_size(limit)
    page = partial(catalogue.list_events, after_id=decode_cursor(cursor), count_max=count_max + 1)
    events = await process.database.read(page)
    if len(events) > count_max:
        events.pop()
        response.headers["Link"] = next_link(request.url, encode_cursor(events[-1].id))
    return [EventOut.of(event) for event in events]


@router.get(
    "/{event_id}",
    summary="Look at an event",
    response_model=EventOut,
    responses=NOT_MODIFIED | documented(EventNotFound, InvalidInput, Unavailable, Overloaded),
)
async def get_event(
    event_id: EventId, process: Running, if_none_match: Annotated[list[str] | None, Header()] = None
) -> Response:
    """Show an event, its rules and the seats it has left, with an `ETag`."""
    event = await process.lookups.event(event_id)
    if event is None:
        raise EventNotFound
    return tagged(EventOut.of(event).model_dump_json().encode(), if_none_match or (), "no-cache")
