"""What each kind of change does: one function each, and its line in OF_BOOKINGS or OF_EVENTS."""

from collections.abc import Callable, Mapping
from datetime import datetime

from booking_service.domain.bookings.ids import made_at
from booking_service.domain.models import (
    ACTIVE,
    BOOKING_LIMIT,
    CANCEL_BOOKING,
    CANCEL_EVENT,
    CANCELLED,
    CAPACITY_TAKEN,
    CONFIRM_HOLD,
    CONFIRMED,
    EVENT_CANCELLED,
    EXPIRED,
    HELD,
    HOLD_EXPIRED,
    NOT_ACTIVE,
    NOT_HELD,
    NOT_UNDERSTOOD,
    PENDING,
    PROMOTE,
    RESUME_WAITLIST,
    SALES_CLOSED,
    SET_CAPACITY,
    SET_SEATS,
    SOLD_OUT,
    SUSPEND_WAITLIST,
    TOO_LATE,
    USER_LIMIT,
    WAITLISTED,
)
from booking_service.domain.seats.desk import Desk
from booking_service.domain.seats.situation import Booked, DueChange, EventSeats, Progress

EventAct = Callable[[Desk, DueChange, EventSeats], None]
BookingAct = Callable[[Desk, DueChange, EventSeats, Booked], None]


def _cancel_booking(desk: Desk, change: DueChange, event: EventSeats, booking: Booked) -> None:
    """Cancel a booking. After `cancel_until` a confirmed one stays, unless the change says that it does not count."""
    until = event.rules.cancel_until
    if booking.status == CANCELLED:
        desk.answer(change)
    elif booking.status not in ACTIVE:
        desk.answer(change, NOT_ACTIVE)
    elif booking.status == CONFIRMED and until is not None and made_at(change.id) >= until and not change.argument:
        desk.answer(change, TOO_LATE)
    else:
        desk.answer(change, transition=desk.move(booking, CANCELLED))
        desk.promote(event)


def _confirm_hold(desk: Desk, change: DueChange, event: EventSeats, booking: Booked) -> None:
    """Confirm a hold that has not ended by the database's clock."""
    if booking.status == CONFIRMED:
        desk.answer(change)
    elif event.rules.is_cancelled:
        desk.answer(change, EVENT_CANCELLED)
    elif booking.status == EXPIRED:
        desk.answer(change, HOLD_EXPIRED)
    elif booking.status != HELD:
        desk.answer(change, NOT_HELD)
    elif booking.expires_at is not None and booking.expires_at <= desk.now:
        desk.answer(change, HOLD_EXPIRED)
    else:
        desk.answer(change, transition=desk.move(booking, CONFIRMED))


def _set_seats(desk: Desk, change: DueChange, event: EventSeats, booking: Booked) -> None:
    """Change how many seats a booking has, or waits for: fewer always, more if they are free and allowed."""
    seats = change.argument or booking.seats
    if refusal := _why_not(booking, event, seats, made_at(change.id)):
        desk.answer(change, refusal)
        return
    transition = desk.move(booking, booking.status, seats=seats) if seats != booking.seats else None
    desk.answer(change, transition=transition)
    desk.promote(event)


def _why_not(booking: Booked, event: EventSeats, seats: int, moment: datetime) -> str | None:
    more = seats - booking.seats
    if event.rules.is_cancelled:
        return EVENT_CANCELLED
    if booking.status not in ACTIVE:
        return NOT_ACTIVE
    # A pending one is decided in its turn, limits included.
    return None if more <= 0 or booking.status == PENDING else _why_not_more(booking, event, more, moment)


def _why_not_more(booking: Booked, event: EventSeats, more: int, moment: datetime) -> str | None:
    rules = event.rules
    if moment >= rules.closes_at:
        return SALES_CLOSED
    if rules.seats_per_booking_max is not None and booking.seats + more > rules.seats_per_booking_max:
        return BOOKING_LIMIT
    if rules.seats_per_user_max is not None and event.user_seats[booking.user_id] + more > rules.seats_per_user_max:
        return USER_LIMIT
    # Nobody who waits is overtaken: what is free then is what none of them can use.
    return SOLD_OUT if booking.status == WAITLISTED or more > event.free_for_others else None


def _set_capacity(desk: Desk, change: DueChange, event: EventSeats) -> None:
    """Give an event more seats, which those who wait get first, or fewer, never below what is held and confirmed."""
    capacity = event.capacity if change.argument is None else change.argument
    if event.rules.is_cancelled:
        desk.answer(change, EVENT_CANCELLED)
    elif capacity < event.taken:
        desk.answer(change, CAPACITY_TAKEN, detail=event.taken)
    else:
        desk.answer_capacity(change, event, capacity)
        desk.promote(event)


def _suspend_waitlist(desk: Desk, change: DueChange, event: EventSeats) -> None:
    _set_suspended(desk, change, event, is_suspended=True)


def _resume_waitlist(desk: Desk, change: DueChange, event: EventSeats) -> None:
    _set_suspended(desk, change, event, is_suspended=False)


def _set_suspended(desk: Desk, change: DueChange, event: EventSeats, *, is_suspended: bool) -> None:
    if event.rules.is_cancelled:
        desk.answer(change, EVENT_CANCELLED)
        return
    event.is_suspended = is_suspended
    desk.answer(change)
    desk.promote(event)


def _promote(desk: Desk, change: DueChange, event: EventSeats) -> None:
    """Go on with promotions that were too many for one batch."""
    desk.promote(event)
    if not event.is_behind:
        desk.answer(change)


def _cancel_event(desk: Desk, change: DueChange, event: EventSeats) -> None:
    """Cancel the next bookings of an event that is called off, and stay due until there are none left."""
    chunk = desk.chunks[change.id]
    if not event.rules.is_cancelled:
        event.rules = event.rules._replace(cancelled_at=desk.now)
    taken = 0
    for booking_id in chunk.bookings:
        booking = desk.bookings[booking_id]
        if booking.status in ACTIVE:
            taken += desk.call_off(booking)
    if chunk.bookings:
        desk.decided.progress.append(Progress(change.id, chunk.bookings[-1], taken))
    if chunk.is_last:
        event.is_cancelled = True
        desk.answer(change)


OF_BOOKINGS: Mapping[str, BookingAct] = {
    CANCEL_BOOKING: _cancel_booking,
    CONFIRM_HOLD: _confirm_hold,
    SET_SEATS: _set_seats,
}
OF_EVENTS: Mapping[str, EventAct] = {
    SET_CAPACITY: _set_capacity,
    SUSPEND_WAITLIST: _suspend_waitlist,
    RESUME_WAITLIST: _resume_waitlist,
    PROMOTE: _promote,
    CANCEL_EVENT: _cancel_event,
}


def act(desk: Desk, change: DueChange) -> None:
    """Do what ``change`` asks for, and say what came of it."""
    event, booking = desk.events[change.event_id], desk.bookings.get(change.booking_id or b"")
    if change.kind in OF_EVENTS:
        OF_EVENTS[change.kind](desk, change, event)
    elif change.kind in OF_BOOKINGS and booking is not None:
        OF_BOOKINGS[change.kind](desk, change, event, booking)
    else:  # of a newer version, or of a booking that is gone: it must not hold up the lane for ever
        desk.answer(change, NOT_UNDERSTOOD)
