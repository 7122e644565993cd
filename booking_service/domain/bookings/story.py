"""The story of a booking: what happened to it and when, told from the rows that made it so."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Connection, select

from booking_service.domain import journal
from booking_service.domain.bookings.lookup import COLUMNS, BookingState, is_visible
from booking_service.domain.errors import BookingNotFound
from booking_service.domain.journal import DEEDS, Entry, Standing, first_decision
from booking_service.domain.models import (
    CANCEL_BOOKING,
    CANCEL_EVENT,
    CANCELLED,
    CONFIRM_HOLD,
    DONE,
    EVENT_CANCELLED,
    NOT_ACTIVE,
    PENDING,
    SEAT_TAKING,
    SET_SEATS,
    Booking,
    Event,
)
from shared.identity.tokens import Principal

ENTRIES_MAX = 1_000  # that one story tells of; a last line says when there were more

REQUESTED, DECIDED, UNCHANGED, MORE = "requested", "decided", "unchanged", "more"
ASKED = {CANCEL_BOOKING: "cancellation_asked", CONFIRM_HOLD: "confirmation_asked", SET_SEATS: "seats_asked"}
REFUSED = {CANCEL_BOOKING: "cancellation_refused", CONFIRM_HOLD: "confirmation_refused", SET_SEATS: "seats_refused"}


class Line(NamedTuple):
    """One thing that happened: what the booking was after it, why where there is a reason, and by whose wish."""

    at: datetime
    what: str
    status: str
    seats: int | None  # of the booking; in a wish for other seats, those
    reason: str | None = None
    by: int | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """The rows that a story is told from."""

    booking: BookingState
    seats_min: int | None
    entries: Sequence[Entry]  # in the order of decision, those that are due at the end
    telling: Entry | None  # of all there are: see `journal.telling_entry`
    has_holds: bool  # whether the event gives holds
    calling_off: Entry | None = None  # the change that called the event off, for a booking that ended by it
    is_cut: bool = False  # whether there are more entries than these


def find_story(connection: Connection, booking_id: UUID, viewer: Principal) -> list[Line]:
    """Tell the story of a booking to its owner, or to who may see all. Raises BookingNotFound."""
    row = connection.execute(
        select(*COLUMNS, Booking.seats_min, Event.hold_seconds)
        .join(Event, Event.id == Booking.event_id)
        .where(Booking.id == booking_id)
    ).one_or_none()
    if row is None or not is_visible(booking := BookingState(*row[: len(COLUMNS)]), viewer):
        raise BookingNotFound
    entries = journal.entries_of_booking(connection, booking_id, ENTRIES_MAX + 1)
    ended_by_event = booking.reason == EVENT_CANCELLED
    evidence = Evidence(
        booking=booking,
        seats_min=row.seats_min,
        entries=entries[:ENTRIES_MAX],
        telling=journal.telling_entries(connection, [booking_id]).get(booking_id),
        has_holds=row.hold_seconds is not None,
        calling_off=journal.calling_off(connection, booking.event_id) if ended_by_event else None,
        is_cut=len(entries) > ENTRIES_MAX,
    )
    return tell(evidence)


def tell(evidence: Evidence) -> list[Line]:
    """Tell what happened, the oldest first: pure.

    The order is that in which it was decided, whatever the clocks say that wrote the moments. A wish stands where its
    moment belongs, and before what came of it.
    """
    booking = evidence.booking
    now = Standing(booking.status, booking.seats)
    first = first_decision(now, booking.reason, evidence.telling, has_holds=evidence.has_holds)
    done = [entry for entry in evidence.entries if entry.done_at is not None]
    turn = None if first is None else _turn(booking, done)
    telling = _Telling(evidence, _asked_for(evidence, first))
    for place, entry in enumerate(done):
        if place == turn:
            telling.decide(first)
        telling.act(entry)
    if turn == len(done):
        telling.decide(first)
    telling.end(now)
    return telling.lines


class _Telling:
    """A story on its way: what was told, and how the booking stands at that point."""

    def __init__(self, evidence: Evidence, asked_for: int | None) -> None:
        booking = evidence.booking
        self._booking, self._evidence = booking, evidence
        self._standing = Standing(PENDING, booking.seats if asked_for is None else asked_for)
        wishes = [entry for entry in evidence.entries if entry.requested_by is not None and entry.kind in ASKED]
        self._wishes = sorted(wishes, key=lambda entry: entry.created_at)
        self.lines = [Line(booking.created_at, REQUESTED, PENDING, asked_for, by=booking.user_id)]

    def decide(self, first: Standing | None) -> None:
        """Tell the first decision."""
        at = self._booking.settled_at
        if first is None or at is None:
            return
        self._wish_until(at)
        self._standing = first
        self._say(at, DECIDED, self._booking.reason if first.status == self._booking.status else None)

    def act(self, entry: Entry) -> None:
        """Tell what came of an entry that is done, and before it that it was asked for."""
        at = entry.done_at or entry.created_at
        if self._is_called_off_before(entry, at):
            self._end_with_event(until=at)
        self._wish_until(at, own=entry)
        self._standing = Standing(
            entry.status_after or self._standing.status, entry.seats_after or self._standing.seats
        )
        if entry.outcome != DONE:
            self._say(at, REFUSED.get(entry.kind, entry.kind), entry.outcome, entry.requested_by)
        elif not entry.has_moved:
            self._say(at, UNCHANGED, by=entry.requested_by)
        elif entry.kind == CANCEL_BOOKING and entry.requested_by is None:
            # Written for those that had no seat when their event was called off.
            self._say_called_off(at)
        else:
            self._say(at, DEEDS[entry.kind], by=entry.requested_by)

    def end(self, now: Standing) -> None:
        """Tell what no entry tells: the end by the event, what is asked for and not done, and that there was more."""
        ever = datetime.max.replace(tzinfo=UTC)
        if not self._evidence.is_cut:
            self._end_with_event(until=ever)
        self._wish_until(ever)
        if self._evidence.is_cut:
            self._standing = now
            self._say(self.lines[-1].at, MORE, self._booking.reason)

    def _is_called_off_before(self, entry: Entry, at: datetime) -> bool:
        """Tell whether the event was called off before ``entry``, which found nothing to do any more."""
        event = self._evidence.calling_off
        if event is None or entry.has_moved:
            return False
        found_cancelled = entry.outcome == NOT_ACTIVE or (entry.kind, entry.outcome) == (CANCEL_BOOKING, DONE)
        return found_cancelled or (event.done_at is not None and event.done_at < at)

    def _end_with_event(self, until: datetime) -> None:
        event = self._evidence.calling_off
        if event is None or self._standing.status == CANCELLED:
            return
        # While it is being called off, nothing is known but when that was asked for.
        at = min(event.done_at or event.created_at, until)
        self._wish_until(at)
        self._standing = self._standing._replace(status=CANCELLED)
        self._say_called_off(at)

    def _say_called_off(self, at: datetime) -> None:
        event = self._evidence.calling_off
        self._say(at, DEEDS[CANCEL_EVENT], EVENT_CANCELLED, None if event is None else event.requested_by)

    def _wish_until(self, moment: datetime, own: Entry | None = None) -> None:
        """Tell the wishes that came until ``moment``, and the one whose outcome is told next."""
        told = [wish for wish in self._wishes if wish is own or wish.created_at <= moment]
        self._wishes = [wish for wish in self._wishes if wish not in told]
        for wish in told:
            seats = wish.argument if wish.kind == SET_SEATS else self._standing.seats
            self.lines.append(
                Line(wish.created_at, ASKED[wish.kind], self._standing.status, seats, by=wish.requested_by)
            )

    def _say(self, at: datetime, what: str, reason: str | None = None, by: int | None = None) -> None:
        self.lines.append(Line(at, what, *self._standing, reason, by))


def _turn(booking: BookingState, done: Sequence[Entry]) -> int:
    """Find the place of the first decision among what was done.

    It is behind all that found the booking pending, and before all that found it decided. Of those that found nothing
    to do, their moments tell; within a batch changes go first.
    """
    found_pending = [place for place, entry in enumerate(done) if entry.status_before == PENDING]
    place = found_pending[-1] + 1 if found_pending else 0
    while place < len(done) and not done[place].has_moved and _is_until(done[place].done_at, booking.settled_at):
        place += 1
    return place


def _is_until(moment: datetime | None, settled_at: datetime | None) -> bool:
    return moment is not None and settled_at is not None and moment <= settled_at


def _asked_for(evidence: Evidence, first: Standing | None) -> int | None:
    """Tell how many seats were asked for; None when nobody wrote it down, because fewer would do."""
    found_pending = [entry for entry in evidence.entries if entry.status_before == PENDING]
    if found_pending:
        return found_pending[0].seats_before
    if first is None:
        return evidence.booking.seats
    return None if evidence.seats_min is not None and first.status in SEAT_TAKING else first.seats
