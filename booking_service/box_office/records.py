"""Records: lists of bookings, each shown as it is alone."""

from functools import partial
from typing import NamedTuple
from uuid import UUID

from booking_service.box_office.lookups import BookingView, Lookups
from booking_service.domain.bookings import history
from booking_service.domain.bookings.history import Wanted
from shared.database.calls import DatabaseCalls


class RecordsPage(NamedTuple):
    """A part of a list, and the id behind which it goes on; None when this is the last."""

    views: list[BookingView]
    goes_on_behind: UUID | None


class Records:
    """Lists bookings."""

    def __init__(self, database: DatabaseCalls, lookups: Lookups) -> None:
        """Read from ``database``; what is known of a booking besides its row, ``lookups`` say."""
        self._database = database
        self._lookups = lookups

    async def page(self, wanted: Wanted, behind: UUID | None, count_max: int) -> RecordsPage:
        """Return up to ``count_max`` of the bookings that are ``wanted``: see `history.list_bookings`.

        Raises Unavailable or Overloaded.
        """
        return await self._database.executor.run(partial(self._page, wanted, behind, count_max))

    def _page(self, wanted: Wanted, behind: UUID | None, count_max: int) -> RecordsPage:
        # In one of the threads that have a connection each: it is given back before anything else is asked for.
        read = partial(history.list_bookings, wanted=wanted, behind=behind, count_max=count_max)
        bookings, goes_on_behind = self._database.database.read(read)
        return RecordsPage(self._lookups.views(bookings), goes_on_behind)
