"""Events: creating, listing, finding."""

from collections.abc import Collection
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, insert, select, update

from booking_service.domain.errors import EventInThePast
from booking_service.domain.models import Event, Stock
from booking_service.domain.seats.lanes import ensure_lane
from shared.database.literals import numbers


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event to sell ``capacity`` seats of, until it begins."""

    name: str
    venue: str
    starts_at: datetime
    capacity: int


@dataclass(frozen=True, slots=True)
class EventState:
    """An event and its seats at this moment."""

    id: int
    name: str
    venue: str
    starts_at: datetime
    lane: int
    capacity: int
    available: int
    cancelled_at: datetime | None = None
    is_cancelled: bool = False


def create_event(
    connection: Connection, new: NewEvent, *, lanes: int, now: datetime, allow_past: bool = False
) -> EventState:
    """Store ``new`` with all its seats free, in one of ``lanes`` lanes, for good.

    Raises EventInThePast when it has begun by ``now``, unless ``allow_past``.
    """
    if new.starts_at <= now and not allow_past:
        raise EventInThePast
    result = connection.execute(
        insert(Event).values(name=new.name, venue=new.venue, starts_at=new.starts_at, lane=0, created_at=now)
    )
    event_id = int(result.lastrowid)
    lane = event_id % lanes
    connection.execute(update(Event).where(Event.id == event_id).values(lane=lane))
    connection.execute(insert(Stock).values(event_id=event_id, capacity=new.capacity, available=new.capacity))
    ensure_lane(connection, lane)
    return EventState(
        id=event_id,
        name=new.name,
        venue=new.venue,
        starts_at=new.starts_at,
        lane=lane,
        capacity=new.capacity,
        available=new.capacity,
    )


def list_events(connection: Connection, *, after_id: int, count_max: int) -> list[EventState]:
    """Return up to ``count_max`` events with an id above ``after_id``, in the order of their ids."""
    return _fetch(connection, _EVENTS.where(Event.id > after_id).order_by(Event.id).limit(count_max))


def find_events(connection: Connection, ids: Collection[int]) -> dict[int, EventState]:
    """Return those of ``ids`` that exist."""
    return {event.id: event for event in _fetch(connection, _EVENTS.where(Event.id.in_(ids)))}


def full_events(connection: Connection, ids: Collection[int]) -> set[int]:
    """Return those of ``ids`` that have no seat left."""
    if not ids:
        return set()
    # Written out, because it is asked for thousands of events twice a second.
    full = f"SELECT event_id FROM stock WHERE available=0 AND event_id IN ({numbers(ids)})"  # noqa: S608  numbers
    return set(connection.exec_driver_sql(full).scalars())


# In the order of the fields, so that a row is an EventState's arguments.
_NAMES = [field.name for field in fields(EventState)]
_EVENTS = select(*(getattr(Event if hasattr(Event, name) else Stock, name) for name in _NAMES)).join(
    Stock, Stock.event_id == Event.id
)


def _fetch(connection: Connection, query: Select[*tuple[Any, ...]]) -> list[EventState]:
    return [EventState(*row) for row in connection.execute(query)]
