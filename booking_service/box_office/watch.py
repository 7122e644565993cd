"""Watching what becomes of a booking: shown to who may see it, waited for when that is asked."""

import asyncio
from collections.abc import Awaitable, Callable
from uuid import UUID

from booking_service.box_office.lookups import BookingView
from booking_service.box_office.patience import Patience
from booking_service.domain.bookings.lookup import is_visible
from booking_service.domain.errors import BookingNotFound
from shared.errors import Forbidden
from shared.identity.permissions import READ_BOOKINGS
from shared.identity.tokens import Principal


class Watch:
    """Shows bookings."""

    def __init__(self, find: Callable[[UUID], Awaitable[BookingView | None]], stopping: asyncio.Event) -> None:
        """Look bookings up with ``find``. Once ``stopping`` is set, nobody waits for a decision any longer."""
        self._find = find
        self._stopping = stopping

    async def show(self, viewer: Principal, booking_id: UUID, wait_seconds: float = 0) -> BookingView:
        """Return a booking that ``viewer`` may see.

        Wait up to ``wait_seconds`` for its decision, or for that of its cancellation. Raises Forbidden,
        BookingNotFound, Unavailable or Overloaded.
        """
        if READ_BOOKINGS not in viewer.permissions:  # not by `require`: a poll pays for each call
            raise Forbidden
        patience = Patience(wait_seconds, self._stopping) if wait_seconds > 0 else None
        while True:
            view = await self._find(booking_id)
            if view is None or not is_visible(view.state, viewer):
                raise BookingNotFound
            if patience is None or not view.state.is_moving or not await patience.pause():
                return view
