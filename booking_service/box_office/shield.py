"""What a process remembers of events: lane, begin and rules, which never change, and whether they can be booked at all.

This is the shield: a full or cancelled event is refused without writing anything. Knowledge that an event is full is
refreshed in the background and forgotten when the database does not answer, so it is as old as one refresh takes, and
no older than the database's timeouts allow that to be. That an event was cancelled is true for ever; each refresh asks
for all that were since the last one, because nobody may have asked for such an event for hours.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from booking_service.domain import catalogue
from booking_service.domain.catalogue import EventState, Shut
from booking_service.domain.errors import EventNotFound
from booking_service.domain.rules import Rules
from booking_service.settings import BookingSettings
from shared.clock import utc_now
from shared.database.calls import DatabaseCalls

REFRESH_IDS_MAX = 1_000  # in one statement
# Since it was last asked for: an event that is not full is looked at until its last bookings are settled, one that is
# full for longer, because the next to ask is then answered without a write.
WATCHED_SECONDS = 2.0
FULL_REMEMBERED_SECONDS = 60.0
# Cancellations are asked for from this long before the last refresh: one is stamped by the clock of its process, and
# before its commit.
CANCELLED_LOOKBACK = timedelta(minutes=10)

log = logging.getLogger(__name__)

FindEvent = Callable[[int], Awaitable[EventState | None]]
FindShut = Callable[[Collection[int], datetime], Awaitable[Shut]]


@dataclass(slots=True)
class KnownEvent:
    """What intake needs to know of an event."""

    lane: int
    rules: Rules | None  # None for an event that has none
    opens_at: datetime | None
    closes_at: datetime
    is_full: bool  # no seat left, nor a place on the waiting list
    is_cancelled: bool
    asked_at: float  # monotonic seconds


class Shield:
    """Remembers up to ``size_max`` events."""

    def __init__(self, find_event: FindEvent, find_shut: FindShut, *, size_max: int, refresh_seconds: float) -> None:
        """Learn of an event with ``find_event``, and every ``refresh_seconds`` which are shut with ``find_shut``."""
        self._find_event = find_event
        self._find_shut = find_shut
        self._size_max = size_max
        self._refresh_seconds = refresh_seconds
        self._known: dict[int, KnownEvent] = {}
        self._full: set[int] = set()
        self._watched: set[int] = set()
        self._refreshed_at = utc_now()

    @classmethod
    def of(cls, find_event: FindEvent, database: DatabaseCalls, settings: BookingSettings) -> "Shield":
        """Look for shut events in ``database``, as often and for as many as ``settings`` say."""

        async def find_shut(event_ids: Collection[int], cancelled_since: datetime) -> Shut:
            return await database.read(partial(catalogue.shut_events, ids=event_ids, cancelled_since=cancelled_since))

        return cls(
            find_event,
            find_shut,
            size_max=settings.event_cache_max,
            refresh_seconds=settings.sold_out_refresh_seconds,
        )

    async def event(self, event_id: int) -> KnownEvent:
        """Return what is known of the event, asking the database when nothing is. Raises EventNotFound."""
        known = self._known.get(event_id) or await self._learn(event_id)
        known.asked_at = time.monotonic()
        self._watched.add(event_id)
        return known

    async def keep_fresh(self) -> None:
        """Refresh for ever; cancel it at the end."""
        while True:
            await asyncio.sleep(self._refresh_seconds)
            await self.refresh()

    def forget(self, event_id: int) -> None:
        """Forget an event that this process has changed: whoever asks for it next makes it look again."""
        if event_id in self._known:
            self._forget([event_id])

    async def refresh(self) -> None:
        """Find out which events were cancelled, and which of those that were asked for lately are full now."""
        self._forget(self._full - self._asked_within(FULL_REMEMBERED_SECONDS, self._full))
        self._watched = self._asked_within(WATCHED_SECONDS, self._watched)
        began_at, since = utc_now(), self._refreshed_at - CANCELLED_LOOKBACK
        chunks = _chunks(sorted(self._watched | self._full), REFRESH_IDS_MAX)
        for chunk in chunks or ([[]] if self._known else []):
            try:
                shut = await self._find_shut(chunk, since)
            except Exception as error:  # noqa: BLE001  whatever it is, nobody else would ever lift the shield
                if self._full:
                    log.warning("forgetting which events are full: %r", error.__cause__ or error)
                    self._forget(list(self._full))
                return
            for event_id in chunk:
                self._mark(event_id, is_full=event_id in shut.full)
            for event_id in shut.cancelled & self._known.keys():
                self._known[event_id].is_cancelled = True
        self._refreshed_at = began_at

    async def _learn(self, event_id: int) -> KnownEvent:
        event = await self._find_event(event_id)
        if event is None:
            raise EventNotFound
        if len(self._known) >= self._size_max:
            self._forget([next(iter(self._known))])
        rules = event.rules
        self._known[event_id] = known = KnownEvent(
            event.lane,
            rules if event.has_rules else None,
            rules.opens_at,
            rules.closes_at,
            is_full=False,
            is_cancelled=rules.is_cancelled,
            asked_at=time.monotonic(),
        )
        self._mark(event_id, is_full=event.is_full)
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
