"""Reading what a batch decides upon: a few statements about all of it, and only what it needs."""

import logging
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import chain
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, bindparam, delete, exists, func, select

from booking_service.domain.bookings.ids import made_at
from booking_service.domain.models import (
    CANCEL_EVENT,
    CONFIRM_HOLD,
    HELD,
    NOT_DUE,
    NOT_SETTLED,
    PROMOTE,
    STRICT,
    Booking,
    Change,
    Event,
    Hold,
    Stock,
)
from booking_service.domain.rules import Rules
from booking_service.domain.seats.lanes import Acts, Locks
from booking_service.domain.seats.queues import read_queue
from booking_service.domain.seats.situation import Booked, Chunk, DueBooking, DueChange, EventSeats, Situation
from shared.database.literals import blob, moment, numbers
from shared.database.types import UtcDateTime

# What an event is that is not an ordinary one.
RULED, CLOSED = 1, 2

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Sold:
    """What a batch without rules and changes needs to know of its events."""

    available: dict[int, int]
    closed: list[int]  # those without rules that had begun when the newest booking was made
    ruled: list[int]  # those that have rules


def read_situation(connection: Connection, locks: Locks, acts: Acts, due: Sequence[DueBooking], size: int) -> Situation:
    """Read all that is to be known for deciding ``acts`` and ``due``; events are called off ``size`` at a time."""
    sold = _sold(connection, due)
    plain = Situation(now=locks.now, due=due, available=sold.available, closed_at=_closed_at(connection, sold.closed))
    if not (sold.ruled or acts):
        return plain
    return _with_rules(connection, plain, acts, sold.ruled, size)


def _sold(connection: Connection, due: Sequence[DueBooking]) -> Sold:
    """Read how many seats each event has left, and which had closed when the newest booking was made.

    Sales close when the event begins.
    """
    if not due:
        return Sold({}, [], [])
    event_ids, newest = {booking.event_id for booking in due}, max(due).id
    rows = connection.exec_driver_sql(
        "SELECT s.event_id,s.available,"  # noqa: S608  numbers and a literal
        f"CASE WHEN e.has_rules THEN {RULED} WHEN e.starts_at<={moment(made_at(newest))} THEN {CLOSED} END "
        f"FROM stock s JOIN events e ON e.id=s.event_id WHERE s.event_id IN ({numbers(event_ids)})"
    ).all()
    return Sold(
        available={event_id: available for event_id, available, _ in rows},
        closed=[event_id for event_id, _, kind in rows if kind == CLOSED],
        ruled=[event_id for event_id, _, kind in rows if kind == RULED],
    )


def _closed_at(connection: Connection, event_ids: list[int]) -> dict[int, datetime]:
    # Of the few that have closed and still have bookings to decide; an ordinary batch has none.
    if not event_ids:
        return {}
    rows = connection.execute(select(Event.id, Event.starts_at).where(Event.id.in_(event_ids)))
    return {event_id: starts_at for event_id, starts_at in rows}  # noqa: C416  a Row is not a plain tuple to mypy


def _with_rules(connection: Connection, plain: Situation, acts: Acts, ruled: list[int], size: int) -> Situation:
    expired = _bookings(connection, acts.expired)
    _drop_stale_holds(connection, [i for i in acts.expired if i not in expired or expired[i].status != HELD])
    expired = {i: expired[i] for i in acts.expired if i in expired and expired[i].status == HELD}
    freeing = {*(change.event_id for change in acts.changes), *(booking.event_id for booking in expired.values())}
    events = _events(connection, {*ruled, *freeing})
    chunks = _chunks(connection, acts.changes, size)
    wanted = {booking.id for booking in plain.due if booking.event_id in events}
    wanted.update(change.booking_id for change in acts.changes if change.booking_id is not None)
    wanted.update(chain.from_iterable(chunk.bookings for chunk in chunks.values()))
    bookings = expired | _bookings(connection, wanted - expired.keys())
    for event in events.values():
        if event.waiting and (event.id in freeing or _is_held_up(event)):
            read_queue(connection, event, acts.changes, bookings)
    _read_holds(connection, acts.changes, bookings)
    _read_user_seats(connection, events, bookings.values())
    return replace(plain, changes=acts.changes, expired=list(expired), events=events, bookings=bookings, chunks=chunks)


def _events(connection: Connection, event_ids: Collection[int]) -> dict[int, EventSeats]:
    return {row.id: _event(row) for row in connection.execute(_EVENTS, {"ids": list(event_ids)})}


# Made once: making it costs as much as asking.
_EVENTS = (
    select(
        Event.id,
        Event.lane,
        Event.seats_per_booking_max,
        Event.seats_per_user_max,
        Event.sales_open_at,
        func.coalesce(Event.sales_close_at, Event.starts_at, type_=UtcDateTime()).label("closes_at"),
        Event.cancel_until,
        Event.hold_seconds,
        Event.waitlist,
        Event.cancelled_at,
        Stock.capacity,
        Stock.available,
        Stock.waiting,
        Stock.waiting_max,
        Stock.is_waitlist_suspended,
        Stock.promoted_to,
        Stock.is_cancelled,
        # Looked for here too: the look with the locks may be from before them, and newcomers wait until it is done.
        exists()
        .where(
            Change.event_id == Event.id,
            Change.done_at == NOT_SETTLED,
            Change.due_lane > NOT_DUE,
            Change.kind == PROMOTE,
        )
        .label("is_behind"),
    )
    .join(Stock, Stock.event_id == Event.id)
    .where(Event.id.in_(bindparam("ids")))
)


def _event(row: Row[*tuple[Any, ...]]) -> EventSeats:
    return EventSeats(
        id=row.id,
        lane=row.lane,
        rules=Rules(
            seats_per_booking_max=row.seats_per_booking_max,
            seats_per_user_max=row.seats_per_user_max,
            opens_at=row.sales_open_at,
            closes_at=row.closes_at,
            cancel_until=row.cancel_until,
            hold_seconds=row.hold_seconds,
            waitlist=row.waitlist,
            cancelled_at=row.cancelled_at,
        ),
        capacity=row.capacity,
        available=row.available,
        waiting=row.waiting,
        waiting_max=row.waiting_max,
        is_suspended=row.is_waitlist_suspended,
        promoted_to=None if row.promoted_to is None else row.promoted_to.bytes,
        is_cancelled=row.is_cancelled,
        is_behind=bool(row.is_behind),
    )


def _bookings(connection: Connection, ids: Collection[bytes]) -> dict[bytes, Booked]:
    if not ids:
        return {}
    # Written out, because of an event with rules each booking is looked up here.
    rows = connection.exec_driver_sql(
        f"SELECT id,event_id,user_id,seats,status,seats_min FROM bookings WHERE id IN ({','.join(map(blob, ids))})"  # noqa: S608  literals
    )
    return {
        booking_id: Booked(booking_id, event_id, user_id, seats, status, seats_min)
        for booking_id, event_id, user_id, seats, status, seats_min in rows
    }


def _drop_stale_holds(connection: Connection, booking_ids: Sequence[bytes]) -> None:
    """Delete holds of what is not held, which nothing of ours leaves behind, or they would be due for ever."""
    if booking_ids:
        log.error("holds of bookings that are not held: %s", [str(UUID(bytes=i)) for i in booking_ids])
        connection.execute(delete(Hold).where(Hold.booking_id.in_([UUID(bytes=i) for i in booking_ids])))


def _is_held_up(event: EventSeats) -> bool:
    """Tell whether free seats wait for somebody who wants more, if that one can be served at all."""
    return event.rules.waitlist == STRICT and event.available > 0


def _chunks(connection: Connection, changes: Iterable[DueChange], size: int) -> dict[bytes, Chunk]:
    """Find the next bookings of the events that are called off, ``size`` of all together."""
    chunks = {}
    for change in changes:
        if change.kind == CANCEL_EVENT:
            chunks[change.id] = chunk = _chunk(connection, change, size)
            size -= len(chunk.bookings)
    return chunks


def _chunk(connection: Connection, change: DueChange, size: int) -> Chunk:
    """Find the next ``size`` bookings of an event that is called off."""
    next_ones = select(Booking.id).where(Booking.event_id == change.event_id).order_by(Booking.id).limit(size)
    if change.progress is not None:
        next_ones = next_ones.where(Booking.id > UUID(bytes=change.progress))
    ids = [booking_id.bytes for booking_id in connection.scalars(next_ones)]
    return Chunk(ids, is_last=len(ids) < size)


def _read_holds(connection: Connection, changes: Iterable[DueChange], bookings: dict[bytes, Booked]) -> None:
    ids = [UUID(bytes=change.booking_id) for change in changes if change.kind == CONFIRM_HOLD and change.booking_id]
    if ids:
        ends = select(Hold.booking_id, Hold.expires_at).where(Hold.booking_id.in_(ids))
        for booking_id, expires_at in connection.execute(ends):
            bookings[booking_id.bytes].expires_at = expires_at


def _read_user_seats(connection: Connection, events: dict[int, EventSeats], bookings: Iterable[Booked]) -> None:
    users: dict[int, set[int]] = {}
    for booking in bookings:
        if events[booking.event_id].rules.seats_per_user_max is not None:
            users.setdefault(booking.event_id, set()).add(booking.user_id)
    for event_id, user_ids in users.items():
        # Written out: as above.
        found = connection.exec_driver_sql(
            f"SELECT user_id,seats FROM user_seats WHERE event_id={event_id} AND user_id IN ({numbers(user_ids)})"  # noqa: S608  numbers
        )
        events[event_id].user_seats = dict.fromkeys(user_ids, 0) | {user_id: seats for user_id, seats in found}  # noqa: C416  a Row is no tuple to mypy
