"""What a process remembers of events: lane and begin, which never change, and whether they are full, for a moment.

This is the shield: a full event is refused without writing anything. Knowledge that an event is full is
refreshed in the background and forgotten when the database does not answer, so it is as old as one refresh takes, and
no older than the database's timeouts allow that to be.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from booking_service.domain import catalogue
from booking_service.domain.catalogue import EventState
from booking_service.domain.errors import EventNotFound
from booking_service.settings import BookingSettings
from shared.database.calls import DatabaseCalls

REFRESH_IDS_MAX = 1_000  # in one statement
# Since it was last asked for: an event that is not full is looked at until its last bookings are settled, one that is
# full for longer, because the next to ask is then answered without a write.
WATCHED_SECONDS = 2.0
FULL_REMEMBERED_SECONDS = 60.0

log = logging.getLogger(__name__)

FindEvent = Callable[[int], Awaitable[EventState | None]]
FindFull = Callable[[Collection[int]], Awaitable[set[int]]]


@dataclass(slots=True)
class KnownEvent:
    """What intake needs to know of an event."""

    lane: int
    starts_at: datetime
    is_full: bool
    asked_at: float  # monotonic seconds


class Shield:
    """Remembers up to ``size_max`` events."""

    def __init__(self, find_event: FindEvent, find_full: FindFull, *, size_max: int, refresh_seconds: float) -> None:
        """Learn of an event with ``find_event``, and every ``refresh_seconds`` which are full with ``find_full``."""
        self._find_event = find_event
        self._find_full = find_full
        self._size_max = size_max
        self._refresh_seconds = refresh_seconds
        self._known: dict[int, KnownEvent] = {}
        self._full: set[int] = set()
        self._watched: set[int] = set()

    @classmethod
    def of(cls, find_event: FindEvent, database: DatabaseCalls, settings: BookingSettings) -> "Shield":
        """Look for full events in ``database``, as often and for as many as ``settings`` say."""

        async def find_full(event_ids: Collection[int]) -> set[int]:
            return await database.read(partial(catalogue.full_events, ids=event_ids))

        return cls(
            find_event,
            find_full,
            size_max=settings.event_cache_max,
            refresh_seconds=settings.sold_out_refresh_seconds,
        )

    async def event(self, event_id: int) -> KnownEvent:
        """Return what is known of the event, asking the database when nothing is. Raises EventNotFound."""
        known = self._known.get(event_id) or await self._learn(event_id)
        known.asked_at = time.monotonic()
        self._watched.add(event_id)
        return known

    def forget(self, event_id: int) -> None:
        """Have the database asked when the event is asked for next."""
        if event_id in self._known:
            self._forget([event_id])

    async def keep_fresh(self) -> None:
        """Refresh for ever; cancel it at the end."""
        while True:
            await asyncio.sleep(self._refresh_seconds)
            await self.refresh()

    async def refresh(self) -> None:
        """Find out which of the events that were asked for lately are full now."""
        self._forget(self._full - self._asked_within(FULL_REMEMBERED_SECONDS, self._full))
        self._watched = self._asked_within(WATCHED_SECONDS, self._watched)
        for chunk in _chunks(list(self._watched | self._full), REFRESH_IDS_MAX):
            try:
                full = await self._find_full(chunk)
            except Exception as error:  # noqa: BLE001  whatever it is, nobody else would ever lift the shield
                log.warning("forgetting which events are full: %r", error.__cause__ or error)
                self._forget(list(self._full))
                return
            for event_id in chunk:
                self._mark(event_id, is_full=event_id in full)

    async def _learn(self, event_id: int) -> KnownEvent:
        event = await self._find_event(event_id)
        if event is None:
            raise EventNotFound
        if len(self._known) >= self._size_max:
            self._forget([next(iter(self._known))])
        self._known[event_id] = known = KnownEvent(
            event.lane, event.starts_at, is_full=False, asked_at=time.monotonic()
        )
        self._mark(event_id, is_full=event.available == 0)
        return known

    def _mark(self, event_id: int, *, is_full: bool) -> None:
        known = self._known.get(event_id)
        if known is None:
            return
        known.is_full = is_full
        if is_full:
            self._full.add(event_id)
        else:
            self._full.discard(event_id)

    def _asked_within(self, seconds: float, event_ids: set[int]) -> set[int]:
        horizon = time.monotonic() - seconds
        return {i for i in event_ids if (known := self._known.get(i)) is not None and known.asked_at >= horizon}

    def _forget(self, event_ids: Collection[int]) -> None:
        for event_id in event_ids:
            del self._known[event_id]  # whoever asks for it next makes the process look again
            self._full.discard(event_id)


def _chunks(ids: list[int], size: int) -> list[list[int]]:
    return [ids[start : start + size] for start in range(0, len(ids), size)]
