"""Events: creating, listing, finding."""

import json
from collections.abc import Collection
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from hashlib import sha256
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Select, insert, select, update
from sqlalchemy.exc import IntegrityError

from booking_service.domain.errors import EventInThePast, NotYourEvent
from booking_service.domain.models import OFF, REQUEST_DIGEST_LENGTH, Event, Stock
from booking_service.domain.rules import WAITING_UNLIMITED, GivenRules, Rules
from booking_service.domain.seats.lanes import ensure_lane
from shared.database.literals import moment, numbers
from shared.errors import IdempotencyKeyReused, InvalidInput
from shared.identity.permissions import WRITE_ALL_EVENTS, WRITE_EVENTS
from shared.identity.tokens import Principal, require

# What an event is to those who look at it. The first does not say that it can be booked now.
ON_SALE: Final = "on_sale"
CANCELLING: Final = "cancelling"  # nothing of it can be booked, and not all of its bookings are cancelled yet
CANCELLED: Final = "cancelled"


# Events are walked through in the order of the table where there are at most so many for each that is asked for.
NEIGHBOURS_FACTOR_MAX: Final = 4


class Origin(NamedTuple):
    """Who asks for a new event, and the Idempotency-Key that the request had."""

    user_id: int | None = None
    idempotency_key: str | None = None


NO_RULES: Final = GivenRules()
NOBODY: Final = Origin()


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event to sell ``capacity`` seats of by ``rules``, until it begins."""

    name: str
    venue: str
    starts_at: datetime
    capacity: int
    rules: GivenRules = NO_RULES
    origin: Origin = NOBODY

    def digest(self) -> str:
        """Return what two requests for the same event have in common, and no others.

        What is not given has no part in it, so a member that is new some day changes the digest of no old request.
        """
        rules = dict(self.rules._asdict().items() - NO_RULES._asdict().items())
        event = [self.name, self.venue, self.starts_at, self.capacity, rules]
        return sha256(json.dumps(event, default=datetime.isoformat, sort_keys=True).encode()).hexdigest()[
            :REQUEST_DIGEST_LENGTH
        ]


@dataclass(frozen=True, slots=True)
class EventState:
    """An event, its rules and its seats at this moment."""

    id: int
    name: str
    venue: str
    starts_at: datetime
    lane: int
    capacity: int
    available: int
    has_rules: bool = False
    seats_per_booking_max: int | None = None
    seats_per_user_max: int | None = None
    sales_open_at: datetime | None = None
    sales_close_at: datetime | None = None
    cancel_until: datetime | None = None
    hold_seconds: int | None = None
    waitlist: str = OFF
    cancelled_at: datetime | None = None
    waiting: int = 0
    waiting_max: int = 0
    is_waitlist_suspended: bool = False
    is_cancelled: bool = False
    created_by: int | None = None  # None: before that was kept
    # Whether it was there before the request that it answers: nothing that is stored.
    is_repeated: bool = field(default=False, compare=False)

    @property
    def is_full(self) -> bool:
        """Tell whether there is neither a seat left nor a place on the waiting list."""
        return self.available == 0 and self.waiting >= self.waiting_max

    @property
    def waitlist_max(self) -> int | None:
        """How many bookings may wait at once; None without a bound, or without a list."""
        return self.waiting_max if 0 < self.waiting_max < WAITING_UNLIMITED else None

    @property
    def status(self) -> str:
        """Say whether the event takes place, as far as is known."""
        if self.cancelled_at is None:
            return ON_SALE
        return CANCELLED if self.is_cancelled else CANCELLING

    @property
    def rules(self) -> Rules:
        """The rules by which it is sold."""
        return Rules(
            seats_per_booking_max=self.seats_per_booking_max,
            seats_per_user_max=self.seats_per_user_max,
            opens_at=self.sales_open_at,
            closes_at=self.sales_close_at or self.starts_at,
            cancel_until=self.cancel_until,
            hold_seconds=self.hold_seconds,
            waitlist=self.waitlist,
            cancelled_at=self.cancelled_at,
        )


def create_event(
    connection: Connection, new: NewEvent, *, lanes: int, now: datetime, allow_past: bool = False
) -> EventState:
    """Store ``new`` with all its seats free, in one of ``lanes`` lanes, for good.

    With the Idempotency-Key of an earlier request of the same user, return the event that was made then, as it is now.
    Raises InvalidInput for rules that contradict each other; EventInThePast when it has begun by ``now``, unless
    ``allow_past``; IdempotencyKeyReused when the key came before with another event.
    """
    if earlier := _created_before(connection, new, now):
        return earlier
    if contradictions := new.rules.contradictions(new.starts_at):
        raise InvalidInput(errors=contradictions)
    if new.starts_at <= now and not allow_past:
        raise EventInThePast
    try:
        event_id = _insert_event(connection, new, now)
    except IntegrityError:
        # The same request came twice at once, and the other one was first.
        if earlier := _created_before(connection, new, now):
            return earlier
        raise
    lane = event_id % lanes
    connection.execute(update(Event).where(Event.id == event_id).values(lane=lane))
    stock = {"capacity": new.capacity, "available": new.capacity, "waiting_max": new.rules.waiting_max}
    connection.execute(insert(Stock).values(event_id=event_id, **stock))
    ensure_lane(connection, lane)
    return find_events(connection, [event_id])[event_id]


def require_changeable(event: EventState, user: Principal) -> None:
    """Let pass who created an event and may create some, and who may change any. Raises Forbidden or NotYourEvent."""
    require(user, WRITE_EVENTS, WRITE_ALL_EVENTS)
    if WRITE_ALL_EVENTS not in user.permissions and event.created_by != user.uid:
        raise NotYourEvent


def list_events(connection: Connection, *, after_id: int, count_max: int) -> list[EventState]:
    """Return up to ``count_max`` events with an id above ``after_id``, in the order of their ids."""
    return _fetch(connection, _EVENTS.where(Event.id > after_id).order_by(Event.id).limit(count_max))


def find_events(connection: Connection, ids: Collection[int]) -> dict[int, EventState]:
    """Return those of ``ids`` that exist."""
    return {event.id: event for event in _fetch(connection, _EVENTS.where(Event.id.in_(ids)))}


class Shut(NamedTuple):
    """Events of which nothing can be booked at this moment."""

    full: set[int]
    cancelled: set[int]


def shut_events(connection: Connection, ids: Collection[int], cancelled_since: datetime) -> Shut:
    """Return which of ``ids`` are full, and which events at all were cancelled from ``cancelled_since`` on."""
    # Written out, because it is asked for thousands of events twice a second.
    rows = connection.exec_driver_sql(
        f"SELECT event_id,0 FROM stock WHERE event_id {_among(ids)} "  # noqa: S608  numbers and a literal
        "AND available=0 AND waiting>=waiting_max "
        f"UNION ALL SELECT id,1 FROM events WHERE cancelled_at>={moment(cancelled_since)}"
    ).all()
    return Shut(
        full={event_id for event_id, is_cancelled in rows if not is_cancelled}.intersection(ids),
        cancelled={event_id for event_id, is_cancelled in rows if is_cancelled},
    )


def _among(ids: Collection[int]) -> str:
    """Say which events to look at: ``ids``, and where most are neighbours all between them, which is cheaper."""
    if not ids:
        return "IN (-1)"  # no event: IN () is no SQL
    first, last = min(ids), max(ids)
    near = last - first < NEIGHBOURS_FACTOR_MAX * len(ids)
    return f"BETWEEN {first} AND {last}" if near else f"IN ({numbers(ids)})"


# In the order of the fields, so that a row is an EventState's arguments.
_NAMES = [column.name for column in fields(EventState) if column.compare]
_EVENTS = select(*(getattr(Event if hasattr(Event, name) else Stock, name) for name in _NAMES)).join(
    Stock, Stock.event_id == Event.id
)


def _fetch(connection: Connection, query: Select[*tuple[Any, ...]]) -> list[EventState]:
    return [EventState(*row) for row in connection.execute(query)]


def _created_before(connection: Connection, new: NewEvent, now: datetime) -> EventState | None:
    """Return what the same request has made. Raises IdempotencyKeyReused when its key came with another one."""
    user_id, key = new.origin
    if key is None:
        return None
    same_key = (Event.created_by == user_id, Event.idempotency_key == key)
    stored = select(Event.id, Event.request_digest, Event.created_at).where(*same_key)
    row = connection.execute(stored).one_or_none()
    if row is None:
        return None
    if row.request_digest != new.digest():
        raise IdempotencyKeyReused
    # With this very moment it is of an earlier attempt of this request, whose commit was lost.
    return replace(find_events(connection, [row.id])[row.id], is_repeated=row.created_at != now)


def _insert_event(connection: Connection, new: NewEvent, now: datetime) -> int:
    rules = new.rules._asdict()
    del rules["waitlist_max"]  # which stands with the seats
    row = insert(Event).values(
        name=new.name,
        venue=new.venue,
        starts_at=new.starts_at,
        lane=0,
        created_at=now,
        has_rules=new.rules != NO_RULES,
        created_by=new.origin.user_id,
        idempotency_key=new.origin.idempotency_key,
        request_digest=None if new.origin.idempotency_key is None else new.digest(),
        **rules,
    )
    return int(connection.execute(row).lastrowid)
