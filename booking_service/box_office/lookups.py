"""Bookings, events and changes, looked up many at a time: all that is asked for at a moment is one read."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import islice
from uuid import UUID

from booking_service.box_office.places import QueuePlaces, WaitingPlaces
from booking_service.domain import catalogue
from booking_service.domain.bookings import lookup
from booking_service.domain.bookings.lookup import BookingState
from booking_service.domain.catalogue import EventState
from booking_service.domain.changes.lookup import ChangeState, find_changes
from booking_service.domain.models import HELD, WAITLISTED
from booking_service.domain.seats.lanes import head_of_lane
from booking_service.settings import BookingSettings
from shared.database.units import Database
from shared.threads.coalesce import Coalescer

WAITING_LISTS_MAX = 3  # that are read for one page of bookings
KINDS = 3  # bookings, events and changes, each with LOOKUP_THREADS threads, which need a connection each


@dataclass(frozen=True, slots=True)
class BookingView:
    """A booking and what else there is to show of it.

    That is, while it is pending its place in the queue, while it is held until when, and while it waits for seats its
    place on the list, and why somebody behind it was served first.
    """

    state: BookingState
    place: int | None = None
    expires_at: datetime | None = None
    waitlist_position: int | None = None
    waitlist_skipped: str | None = None


class Lookups:
    """Finds a booking, an event or a change; None when there is none. Raises Unavailable or Overloaded."""

    def __init__(self, database: Database, settings: BookingSettings) -> None:
        """Read from ``database``, which belongs to the caller."""
        self._database = database
        coalescer = partial(
            Coalescer,
            threads=settings.lookup_threads,
            batch_max=settings.lookup_batch_max,
            queue_max=settings.lookup_queue_max,
        )
        self._bookings: Coalescer[UUID, BookingView | None] = coalescer(self._find_bookings, name="bookings")
        self._events: Coalescer[int, EventState | None] = coalescer(self._find_events, name="events")
        self._changes: Coalescer[UUID, ChangeState | None] = coalescer(self._find_changes, name="changes")
        self._places = QueuePlaces(self._head_of_lane)
        self._waiting = WaitingPlaces(self._head_of_waiting_list)
        self.booking = self._bookings.submit
        self.event = self._events.submit
        self.change = self._changes.submit

    async def close(self) -> None:
        """Answer those who wait, then let the threads go."""
        for coalescer in (self._bookings, self._events, self._changes):
            await coalescer.close()

    # What follows runs in threads.

    def views(self, states: Iterable[BookingState]) -> list[BookingView]:
        """Add to a list of bookings, in its order, what is shown of each besides its row.

        Places are told on the waiting lists of the first WAITING_LISTS_MAX events: a page may have one of each event.
        """
        found = {state.id: state for state in states}
        expiries = self._expiries(found)
        waiting = dict.fromkeys(state.event_id for state in found.values() if state.status == WAITLISTED)
        untold = set(islice(waiting, WAITING_LISTS_MAX, None))
        return [
            BookingView(state)
            if state.status == WAITLISTED and state.event_id in untold
            else self._view(state, expiries.get(booking_id))
            for booking_id, state in found.items()
        ]

    def _find_bookings(self, ids: Sequence[UUID]) -> list[BookingView | None]:
        found = self._database.read(partial(lookup.find_bookings, ids=set(ids)))
        expiries = self._expiries(found)
        views = {booking_id: self._view(state, expiries.get(booking_id)) for booking_id, state in found.items()}
        return [views.get(booking_id) for booking_id in ids]

    def _expiries(self, found: dict[UUID, BookingState]) -> dict[UUID, datetime]:
        """Look until when those of ``found`` are held that are; what is not any more is found anew."""
        held = [booking_id for booking_id, state in found.items() if state.status == HELD]
        if not held:
            return {}
        expiries = self._database.read(partial(lookup.find_expiries, ids=held))
        if gone := set(held).difference(expiries):
            found.update(self._database.read(partial(lookup.find_bookings, ids=gone)))
        return expiries

    def _view(self, state: BookingState, expires_at: datetime | None) -> BookingView:
        if state.status == WAITLISTED:
            position, skipped = self._waiting.place(state.event_id, state.id)
            return BookingView(state, waitlist_position=position, waitlist_skipped=skipped)
        place = None if state.due_lane is None else self._places.place(state.due_lane, state.id)
        return BookingView(state, place, expires_at)

    def _head_of_lane(self, lane: int, count_max: int) -> list[UUID]:
        return self._database.read(partial(head_of_lane, lane=lane, count_max=count_max))

    def _head_of_waiting_list(self, event_id: int, count_max: int) -> list[tuple[bytes, str | None]]:
        return self._database.read(partial(lookup.head_of_waiting_list, event_id=event_id, count_max=count_max))

    def _find_events(self, ids: Sequence[int]) -> list[EventState | None]:
        found = self._database.read(partial(catalogue.find_events, ids=set(ids)))
        return [found.get(event_id) for event_id in ids]

    def _find_changes(self, ids: Sequence[UUID]) -> list[ChangeState | None]:
        found = self._database.read(partial(find_changes, ids=set(ids)))
        return [found.get(change_id) for change_id in ids]
