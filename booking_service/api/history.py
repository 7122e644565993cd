"""Lists of bookings, one's own or for who may see all anybody's, and the story of each."""

from functools import partial
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, Field

from booking_service.api.answers import booking_json
from booking_service.api.bookings import parse_booking_id
from booking_service.api.dependencies import Reader, Running
from booking_service.api.schemas import BookingOut
from booking_service.domain.bookings import story
from booking_service.domain.bookings.history import SCAN_MAX, Wanted
from booking_service.domain.errors import BookingNotFound, NotYourBookings
from booking_service.domain.models import STATUSES
from shared.errors import Forbidden, InvalidInput, Overloaded, Unauthenticated, Unavailable
from shared.http.cursors import binding, decode_bound_cursor, encode_cursor, next_link
from shared.http.idempotency import parse_idempotency_key
from shared.http.pages import Cursor, Limit, page_size
from shared.http.problems import documented
from shared.http.strict_route import StrictRoute
from shared.http.values import ID_MAX, GivenId, GivenMoment, Moment
from shared.identity.permissions import READ_ALL_BOOKINGS

ID_BYTES = 16
STATUS_WORDS = f"Use one or several of {', '.join(STATUSES)}."

OfEvent = Annotated[GivenId | None, Query(ge=1, le=ID_MAX, description="Those of one event.")]
OfUser = Annotated[GivenId | None, Query(ge=1, le=ID_MAX, description="Those of one user; your own without it.")]
Statuses = Annotated[
    list[str] | None,
    Query(description=f"Any of several, repeated or with commas between: {', '.join(STATUSES)}.", max_length=100),
]
From = Annotated[GivenMoment | None, Query(alias="from", description="Asked for at this moment or later.")]
To = Annotated[GivenMoment | None, Query(description="Asked for before this moment.")]
Key = Annotated[str | None, Query(description="The one that came with this `Idempotency-Key`, if any.")]

router = APIRouter(prefix="/bookings", tags=["bookings"], route_class=StrictRoute)


async def _wanted(
    reader: Reader,
    event_id: OfEvent = None,
    user_id: OfUser = None,
    status: Statuses = None,
    from_: From = None,
    to: To = None,
    idempotency_key: Key = None,
) -> Wanted:
    sees_all = READ_ALL_BOOKINGS in reader.permissions
    if user_id not in {None, reader.uid} and not sees_all:
        raise NotYourBookings
    if from_ is not None and to is not None and from_ > to:
        raise InvalidInput.at("#/query/to", "Use a moment that is not before `from`.")
    key = parse_idempotency_key(idempotency_key, "#/query/idempotency_key")
    # Who may see all, and asks for an event, means all of it; a key is somebody's.
    of_anyone = sees_all and event_id is not None and user_id is None and key is None
    return Wanted(
        user_id=None if of_anyone else user_id or reader.uid,
        event_id=event_id,
        statuses=_statuses(status or []),
        created_from=from_,
        created_before=to,
        idempotency_key=key,
    )


def _statuses(given: list[str]) -> tuple[str, ...]:
    named = {name.strip(" ") for names in given for name in names.split(",")}
    if not named <= set(STATUSES):
        raise InvalidInput.at("#/query/status", STATUS_WORDS)
    return tuple(sorted(named))


@router.get(
    "",
    response_model=list[BookingOut],
    summary="List bookings",
    description=(
        "List bookings, the newest first: your own, or with `bookings:read:any` those of a user or of an event. "
        'A `Link` header with `rel="next"` leads to the next page. A page looks at no more than '
        f"{SCAN_MAX} bookings, so with a filter it may have fewer than `limit`, or none, and not be the last. "
        "`cancelling` is no status to filter by: such a booking is found by what it is until then."
    ),
    responses=documented(Unauthenticated, Forbidden, NotYourBookings, InvalidInput, Unavailable, Overloaded),
)
async def list_bookings(
    request: Request,
    process: Running,
    reader: Reader,
    wanted: Annotated[Wanted, Depends(_wanted)],
    limit: Limit = 0,
    cursor: Cursor = None,
) -> Response:
    """List bookings."""
    bound_to = binding("bookings", reader.uid, wanted)
    behind = decode_bound_cursor(cursor, bound_to, ID_BYTES)
    page = await process.records.page(wanted, None if behind is None else UUID(bytes=behind), page_size(limit))
    headers = {"Cache-Control": "no-store"}
    if page.goes_on_behind is not None:
        headers["Link"] = next_link(request.url, encode_cursor(page.goes_on_behind.bytes, bound_to))
    body = b"[" + b",".join(map(booking_json, page.views)) + b"]"
    return Response(body, headers=headers, media_type="application/json")


class StoryLine(BaseModel):
    """One thing that happened to a booking."""

    at: Moment
    what: str = Field(
        description="`requested` · `decided` · `cancellation_asked`, `confirmation_asked`, `seats_asked` · "
        "`cancelled`, `confirmed`, `seats_changed` · `cancellation_refused`, `confirmation_refused`, `seats_refused` · "
        "`unchanged`: it was so already · `promoted` · `hold_expired` · `event_cancelled` · `more`: there is more than "
        "is told.",
        examples=["decided"],
    )
    status: str = Field(description="What the booking was after it.", examples=["confirmed"])
    seats: int | None = Field(
        description="How many it had, held or waited for after it; in `seats_asked` how many were asked for. Null in "
        "`requested` when fewer would do, and how many were asked for was not kept.",
        examples=[2],
    )
    reason: str | None = Field(description="Why, a stable code; what stood in the way of a refusal.", examples=[None])
    by: int | None = Field(description="The user who asked for it; null when nobody did.", examples=[None])

    @classmethod
    def of(cls, line: story.Line) -> "StoryLine":
        """Translate from the domain's names."""
        return cls(**line._asdict())


@router.get(
    "/{booking_id}/history",
    summary="See what happened to a booking",
    responses=documented(Unauthenticated, Forbidden, BookingNotFound, InvalidInput, Unavailable, Overloaded),
)
async def get_story(booking_id: str, process: Running, reader: Reader, response: Response) -> list[StoryLine]:
    """Tell what happened to a booking and when, the oldest first: to its owner, or with `bookings:read:any`."""
    find = partial(story.find_story, booking_id=parse_booking_id(booking_id), viewer=reader)
    lines = await process.database.read(find)
    response.headers["Cache-Control"] = "no-store"
    return [StoryLine.of(line) for line in lines]
