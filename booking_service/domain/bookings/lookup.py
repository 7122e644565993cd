"""A booking as it is stored, and reading many at once."""

from collections.abc import Collection
from dataclasses import dataclass, field, fields
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, select

from booking_service.domain.models import PENDING, Booking
from shared.identity.permissions import READ_ALL_BOOKINGS
from shared.identity.tokens import Principal


@dataclass(frozen=True, slots=True)
class BookingState:
    """A booking as it is stored at this moment."""

    id: UUID
    event_id: int
    user_id: int
    seats: int
    status: str
    reason: str | None
    due_lane: int | None
    created_at: datetime
    settled_at: datetime | None
    # Whether it was there before the request that it answers: nothing that is stored.
    is_repeated: bool = field(default=False, compare=False)

    @property
    def is_pending(self) -> bool:
        """Tell whether the decision is still to come."""
        return self.status == PENDING


# In the order of the fields, so that a row is a BookingState's arguments: the one mapping there is.
COLUMNS = tuple(getattr(Booking, column.name) for column in fields(BookingState) if column.compare)


def is_visible(state: BookingState, viewer: Principal) -> bool:
    """Tell whether ``viewer``, who may read bookings, may see this one: its owner, or who may see all."""
    return state.user_id == viewer.uid or READ_ALL_BOOKINGS in viewer.permissions


def find_bookings(connection: Connection, ids: Collection[UUID]) -> dict[UUID, BookingState]:
    """Return those of ``ids`` that exist."""
    rows = connection.execute(select(*COLUMNS).where(Booking.id.in_(ids)))
    return {row.id: BookingState(*row) for row in rows}
