"""What a decision sees, and what it says: the words that reading, deciding and writing have in common."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from booking_service.domain.models import FIT, SEAT_TAKING, WAITLISTED
from booking_service.domain.rules import Rules


class DueBooking(NamedTuple):
    """A booking that waits for a decision."""

    id: bytes  # the 16 of its UUID, as the table has them
    event_id: int
    seats: int
    decide_by: datetime | None = None


class DueChange(NamedTuple):
    """A change that waits for a decision."""

    id: bytes
    kind: str
    event_id: int
    booking_id: bytes | None = None
    argument: int | None = None
    progress: bytes | None = None


@dataclass(slots=True)
class Booked:
    """A booking as it stands at this turn of the decision; the desk changes it."""

    id: bytes
    event_id: int
    user_id: int
    seats: int
    status: str
    seats_min: int | None = None  # as many as will do until it has some; None: all of them
    expires_at: datetime | None = None  # of a hold that a change is about

    @property
    def enough(self) -> int:
        """Count the seats that it takes to serve it."""
        return min(self.seats, self.seats_min or self.seats)


@dataclass(slots=True)
class EventSeats:
    """An event with rules, or with changes, as it stands at this turn of the decision; the desk changes it."""

    id: int
    lane: int
    rules: Rules
    capacity: int
    available: int
    waiting: int = 0
    waiting_max: int = 0
    is_suspended: bool = False
    is_cancelled: bool = False
    promoted_to: bytes | None = None
    queue: list[Booked] = field(default_factory=list)  # those of the waiting list who may have their turn, in order
    cut: Mapping[int, bytes] = field(default_factory=dict)  # numbers of seats for which more wait, behind which id
    user_seats: dict[int, int] = field(default_factory=dict)
    is_behind: bool = False  # somebody who waits could be served, and is not yet

    @property
    def taken(self) -> int:
        """Count the seats that are confirmed or held."""
        return self.capacity - self.available

    @property
    def free_for_others(self) -> int:
        """Count the seats that somebody may have who is not on the waiting list: those that nobody there can use."""
        return self._free_behind(self.queue)

    def free_for(self, booking: Booked) -> int:
        """Count the seats that ``booking`` may have at its turn: those that nobody can use who stands before it.

        Another process may have made the id of who waits later, and have been faster.
        """
        return self._free_behind(other for other in self.queue if other.id < booking.id)

    def _free_behind(self, queue: Iterable[Booked]) -> int:
        if self.waiting == 0:
            return self.available
        if self.is_suspended or self.is_behind:
            return 0
        if self.rules.waitlist == FIT:
            return self.available
        # Who wants more than the event has can never be served, and stands in nobody's way.
        in_turn = any(other.status == WAITLISTED and other.enough <= self.capacity for other in queue)
        return 0 if in_turn else self.available


class Transition(NamedTuple):
    """What becomes of a booking: from one status and number of seats to another, and the reason of a refusal."""

    id: bytes
    event_id: int
    was: str
    status: str
    seats_was: int
    seats: int
    reason: str | None = None

    @property
    def seats_taken(self) -> int:
        """Count the seats that its event loses by it; below 0 when it gets some back."""
        taken = self.seats if self.status in SEAT_TAKING else 0
        return taken - (self.seats_was if self.was in SEAT_TAKING else 0)


class Outcome(NamedTuple):
    """What came of a change, or a change that nobody asked for: then without an id."""

    id: bytes | None
    kind: str
    event_id: int
    booking_id: bytes | None
    outcome: str
    detail: int | None = None
    status_before: str | None = None
    status_after: str | None = None
    seats_before: int | None = None
    seats_after: int | None = None
    seats_taken: int = 0


class Progress(NamedTuple):
    """How far a change got that is too long for one batch, and the seats that the event lost by that."""

    id: bytes
    reached: bytes
    seats_taken: int


class Chunk(NamedTuple):
    """The next bookings of an event that is called off, in the order of their ids."""

    bookings: Sequence[bytes]
    is_last: bool


@dataclass(frozen=True, slots=True)
class Situation:
    """All that a batch decides upon. Events without rules and changes have nothing here but their seats."""

    now: datetime  # by the database's clock, read under the lock
    due: Sequence[DueBooking] = ()
    available: Mapping[int, int] = field(default_factory=dict)  # an event that it does not name has none
    closed_at: Mapping[int, datetime] = field(default_factory=dict)  # of events whose sales ended
    changes: Sequence[DueChange] = ()
    expired: Sequence[bytes] = ()  # bookings whose hold has ended
    events: Mapping[int, EventSeats] = field(default_factory=dict)
    bookings: Mapping[bytes, Booked] = field(default_factory=dict)  # those that changes and rules are about
    chunks: Mapping[bytes, Chunk] = field(default_factory=dict)  # for changes that call an event off


@dataclass(frozen=True, slots=True)
class Decided:
    """What a decision came to, in the order in which it was decided."""

    transitions: list[Transition]
    outcomes: list[Outcome] = field(default_factory=list)
    progress: list[Progress] = field(default_factory=list)
    left_over: list[int] = field(default_factory=list)  # events whose promotions are to go on in another batch
