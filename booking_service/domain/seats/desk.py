"""The desk: the events of a batch as one decision after another leaves them.

Whatever moves a booking goes through `move`, so stock, waiting list and a user's seats follow in one place.
"""

from booking_service.domain.models import (
    CANCEL_BOOKING,
    CANCELLED,
    CONFIRMED,
    COUNTED,
    DONE,
    EVENT_CANCELLED,
    EXPIRE_HOLD,
    EXPIRED,
    HELD,
    PROMOTE,
    SEAT_TAKING,
    STRICT,
    WAITLISTED,
)
from booking_service.domain.seats.situation import (
    Booked,
    Decided,
    DueChange,
    EventSeats,
    Outcome,
    Situation,
    Transition,
)


class Desk:
    """Where acts upon seats are decided, one after the other."""

    def __init__(self, situation: Situation) -> None:
        """Begin with ``situation``, whose events and bookings belong to the desk from now on."""
        self.now = situation.now
        self.events = situation.events
        self.bookings = situation.bookings
        self.chunks = situation.chunks
        self.decided = Decided([])

    def move(self, booking: Booked, status: str, *, seats: int | None = None, reason: str | None = None) -> Transition:
        """Bring ``booking`` into ``status``, with other ``seats`` where they are given."""
        event = self.events[booking.event_id]
        wanted = booking.seats if seats is None else seats
        transition = Transition(booking.id, event.id, booking.status, status, booking.seats, wanted, reason)
        event.available -= transition.seats_taken
        event.waiting += (status == WAITLISTED) - (booking.status == WAITLISTED)
        if event.rules.seats_per_user_max is not None:
            counted = wanted * (status in COUNTED) - booking.seats * (booking.status in COUNTED)
            event.user_seats[booking.user_id] = event.user_seats.get(booking.user_id, 0) + counted
        booking.status, booking.seats = status, wanted
        self.decided.transitions.append(transition)
        return transition

    def wait(self, booking: Booked) -> None:
        """Give ``booking`` a place on the waiting list."""
        self.move(booking, WAITLISTED)
        self.events[booking.event_id].queue.append(booking)

    def give(self, booking: Booked) -> Transition:
        """Give ``booking`` as many of its seats as are free; they suffice."""
        event = self.events[booking.event_id]
        status = CONFIRMED if event.rules.hold_seconds is None else HELD
        if event.waiting:
            event.promoted_to = max(event.promoted_to or b"", booking.id)
        return self.move(booking, status, seats=min(booking.seats, event.available))

    def answer(
        self, change: DueChange, outcome: str = DONE, transition: Transition | None = None, detail: int | None = None
    ) -> None:
        """Say what came of ``change``; with ``transition`` what it did to its booking."""
        self.decided.outcomes.append(_outcome(change.id, change, outcome, transition, detail))

    def answer_capacity(self, change: DueChange, event: EventSeats, capacity: int) -> None:
        """Give ``event`` another number of seats, and say so."""
        more = capacity - event.capacity
        self.decided.outcomes.append(
            _outcome(change.id, change, DONE, None, None)._replace(
                seats_before=event.capacity, seats_after=capacity, seats_taken=-more
            )
        )
        event.capacity += more
        event.available += more

    def note(self, kind: str, transition: Transition) -> None:
        """Enter what nobody asked for into the journal."""
        nobody = DueChange(b"", kind, transition.event_id, transition.id)
        self.decided.outcomes.append(_outcome(None, nobody, DONE, transition, None))

    def promote(self, event: EventSeats) -> None:
        """Give the free seats of ``event`` to those who wait, as far as its rules and the bound of a batch allow."""
        event.is_behind = False
        if event.waiting == 0 or not self._may_promote(event):
            return
        for booking in event.queue:
            if event.available == 0:
                return
            if any(seats <= event.available and last < booking.id for seats, last in event.cut.items()):
                break  # somebody who was not read stands before this one, and might be served
            if booking.status != WAITLISTED or booking.enough > event.capacity:
                continue
            if booking.enough <= event.available:
                self.note(PROMOTE, self.give(booking))
            elif event.rules.waitlist == STRICT:
                return
        event.is_behind = any(seats <= event.available for seats in event.cut) and event.available > 0

    def expire(self, booking_id: bytes) -> None:
        """End the hold of a booking that nobody confirmed in time."""
        booking = self.bookings[booking_id]
        if booking.status == HELD:  # a change may have come first
            self.note(EXPIRE_HOLD, self.move(booking, EXPIRED))
            self.promote(self.events[booking.event_id])

    def call_off(self, booking: Booked) -> int:
        """Cancel ``booking`` together with its event; return the seats that the event loses by it: 0 or below.

        The journal tells of those that had no seats; the row alone looks as if it had had some.
        """
        transition = self.move(booking, CANCELLED, reason=EVENT_CANCELLED)
        if transition.was not in SEAT_TAKING:
            self.note(CANCEL_BOOKING, transition)
        return transition.seats_taken

    def _may_promote(self, event: EventSeats) -> bool:
        rules = event.rules
        return not (event.is_suspended or rules.is_cancelled or rules.closes_at <= self.now)


def _outcome(
    change_id: bytes | None, change: DueChange, outcome: str, transition: Transition | None, detail: int | None
) -> Outcome:
    said = Outcome(change_id, change.kind, change.event_id, change.booking_id, outcome, detail)
    if transition is None:
        return said
    return said._replace(
        status_before=transition.was,
        status_after=transition.status,
        seats_before=transition.seats_was,
        seats_after=transition.seats,
        seats_taken=transition.seats_taken,
    )
