"""The path of a booking through one API process: shield, intake, wake-up, and reading what became of it."""

import asyncio
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar
from uuid import UUID

from sqlalchemy import Connection

from booking_service.box_office.places import QueuePlaces
from booking_service.box_office.shield import EventCache
from booking_service.domain import catalogue
from booking_service.domain.bookings import intake, lookup
from booking_service.domain.bookings.ids import new_id
from booking_service.domain.bookings.intake import NewBooking
from booking_service.domain.bookings.lookup import BookingState
from booking_service.domain.catalogue import EventState, NewEvent
from booking_service.domain.errors import BookingNotFound, EventInThePast, EventNotFound, SalesClosed, SoldOut
from booking_service.settings import BookingSettings
from shared.clock import utc_now
from shared.database.units import Database
from shared.errors import Conflict, InvalidInput, Problem
from shared.identity.tokens import Principal
from shared.queue import Waker
from shared.threads.coalesce import Coalescer
from shared.threads.offload import BoundedExecutor

POLL_SECONDS_FIRST = 0.02
POLL_SECONDS_MAX = 0.25
POLL_GROWTH = 1.5

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class BookingView:
    """A booking and, while it is pending, its place in the queue."""

    state: BookingState
    place: int | None = None


class BoxOffice:
    """Sells seats: everything that a route needs, in a few calls."""

    def __init__(self, database: Database, waker: Waker, settings: BookingSettings, stopping: asyncio.Event) -> None:
        """Write to ``database`` and wake lanes with ``waker``, both of which belong to the caller.

        Once ``stopping`` is set, nobody waits for a decision any longer.
        """
        self._database = database
        self._waker = waker
        self._settings = settings
        self._executor = BoundedExecutor(
            name="database", threads=settings.database_threads, queue_max=settings.database_queue_max
        )
        self._intake: Coalescer[NewBooking, BookingState] = Coalescer(
            self._accept,
            name="intake",
            threads=settings.intake_threads,
            batch_max=settings.intake_batch_max,
            queue_max=settings.intake_queue_max,
        )
        lookups = partial(
            Coalescer,
            threads=settings.lookup_threads,
            batch_max=settings.lookup_batch_max,
            queue_max=settings.lookup_queue_max,
        )
        self._bookings: Coalescer[UUID, BookingView | None] = lookups(self._find_bookings, name="bookings")
        self._events: Coalescer[int, EventState | None] = lookups(self._find_events, name="events")
        self._places = QueuePlaces(self._head_of_lane)
        self._cache = EventCache(
            self._events.submit,
            self._find_full,
            size_max=settings.event_cache_max,
            refresh_seconds=settings.sold_out_refresh_seconds,
        )
        self._stopping = stopping
        self._refresher: asyncio.Task[None] | None = None

    def open(self) -> None:
        """Start what runs in the background. Call it on the event loop."""
        self._refresher = asyncio.create_task(self._cache.keep_fresh())

    async def close(self) -> None:
        """Finish what was accepted, then end all threads."""
        self._stopping.set()
        if self._refresher is not None:
            self._refresher.cancel()
        for coalescer in (self._intake, self._bookings, self._events):
            await coalescer.close()
        self._executor.close()

    async def book(self, user: Principal, event_id: int, seats: int, idempotency_key: str | None) -> BookingState:
        """Accept a booking durably and have its lane woken.

        With the ``idempotency_key`` of an earlier booking, return that one. Raises EventNotFound, SalesClosed,
        SoldOut, IdempotencyKeyReused, InvalidInput for too many seats, Unavailable or Overloaded.
        """
        if seats > self._settings.seats_per_booking_max:
            message = f"At most {self._settings.seats_per_booking_max} seats can be booked at once."
            raise InvalidInput.at("#/query/seats", message)
        event, now = await self._cache.get(event_id), utc_now()
        refusal = SalesClosed if event.starts_at <= now else SoldOut if event.is_full else None
        if refusal is not None:
            if idempotency_key is None:
                raise refusal
            return await self._repeated_or(refusal, user, event_id, seats, idempotency_key)
        return await self._intake.submit(
            NewBooking(new_id(), event_id, user.uid, seats, event.lane, idempotency_key, now)
        )

    async def booking(self, user: Principal, booking_id: UUID, wait_seconds: float = 0) -> BookingView:
        """Return a booking of ``user`` (an admin sees all), waiting up to ``wait_seconds`` for its decision.

        Raises BookingNotFound, Unavailable or Overloaded.
        """
        deadline = time.monotonic() + wait_seconds
        pause = POLL_SECONDS_FIRST
        while True:
            view = await self._bookings.submit(booking_id)
            if view is None or (view.state.user_id != user.uid and user.role != "admin"):
                raise BookingNotFound
            left = deadline - time.monotonic()
            if not view.state.is_pending or left <= 0:
                return view
            await asyncio.sleep(min(pause, left))
            if self._stopping.is_set():
                return view  # as of a moment ago: there may be no thread left to look again
            pause = min(pause * POLL_GROWTH, POLL_SECONDS_MAX)

    async def create_event(self, new: NewEvent, *, allow_past: bool = False) -> EventState:
        """Store an event. Raises EventInThePast unless ``allow_past``, Unavailable or Overloaded."""
        now = utc_now()
        if new.starts_at <= now and not allow_past:
            raise EventInThePast
        create = partial(catalogue.create_event, new=new, lanes=self._settings.lanes, now=now)
        return await self._executor.run(partial(self._database.write, create, repeat_lost=False))

    async def event(self, event_id: int) -> EventState:
        """Return an event with the seats it has now. Raises EventNotFound, Unavailable or Overloaded."""
        event = await self._events.submit(event_id)
        if event is None:
            raise EventNotFound
        return event

    async def events(self, *, after_id: int, count_max: int) -> list[EventState]:
        """Return a page of events. Raises Unavailable or Overloaded."""
        return await self._read(partial(catalogue.list_events, after_id=after_id, count_max=count_max))

    async def ping(self) -> None:
        """Ask the database for a sign of life. Raises Unavailable or Overloaded."""
        await self._read(lambda connection: connection.exec_driver_sql("SELECT 1").scalar())

    async def _repeated_or(
        self, refusal: type[Conflict], user: Principal, event_id: int, seats: int, idempotency_key: str
    ) -> BookingState:
        # A client that repeats a request gets the first answer, whatever has become of the event since.
        find = partial(intake.find_by_key, user_id=user.uid, idempotency_key=idempotency_key)
        stored = await self._read(find)
        if stored is not None:
            return intake.same_request(stored, event_id, seats)
        raise refusal

    async def _read(self, work: Callable[[Connection], Result]) -> Result:
        return await self._executor.run(partial(self._database.read, work))

    async def _find_full(self, event_ids: Collection[int]) -> set[int]:
        return await self._read(partial(catalogue.full_events, ids=event_ids))

    # What follows runs in threads.

    def _accept(self, batch: Sequence[NewBooking]) -> list[BookingState | Problem]:
        answers = self._database.write(partial(intake.accept, batch=batch), repeat_lost=True)
        # After the commit, and before anybody hears of it.
        self._waker.wake({a.due_lane for a in answers if isinstance(a, BookingState) and a.due_lane is not None})
        return answers

    def _find_bookings(self, ids: Sequence[UUID]) -> list[BookingView | None]:
        found = self._database.read(partial(lookup.find_bookings, ids=set(ids)))
        views = {booking_id: BookingView(state, self._place(state)) for booking_id, state in found.items()}
        return [views.get(booking_id) for booking_id in ids]

    def _place(self, state: BookingState) -> int | None:
        return None if state.due_lane is None else self._places.place(state.due_lane, state.id)

    def _head_of_lane(self, lane: int, count_max: int) -> list[UUID]:
        return self._database.read(partial(lookup.head_of_lane, lane=lane, count_max=count_max))

    def _find_events(self, ids: Sequence[int]) -> list[EventState | None]:
        found = self._database.read(partial(catalogue.find_events, ids=set(ids)))
        return [found.get(event_id) for event_id in ids]
