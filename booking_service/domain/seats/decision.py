"""The seat decision: pure, so that thousands of generated cases can question it.

What is due is a booking in some status. DECISIONS names, for each status that can be due, the one function that says
what becomes of it: a transition. A further act upon seats is one more function and its line there.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from booking_service.domain.bookings.ids import made_at
from booking_service.domain.models import CONFIRMED, PENDING, REJECTED, SALES_CLOSED, SOLD_OUT


class DueBooking(NamedTuple):
    """A booking that waits for a decision, in the status in which it was read."""

    id: bytes  # the 16 of its UUID, as the table has them
    event_id: int
    seats: int
    status: str


class Transition(NamedTuple):
    """What becomes of a booking: a new status, the reason of a refusal, and how many seats its event loses by it."""

    booking: DueBooking
    status: str
    reason: str | None = None
    seats_taken: int = 0  # below 0 when it gives seats back


# What a decision sees of the event, at the booking's turn: the seats that are left, and when sales ended if they did.
Decision = Callable[[DueBooking, int, datetime | None], Transition]


def decide(
    available: Mapping[int, int], due: Sequence[DueBooking], closed_at: Mapping[int, datetime]
) -> list[Transition]:
    """Decide ``due`` in its order; ``available`` says how many seats each event has, and one it does not name has none.

    ``closed_at`` names the events whose sales ended, and when.
    """
    left = dict(available)
    transitions = []
    for booking in due:
        event_id = booking.event_id
        seats_left = left.get(event_id, 0)
        transition = DECISIONS[booking.status](booking, seats_left, closed_at.get(event_id))
        left[event_id] = seats_left - transition.seats_taken
        transitions.append(transition)
    return transitions


def seats_taken(transitions: Sequence[Transition]) -> dict[int, int]:
    """Add up the seats that ``transitions`` take, for each event whose seats they change."""
    taken: dict[int, int] = {}
    for transition in transitions:
        if transition.seats_taken:
            event_id = transition.booking.event_id
            taken[event_id] = taken.get(event_id, 0) + transition.seats_taken
    return taken


def _book(booking: DueBooking, seats_left: int, closed_at: datetime | None) -> Transition:
    """Give a booking its seats, or reject it whole.

    A smaller one behind a booking that does not fit may still be confirmed: a group too large must not block those
    after it. Sales end by the moment in the booking's id, however late that is decided.
    """
    if closed_at is not None and made_at(booking.id) >= closed_at:
        return Transition(booking, REJECTED, SALES_CLOSED)
    if booking.seats > seats_left:
        return Transition(booking, REJECTED, SOLD_OUT)
    return Transition(booking, CONFIRMED, seats_taken=booking.seats)


DECISIONS: Mapping[str, Decision] = {PENDING: _book}
