"""The seat decision: pure, so that thousands of generated cases can question it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from booking_service.domain.ids import made_at
from booking_service.domain.models import CONFIRMED, REJECTED, SALES_CLOSED, SOLD_OUT


class DueBooking(NamedTuple):
    """A booking that waits for its decision."""

    id: bytes  # the 16 of its UUID, as the table has them
    event_id: int
    seats: int


class Outcome(NamedTuple):
    """What was decided, and why when it is a refusal."""

    booking: DueBooking
    status: str
    reason: str | None = None


def decide(available: Mapping[int, int], due: Sequence[DueBooking], closed_at: Mapping[int, datetime]) -> list[Outcome]:
    """Give seats to ``due`` in its order while they last; ``available`` says how many each event has.

    A booking that does not fit is rejected whole, and a smaller one behind it may still be confirmed: a group too large
    must not block those after it. An event that ``available`` does not name has none. ``closed_at`` names events whose
    sales ended, and when: what was asked for from then on is rejected, however late that is decided.
    """
    left = dict(available)
    outcomes = []
    for booking in due:
        seats_left = left.get(booking.event_id, 0)
        if booking.event_id in closed_at and made_at(booking.id) >= closed_at[booking.event_id]:
            outcomes.append(Outcome(booking, REJECTED, SALES_CLOSED))
        elif booking.seats <= seats_left:
            left[booking.event_id] = seats_left - booking.seats
            outcomes.append(Outcome(booking, CONFIRMED))
        else:
            outcomes.append(Outcome(booking, REJECTED, SOLD_OUT))
    return outcomes


def seats_taken(outcomes: Sequence[Outcome]) -> dict[int, int]:
    """Add up the seats that ``outcomes`` give away, per event."""
    taken: dict[int, int] = {}
    for outcome in outcomes:
        if outcome.status == CONFIRMED:
            taken[outcome.booking.event_id] = taken.get(outcome.booking.event_id, 0) + outcome.booking.seats
    return taken
