"""The rules once more, as plainly as can be: what must come of each decision about one event.

Written from docs/decisions/0015-changes.md, not from the code that it judges. It knows nothing of batches and their
bounds; so nobody may wait behind more than have their turn in one batch.
"""

from collections import Counter
from dataclasses import dataclass
from typing import NamedTuple

from booking_service.domain.models import (
    ACTIVE,
    CANCEL_BOOKING,
    CANCELLED,
    CAPACITY_TAKEN,
    CONFIRM_HOLD,
    CONFIRMED,
    COUNTED,
    DONE,
    EXPIRED,
    FIT,
    HELD,
    HOLD_EXPIRED,
    NOT_ACTIVE,
    NOT_HELD,
    OFF,
    PENDING,
    REJECTED,
    SEAT_TAKING,
    SET_CAPACITY,
    SET_SEATS,
    SOLD_OUT,
    STRICT,
    TOO_LATE,
    USER_LIMIT,
    WAITLIST_FULL,
    WAITLISTED,
)
from tests.faults.campaign.stored import ChangeRow, EventRow, made_at
from tests.faults.campaign.story import First


@dataclass
class Booked:
    """A booking as it stands."""

    booking_id: str
    user: int
    seats: int
    seats_min: int | None
    status: str = PENDING
    ends_at: float | None = None  # of its hold

    @property
    def least(self) -> int:
        """The seats without which it waits."""
        return min(self.seats, self.seats_min or self.seats)


class Outcome(NamedTuple):
    """What came of a change: from what to what, and the seats that the event lost by it."""

    outcome: str
    before: tuple[str | None, int | None] = (None, None)
    after: tuple[str | None, int | None] = (None, None)
    taken: int = 0


class EventModel:
    """One event, decision after decision."""

    def __init__(self, event: EventRow, capacity: int) -> None:
        """Begin with all of ``capacity`` free."""
        self.event = event
        self.capacity = self.available = capacity
        self.is_suspended = False
        self.waiting: dict[str, Booked] = {}
        self.user_seats: Counter[int] = Counter()

    def booked(self, booking: Booked) -> First:
        """Say how ``booking``, whose turn it is, must be decided."""
        limit = self.event.seats_per_user_max
        if limit is not None and self.user_seats[booking.user] + booking.seats > limit:
            return First(REJECTED, booking.seats, USER_LIMIT)
        if booking.least <= self._free_behind(self._before(booking)):
            return First(*self._given(booking))
        if self.event.waitlist == OFF or booking.least > self.capacity:
            return First(REJECTED, booking.seats, SOLD_OUT)
        if len(self.waiting) >= self.event.waiting_max:
            return First(REJECTED, booking.seats, WAITLIST_FULL)
        return First(WAITLISTED, booking.seats)

    def next_promoted(self) -> tuple[Booked, str, int] | None:
        """Say who must be promoted now, to what and with how many seats."""
        for booking in self._in_turn():
            if booking.least <= self.available and self.available:
                return booking, *self._given(booking)
            if self.event.waitlist == STRICT:
                return None
        return None

    def outcome(self, change: ChangeRow, booking: Booked | None, at: float) -> Outcome:
        """Say what must come of ``change``, which is decided ``at`` a moment and may be about ``booking``."""
        if booking is None:
            return self._capacity(change.argument or 0) if change.kind == SET_CAPACITY else Outcome(DONE)
        if change.kind == CANCEL_BOOKING:
            return self._cancelled(change, booking)
        if change.kind == CONFIRM_HOLD:
            return self._confirmed(booking, at)
        return self._with_seats(booking, change.argument or 0) if change.kind == SET_SEATS else Outcome(DONE)

    def move(self, booking: Booked, status: str, seats: int, at: float) -> None:
        """Bring ``booking`` into ``status`` with so many ``seats``."""
        self.available -= taken(status, seats) - taken(booking.status, booking.seats)
        counted = seats * (status in COUNTED) - booking.seats * (booking.status in COUNTED)
        self.user_seats[booking.user] += counted
        if status == HELD != booking.status:
            booking.ends_at = at + (self.event.hold_seconds or 0)
        booking.status, booking.seats = status, seats
        self.waiting.pop(booking.booking_id, None)
        if status == WAITLISTED:
            self.waiting[booking.booking_id] = booking

    def set_capacity(self, capacity: int) -> None:
        """Have another capacity."""
        self.available += capacity - self.capacity
        self.capacity = capacity

    @property
    def free_for_others(self) -> int:
        """The seats that somebody may have who does not wait: where nobody may overtake, none while one waits."""
        return self._free_behind(self._in_turn())

    def _before(self, booking: Booked) -> list[Booked]:
        # Ids of two processes may be decided in another order than they were made.
        return [waiting for waiting in self._in_turn() if waiting.booking_id < booking.booking_id]

    def _free_behind(self, waiting: list[Booked]) -> int:
        if self.is_suspended:
            return 0 if self.waiting else self.available
        return self.available if self.event.waitlist == FIT or not waiting else 0

    def _in_turn(self) -> list[Booked]:
        # Who wants more than the event has can never be served, and stands in nobody's way.
        if self.is_suspended:
            return []
        return sorted((b for b in self.waiting.values() if b.least <= self.capacity), key=lambda b: b.booking_id)

    def _given(self, booking: Booked) -> tuple[str, int]:
        return CONFIRMED if self.event.hold_seconds is None else HELD, min(booking.seats, self.available)

    def _cancelled(self, change: ChangeRow, booking: Booked) -> Outcome:
        until = self.event.cancel_until
        if booking.status == CANCELLED:
            return Outcome(DONE)
        if booking.status not in ACTIVE:
            return Outcome(NOT_ACTIVE)
        if booking.status == CONFIRMED and until is not None and made_at(change.change_id) >= until:
            return Outcome(DONE if change.argument else TOO_LATE)
        return self._moved(booking, CANCELLED, booking.seats)

    def _confirmed(self, booking: Booked, at: float) -> Outcome:
        if booking.status == CONFIRMED:
            return Outcome(DONE)
        if booking.status == EXPIRED or (booking.status == HELD and (booking.ends_at or 0) <= at):
            return Outcome(HOLD_EXPIRED)
        return self._moved(booking, CONFIRMED, booking.seats) if booking.status == HELD else Outcome(NOT_HELD)

    def _with_seats(self, booking: Booked, seats: int) -> Outcome:
        more = seats - booking.seats
        if booking.status not in ACTIVE:
            return Outcome(NOT_ACTIVE)
        if more == 0:
            return Outcome(DONE)
        if more > 0 and booking.status != PENDING:
            limit = self.event.seats_per_user_max
            if limit is not None and self.user_seats[booking.user] + more > limit:
                return Outcome(USER_LIMIT)
            if booking.status == WAITLISTED or more > self.free_for_others:
                return Outcome(SOLD_OUT)
        return self._moved(booking, booking.status, seats)

    def _capacity(self, capacity: int) -> Outcome:
        if capacity < self.capacity - self.available:
            return Outcome(CAPACITY_TAKEN)
        return Outcome(DONE, (None, self.capacity), (None, capacity), self.capacity - capacity)

    @staticmethod
    def _moved(booking: Booked, status: str, seats: int) -> Outcome:
        lost = taken(status, seats) - taken(booking.status, booking.seats)
        return Outcome(DONE, (booking.status, booking.seats), (status, seats), lost)


def taken(status: str, seats: int) -> int:
    """Count the seats that a booking takes."""
    return seats if status in SEAT_TAKING else 0
