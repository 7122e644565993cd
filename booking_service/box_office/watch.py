"""Watching what becomes of a booking: shown to who may see it, waited for when that is asked."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from uuid import UUID

from booking_service.box_office.lookups import BookingView
from booking_service.domain.bookings.lookup import is_visible
from booking_service.domain.errors import BookingNotFound
from shared.errors import Forbidden
from shared.identity.permissions import READ_BOOKINGS
from shared.identity.tokens import Principal

POLL_SECONDS_FIRST = 0.02
POLL_SECONDS_MAX = 0.25
POLL_GROWTH = 1.5


class Watch:
    """Shows bookings."""

    def __init__(self, find: Callable[[UUID], Awaitable[BookingView | None]], stopping: asyncio.Event) -> None:
        """Look bookings up with ``find``. Once ``stopping`` is set, nobody waits for a decision any longer."""
        self._find = find
        self._stopping = stopping

    async def show(self, viewer: Principal, booking_id: UUID, wait_seconds: float = 0) -> BookingView:
        """Return a booking that ``viewer`` may see, waiting up to ``wait_seconds`` for its decision.

        Raises Forbidden, BookingNotFound, Unavailable or Overloaded.
        """
        if READ_BOOKINGS not in viewer.permissions:  # not by `require`: a poll pays for each call
            raise Forbidden
        deadline = time.monotonic() + wait_seconds
        pause = POLL_SECONDS_FIRST
        while True:
            view = await self._find(booking_id)
            if view is None or not is_visible(view.state, viewer):
                raise BookingNotFound
            left = deadline - time.monotonic()
            if not view.state.is_pending or left <= 0:
                return view
            await asyncio.sleep(min(pause, left))
            if self._stopping.is_set():
                return view  # as of a moment ago: there may be no thread left to look again
            pause = min(pause * POLL_GROWTH, POLL_SECONDS_MAX)
