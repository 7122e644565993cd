"""Was everything right at its turn? Each event is decided again, act by act, and compared with what is stored.

All that was decided in one batch has one moment, by the database's clock, read under the lock; so the order of the
moments is that of the batches. Within a batch come changes in their steps, then first decisions in the order of ids.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from booking_service.domain.models import (
    CANCEL_EVENT,
    CONFIRM_HOLD,
    DONE,
    EXPIRE_HOLD,
    EXPIRED,
    HELD,
    HOLD_EXPIRED,
    PENDING,
    PROMOTE,
    RESUME_WAITLIST,
    SEAT_TAKING,
    SET_CAPACITY,
    SUSPEND_WAITLIST,
    USER_LIMIT,
)
from tests.faults.campaign.model import Booked, EventModel, Outcome
from tests.faults.campaign.stored import ChangeRow, EventRow, Row, Stored
from tests.faults.campaign.story import Story, in_order
from tests.faults.campaign.verdict import Breach, Promise

# The arrows of `models.py`; whatever is active may have other seats, too.
ARROWS = {
    "pending": {"pending", "confirmed", "held", "waitlisted", "rejected", "cancelled"},
    "held": {"held", "confirmed", "expired", "cancelled"},
    "waitlisted": {"waitlisted", "confirmed", "held", "cancelled"},
    "confirmed": {"confirmed", "cancelled"},
}
# The door of an event that is called off closes a moment after it was asked for: clocks are read in two processes.
SAME_TIME_SECONDS = 0.05


class Item(NamedTuple):
    """One decision: a change, or a booking's first."""

    order: tuple[float, bool, int, str]
    change: ChangeRow | None
    row: Row | None

    @property
    def at(self) -> float:
        """The moment of its batch."""
        return self.order[0]


def misdecided(stored: Stored, told: Mapping[str, Story], called_off: Mapping[int, float]) -> Iterator[Breach]:
    """Find, of each event, the first decision that should have been another.

    ``called_off`` says from when an event may have been called off. No row tells when each batch knew of it, so from
    then on only its seats are counted.
    """
    rows: dict[int, list[Row]] = defaultdict(list)
    changes: dict[int, list[ChangeRow]] = defaultdict(list)
    for row in stored.rows:
        rows[row.event_id].append(row)
    for change in stored.changes:
        if change.done_at is not None:
            changes[change.event_id].append(change)
    for event in stored.events:
        of_event = {row.booking_id: told[row.booking_id] for row in rows[event.event_id]}
        closed_at = called_off.get(event.event_id, float("inf")) - SAME_TIME_SECONDS
        yield from _Replay(event, of_event, sorted(changes[event.event_id], key=in_order), closed_at).run()


def _asked_for(story: Story) -> Booked:
    row = story.row
    return Booked(row.booking_id, row.user, story.wanted, row.seats_min)


class _Replay:
    def __init__(
        self, event: EventRow, told: Mapping[str, Story], changes: Sequence[ChangeRow], closed_at: float
    ) -> None:
        capacities = [c.seats_before for c in changes if c.kind == SET_CAPACITY and c.seats_before is not None]
        self._event = event
        self._told = told
        self._changes = changes
        self._closed_at = closed_at
        self._model = EventModel(event, capacities[0] if capacities else event.capacity)
        self._bookings = {booking_id: _asked_for(story) for booking_id, story in told.items()}
        self._is_over = False  # called off to the last booking

    def run(self) -> Iterator[Breach]:
        for item in self._items():
            step = self._after_the_end if item.at >= self._closed_at else self._step
            if breach := step(item) or self._out_of_bounds(item):
                yield breach
                return  # what comes after it may follow from it
        yield from self._at_last()

    def _items(self) -> list[Item]:
        items = [Item((c.done_at or 0.0, False, c.step or 0, ""), c, None) for c in self._changes]
        for booking_id, story in self._told.items():
            if story.row.settled_at is not None and not story.is_cancelled_undecided:
                items.append(Item((story.row.settled_at, True, 0, booking_id), None, story.row))
        return sorted(items, key=lambda item: item.order)

    def _step(self, item: Item) -> Breach | None:
        turn = self._model.next_promoted()
        change = item.change
        is_promotion = change is not None and change.kind == PROMOTE and change.booking_id is not None
        if turn is not None or is_promotion:
            return self._promotion(turn, item)
        if change is not None:
            return self._expiry(change, item) if change.kind == EXPIRE_HOLD else self._change(change, item)
        return self._first(item)

    def _promotion(self, turn: tuple[Booked, str, int] | None, item: Item) -> Breach | None:
        change = item.change
        expected = None if turn is None else (PROMOTE, turn[0].booking_id, *turn[1:])
        if change is None or (change.kind, change.booking_id, change.status_after, change.seats_after) != expected:
            return Breach(Promise.TURN, f"next was {expected}, not {change or item.row}")
        self._follow(change, item.at)
        return None

    def _expiry(self, change: ChangeRow, item: Item) -> Breach | None:
        booking = self._bookings.get(change.booking_id or "")
        has_ended = booking is not None and booking.status == HELD and (booking.ends_at or 0) <= item.at
        if not has_ended or change.status_after != EXPIRED:
            return Breach(Promise.HOLD, f"{change} ended {booking}")
        self._follow(change, item.at)
        return None

    def _change(self, change: ChangeRow, item: Item) -> Breach | None:
        booking = self._bookings.get(change.booking_id or "")
        right = self._model.outcome(change, booking, item.at)
        was = Outcome(
            change.outcome or "",
            (change.status_before, change.seats_before),
            (change.status_after, change.seats_after),
            change.seats_taken or 0,
        )
        if was != right:
            return Breach(self._broken(change, was, right, booking), f"{change}, not {right}")
        if change.kind in {SUSPEND_WAITLIST, RESUME_WAITLIST}:
            self._model.is_suspended = change.kind == SUSPEND_WAITLIST
        self._follow(change, item.at)
        return None

    @staticmethod
    def _broken(change: ChangeRow, was: Outcome, right: Outcome, booking: Booked | None) -> Promise:
        if booking is not None and change.status_before is not None:
            left_off = was.before != (booking.status, booking.seats)
            if left_off or change.status_after not in ARROWS.get(change.status_before, ()):
                return Promise.ARROWS
        if was.outcome == DONE and right.outcome == USER_LIMIT:
            return Promise.LIMIT
        if was.outcome == DONE and change.kind == CONFIRM_HOLD and right.outcome == HOLD_EXPIRED:
            return Promise.HOLD
        return Promise.SEATS if was.outcome == DONE == right.outcome else Promise.CHANGED

    def _first(self, item: Item) -> Breach | None:
        story = self._told[item.order[-1]]
        booking = self._bookings[item.order[-1]]
        right = self._model.booked(booking)
        was = story.first
        if booking.status != PENDING:
            return Breach(Promise.ARROWS, f"{booking} was decided again: {story.row}")
        if was not in {None, right}:
            is_over_limit = right.reason == USER_LIMIT and was is not None and was.status != right.status
            return Breach(Promise.LIMIT if is_over_limit else Promise.FAIR, f"{story.row} was {was}, not {right}")
        self._model.move(booking, right.status, right.seats, item.at)
        return None

    def _follow(self, change: ChangeRow, at: float) -> None:
        """Do what is stored."""
        booking = self._bookings.get(change.booking_id or "")
        if booking is not None and change.status_after is not None:
            self._model.move(booking, change.status_after, change.seats_after or 0, at)
        elif change.kind == SET_CAPACITY and change.outcome == DONE and change.seats_after is not None:
            self._model.set_capacity(change.seats_after)

    def _after_the_end(self, item: Item) -> Breach | None:
        change = item.change
        before = self._model.available
        if change is not None:
            booking = self._bookings.get(change.booking_id or "")
            if booking is not None and change.status_before not in {None, booking.status}:
                return Breach(Promise.ARROWS, f"{change} of {booking}")
            self._follow(change, item.at)
        elif first := self._told[item.order[-1]].first:
            self._model.move(self._bookings[item.order[-1]], first.status, first.seats, item.at)
        if self._is_over and self._model.available < before:
            return Breach(Promise.FAIR, f"{change or item.row} got seats of an event that was cancelled")
        self._is_over |= change is not None and change.kind == CANCEL_EVENT and change.outcome == DONE
        return None

    def _out_of_bounds(self, item: Item) -> Breach | None:
        if 0 <= self._model.available <= self._model.capacity:
            return None
        return Breach(Promise.SEATS, f"{self._model.available} of {self._model.capacity} were free after {item}")

    def _at_last(self) -> Iterator[Breach]:
        if (turn := self._model.next_promoted()) and self._closed_at == float("inf"):
            yield Breach(Promise.TURN, f"{turn} was next, and was never promoted")
        freed = [-(c.seats_taken or 0) for c in self._changes if c.kind == CANCEL_EVENT and c.outcome == DONE]
        given = 0
        for booking_id, booking in self._bookings.items():
            story = self._told[booking_id]
            if story.is_called_off:
                given += booking.seats if booking.status in SEAT_TAKING else 0
            elif (booking.status, booking.seats) != (story.row.status, story.row.seats) and story.row.settled_at:
                yield Breach(Promise.ARROWS, f"{story.row} was left as {booking}")
        if freed and sum(freed) != given:
            yield Breach(Promise.SEATS, f"{freed} were freed of {given} when {self._event} was called off")
