"""The seat decision: pure, so that thousands of generated cases can question it.

Changes come first, then holds that have ended, then bookings, each in the order of their ids. Whenever seats come free,
those who wait have their turn at once.
"""

from collections.abc import Iterable

from booking_service.domain.bookings.ids import made_at
from booking_service.domain.models import (
    BOOKING_LIMIT,
    CONFIRMED,
    OFF,
    PENDING,
    REJECTED,
    SALES_CLOSED,
    SALES_NOT_OPEN,
    SOLD_OUT,
    TOO_LATE,
    USER_LIMIT,
    WAITLIST_FULL,
)
from booking_service.domain.seats.acts import act
from booking_service.domain.seats.desk import Desk
from booking_service.domain.seats.situation import Booked, Decided, DueBooking, EventSeats, Situation, Transition


def decide(situation: Situation) -> Decided:
    """Decide all that is due; what ``situation`` says of events and bookings is brought up to date on the way."""
    desk = Desk(situation)
    for change in situation.changes:
        act(desk, change)
    for booking_id in situation.expired:
        desk.expire(booking_id)
    left = dict(situation.available)
    for booking in situation.due:
        event = situation.events.get(booking.event_id)
        if event is None:
            desk.decided.transitions.append(_book_plainly(situation, left, booking))
        else:
            _book(desk, event, booking)
    desk.decided.left_over.extend(event.id for event in situation.events.values() if event.is_behind)
    return desk.decided


def seats_taken(transitions: Iterable[Transition]) -> dict[int, int]:
    """Add up the seats that ``transitions`` take, for each event whose seats they change."""
    taken: dict[int, int] = {}
    for transition in transitions:
        if seats := transition.seats_taken:
            taken[transition.event_id] = taken.get(transition.event_id, 0) + seats
    return taken


def _book_plainly(situation: Situation, left: dict[int, int], booking: DueBooking) -> Transition:
    """Give a booking of an event without rules its seats, or reject it whole.

    A smaller one behind a booking that does not fit may still be confirmed: a group too large must not block those
    after it. Sales end by the moment in the booking's id, however late that is decided.
    """
    booking_id, event_id, seats, decide_by = booking
    closed_at = situation.closed_at.get(event_id) if situation.closed_at else None
    if closed_at is not None and made_at(booking_id) >= closed_at:
        return Transition(booking_id, event_id, PENDING, REJECTED, seats, seats, SALES_CLOSED)
    if decide_by is not None and decide_by < situation.now:
        return Transition(booking_id, event_id, PENDING, REJECTED, seats, seats, TOO_LATE)
    seats_left = left.get(event_id, 0)
    if seats > seats_left:
        return Transition(booking_id, event_id, PENDING, REJECTED, seats, seats, SOLD_OUT)
    left[event_id] = seats_left - seats
    return Transition(booking_id, event_id, PENDING, CONFIRMED, seats, seats)


def _book(desk: Desk, event: EventSeats, due: DueBooking) -> None:
    """Give a booking its seats by the rules of its event, or a place on the waiting list, or reject it."""
    booking = desk.bookings[due.id]
    if booking.status != PENDING:
        return  # a change came first
    if event.rules.is_cancelled:
        desk.call_off(booking)
    elif reason := _why_not(desk, event, booking, due):
        desk.move(booking, REJECTED, reason=reason)
    elif booking.enough <= event.free_for(booking):
        desk.give(booking)
    elif event.rules.waitlist == OFF or booking.enough > event.capacity:
        desk.move(booking, REJECTED, reason=SOLD_OUT)
    elif event.waiting >= event.waiting_max:
        desk.move(booking, REJECTED, reason=WAITLIST_FULL)
    else:
        desk.wait(booking)


def _why_not(desk: Desk, event: EventSeats, booking: Booked, due: DueBooking) -> str | None:
    rules, moment = event.rules, made_at(booking.id)
    if rules.opens_at is not None and moment < rules.opens_at:
        return SALES_NOT_OPEN
    if moment >= rules.closes_at:
        return SALES_CLOSED
    if due.decide_by is not None and due.decide_by < desk.now:
        return TOO_LATE
    if rules.seats_per_booking_max is not None and booking.seats > rules.seats_per_booking_max:
        return BOOKING_LIMIT
    has = event.user_seats.get(booking.user_id, 0)
    if rules.seats_per_user_max is not None and has + booking.seats > rules.seats_per_user_max:
        return USER_LIMIT
    return None
