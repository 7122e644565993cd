"""Reading an event's ledger, page by page.

No index has an event's bookings in the order of their decisions: it would be written at each settlement. So a page
looks at all of the event's bookings for the next few, and whoever wants the whole ledger should ask for large pages.
The acts of an event come one after the other, by its lane's lock and the database's clock: what was read never changes.
"""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select

from booking_service.domain import journal
from booking_service.domain.errors import EventNotFound
from booking_service.domain.ledger.acts import (
    DECISIONS,
    OPENED,
    Act,
    Line,
    Place,
    Settled,
    Stand,
    act_of_decision,
    act_of_entry,
    place_of_entry,
    replay,
)
from booking_service.domain.models import (
    CANCEL_EVENT,
    CANCELLED,
    CONFIRMED,
    EXPIRED,
    HELD,
    NOT_DUE,
    NOT_SETTLED,
    SEAT_TAKING,
    Booking,
    Change,
    Event,
    Stock,
)
from shared.database.engines import see_one_state

# What a booking can be by now whose first decision took seats.
TOOK_SEATS = (CONFIRMED, HELD, CANCELLED, EXPIRED)
STEP_MAX = 2**31 - 1


class Reached(NamedTuple):
    """Where a page ended, and how the event stood there."""

    place: Place
    stand: Stand


class Sum(NamedTuple):
    """The audit's sum, at the end of the ledger."""

    seats_taken: int  # held and confirmed
    capacity: int
    available: int
    agrees: bool  # whether every seat is free or taken, and the replay comes to as many free ones


class Page(NamedTuple):
    """A part of a ledger: with its sum when it is the last, else with where it goes on."""

    lines: Sequence[Line]
    sum: Sum | None
    reached: Reached | None


class _Found(NamedTuple):
    acts: list[Act]
    horizon: Place | None  # what comes behind it was not looked at; None when there is nothing


def read_page(connection: Connection, event_id: int, *, reached: Reached | None, count_max: int) -> Page:
    """Return up to ``count_max`` acts of the event behind ``reached``, or from the beginning. Raises EventNotFound.

    The first page begins with a line that says how many seats there were. Must be the first in its transaction.
    """
    see_one_state(connection)
    event = connection.execute(
        select(Event.created_at, Event.hold_seconds, Stock.capacity)
        .join(Stock, Stock.event_id == Event.id)
        .where(Event.id == event_id)
    ).one_or_none()
    if event is None:
        raise EventNotFound
    opening: list[Line] = []
    if reached is None:
        capacity = _first_capacity(connection, event_id, event.capacity)
        stand = Stand(capacity, capacity)
        opening = [Line(event.created_at, OPENED, None, 0, *stand)]
    else:
        stand = reached.stand
    found = _find(connection, event_id, reached, count_max, has_holds=event.hold_seconds is not None)
    lines, stand = replay(found.acts, stand)
    if found.horizon is None:
        return Page([*opening, *lines], _sum(connection, event_id, stand), None)
    return Page([*opening, *lines], None, Reached(found.horizon, stand))


def _find(connection: Connection, event_id: int, reached: Reached | None, count_max: int, *, has_holds: bool) -> _Found:
    place = None if reached is None else reached.place
    sources = [
        _moves(connection, event_id, place, count_max + 1),
        _decisions(connection, event_id, place, count_max + 1, has_holds=has_holds),
    ]
    horizon = min((source.horizon for source in sources if source.horizon is not None), default=None)
    acts = sorted((act for source in sources for act in source.acts), key=lambda act: act.place)
    known = [act for act in acts if horizon is None or act.place <= horizon]
    if len(known) > count_max:
        return _Found(known[:count_max], known[count_max - 1].place)
    return _Found(known, horizon)


def _moves(connection: Connection, event_id: int, place: Place | None, count_max: int) -> _Found:
    behind = None
    if place is not None:
        behind = place.moment, place.key if place.rank < DECISIONS else STEP_MAX
    entries = journal.moves_of_event(connection, event_id, behind, count_max)
    horizon = place_of_entry(entries[-1]) if len(entries) == count_max else None
    return _Found([act_of_entry(entry) for entry in entries], horizon)


def _decisions(
    connection: Connection, event_id: int, place: Place | None, count_max: int, *, has_holds: bool
) -> _Found:
    query = (
        select(Booking.id, Booking.settled_at, Booking.status, Booking.reason, Booking.seats)
        .with_hint(Booking, "FORCE INDEX (bookings_event)", "mysql")
        .where(Booking.event_id == event_id, Booking.status.in_(TOOK_SEATS), Booking.settled_at < NOT_SETTLED)
        .order_by(Booking.settled_at, Booking.id)
        .limit(count_max)
    )
    if place is not None:
        query = query.where(_is_behind(place))
    rows = connection.execute(query)
    bookings = [Settled(row.id, row.settled_at, row.status, row.reason, row.seats) for row in rows]
    telling = journal.telling_entries(connection, [booking.id for booking in bookings])
    acts = [act_of_decision(booking, telling.get(booking.id), has_holds=has_holds) for booking in bookings]
    horizon = bookings[-1].place if len(bookings) == count_max else None
    return _Found([act for act in acts if act is not None], horizon)


def _is_behind(place: Place) -> ColumnElement[bool]:
    if place.rank < DECISIONS:
        return Booking.settled_at >= place.moment
    same = and_(Booking.settled_at == place.moment, Booking.id > UUID(int=place.key))
    return or_(Booking.settled_at > place.moment, same)


def _first_capacity(connection: Connection, event_id: int, capacity: int) -> int:
    change = journal.first_capacity_change(connection, event_id)
    return capacity if change is None or change.seats_before is None else change.seats_before


def _sum(connection: Connection, event_id: int, stand: Stand) -> Sum:
    stock = select(Stock.capacity, Stock.available).where(Stock.event_id == event_id)
    capacity, available = connection.execute(stock).one()
    taken = connection.scalar(
        select(func.coalesce(func.sum(Booking.seats), 0))
        .with_hint(Booking, "FORCE INDEX (bookings_event)", "mysql")
        .where(Booking.event_id == event_id, Booking.status.in_(SEAT_TAKING))
    )
    # An event that is being called off has given back some seats already; its line comes when that is done.
    on_the_way = connection.scalar(
        select(func.coalesce(func.sum(Change.seats_taken), 0)).where(
            Change.event_id == event_id,
            Change.kind == CANCEL_EVENT,
            Change.done_at == NOT_SETTLED,
            Change.due_lane > NOT_DUE,
        )
    )
    seats_taken = int(taken or 0)
    seats_left = stand.seats_left - int(on_the_way or 0)
    agrees = capacity == available + seats_taken and stand.capacity == capacity and seats_left == available
    return Sum(seats_taken, capacity, available, agrees)
