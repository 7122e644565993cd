"""What a ledger is made of: acts upon the seats of an event, put in order and replayed. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from booking_service.domain.journal import DEEDS, Entry, Standing, first_decision
from booking_service.domain.models import SEAT_TAKING, SET_CAPACITY

OPENED = "opened"

# What was decided in one batch has one moment: its changes first, by their steps, then its bookings, by their ids.
CHANGES, DECISIONS = 0, 1


class Place(NamedTuple):
    """Where an act stands in the order of decision."""

    moment: datetime
    rank: int  # CHANGES or DECISIONS
    key: int  # a change's step, a booking's id as a number


class Act(NamedTuple):
    """Something that moved seats of an event."""

    place: Place
    what: str
    booking_id: UUID | None
    seats: int  # what the event lost by it; below 0 when it got some back
    capacity: int | None = None  # what it became, when the act was about that


class Line(NamedTuple):
    """An act, and how the event stood after it."""

    at: datetime
    what: str
    booking_id: UUID | None
    seats: int
    seats_left: int
    capacity: int


class Stand(NamedTuple):
    """How the event stood at some point of its ledger."""

    seats_left: int
    capacity: int


@dataclass(frozen=True, slots=True)
class Settled:
    """What a ledger needs of a booking that is decided and may have taken seats by that."""

    id: UUID
    settled_at: datetime
    status: str
    reason: str | None
    seats: int

    @property
    def place(self) -> Place:
        """Where its first decision stands."""
        return Place(self.settled_at, DECISIONS, self.id.int)


def act_of_decision(booking: Settled, telling: Entry | None, *, has_holds: bool) -> Act | None:
    """Reconstruct the first decision of a booking; None when it took no seat. See `journal.first_decision`."""
    now = Standing(booking.status, booking.seats)
    first = first_decision(now, booking.reason, telling, has_holds=has_holds)
    if first is None or first.status not in SEAT_TAKING:
        return None
    return Act(booking.place, first.status, booking.id, first.seats)


def place_of_entry(entry: Entry) -> Place:
    """Tell where an entry that is done stands."""
    return Place(entry.done_at or entry.created_at, CHANGES, entry.step or 0)


def act_of_entry(entry: Entry) -> Act:
    """Read an entry that took or gave back seats."""
    capacity = entry.seats_after if entry.kind == SET_CAPACITY else None
    return Act(place_of_entry(entry), DEEDS[entry.kind], entry.booking_id, entry.seats_taken or 0, capacity)


def replay(acts: Iterable[Act], stand: Stand) -> tuple[Sequence[Line], Stand]:
    """Go through ``acts`` in their order, beginning at ``stand``; return a line for each, and the stand at the end."""
    lines = []
    seats_left, capacity = stand
    for act in acts:
        seats_left -= act.seats
        capacity = capacity if act.capacity is None else act.capacity
        lines.append(Line(act.place.moment, act.what, act.booking_id, act.seats, seats_left, capacity))
    return lines, Stand(seats_left, capacity)
