"""Bookings and events, looked up many at a time: all that is asked for at a moment is one read."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from uuid import UUID

from booking_service.box_office.places import QueuePlaces
from booking_service.domain import catalogue
from booking_service.domain.bookings import lookup
from booking_service.domain.bookings.lookup import BookingState
from booking_service.domain.catalogue import EventState
from booking_service.domain.seats.lanes import head_of_lane
from booking_service.settings import BookingSettings
from shared.database.units import Database
from shared.threads.coalesce import Coalescer

KINDS = 2  # bookings and events, each with LOOKUP_THREADS threads, which need a connection each


@dataclass(frozen=True, slots=True)
class BookingView:
    """A booking and, while it is pending, its place in the queue."""

    state: BookingState
    place: int | None = None


class Lookups:
    """Finds a booking or an event; None when there is none. Raises Unavailable or Overloaded."""

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
        self._places = QueuePlaces(self._head_of_lane)
        self.booking = self._bookings.submit
        self.event = self._events.submit

    async def close(self) -> None:
        """Answer those who wait, then let the threads go."""
        await self._bookings.close()
        await self._events.close()

    # What follows runs in threads.

    def _find_bookings(self, ids: Sequence[UUID]) -> list[BookingView | None]:
        found = self._database.read(partial(lookup.find_bookings, ids=set(ids)))
        views = {booking_id: BookingView(state, self._place(state)) for booking_id, state in found.items()}
        return [views.get(booking_id) for booking_id in ids]

    def _place(self, state: BookingState) -> int | None:
        return None if state.due_lane is None else self._places.place(state.due_lane, state.id)

    def _head_of_lane(self, lane: int, count_max: int) -> list[UUID]:
        return self._database.read(partial(head_of_lane, lane=lane, count_max=count_max))

    def _find_events(self, ids: Sequence[int]) -> list[EventState | None]:
        found = self._database.read(partial(catalogue.find_events, ids=set(ids)))
        return [found.get(event_id) for event_id in ids]
