"""A booking as it is stored, and reading many at once."""

from collections.abc import Collection
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import Connection, and_, exists, select

from booking_service.domain.models import ACTIVE, CANCEL_BOOKING, NOT_DUE, PENDING, Booking, Change, Hold
from shared.database.literals import blob
from shared.database.written import WrittenSelect
from shared.identity.permissions import READ_ALL_BOOKINGS, WRITE_ALL_BOOKINGS
from shared.identity.tokens import Principal

CANCELLING: Final = "cancelling"  # shown, and stored nowhere: the booking's own status is what it was
# Why somebody who waits is still there when somebody behind has been given seats.
TOO_MANY_SEATS: Final = "too_many_seats"  # it wants more than the event has
TOO_FEW_SEATS: Final = "too_few_seats"  # there were fewer free than it wants


@dataclass(frozen=True, slots=True)
class BookingState:
    """A booking as it is stored at this moment, and whether its cancellation is asked for and not decided yet."""

    id: UUID
    event_id: int
    user_id: int
    seats: int
    status: str
    reason: str | None
    due_lane: int | None
    created_at: datetime
    settled_at: datetime | None
    is_cancelling: bool = False
    # Whether it was there before the request that it answers: nothing that is stored.
    is_repeated: bool = field(default=False, compare=False)

    @property
    def is_pending(self) -> bool:
        """Tell whether the decision is still to come."""
        return self.status == PENDING

    @property
    def is_moving(self) -> bool:
        """Tell whether what was asked for is still to come: the decision, or the cancellation."""
        return self.is_cancelling or self.status == PENDING


# Only of those that can be cancelled: the others are not looked for. Mostly that is one look into an index.
_IS_CANCELLING = and_(
    Booking.status.in_(ACTIVE),
    exists().where(Change.booking_id == Booking.id, Change.due_lane > NOT_DUE, Change.kind == CANCEL_BOOKING),
).label("is_cancelling")
# In the order of the fields, so that a row is a BookingState's arguments: the one mapping there is.
COLUMNS = tuple(
    _IS_CANCELLING if column.name == _IS_CANCELLING.name else getattr(Booking, column.name)
    for column in fields(BookingState)
    if column.compare
)

_BOOKINGS = WrittenSelect(*COLUMNS)


def is_visible(state: BookingState, viewer: Principal) -> bool:
    """Tell whether ``viewer``, who may read bookings, may see this one: its owner, or who may see all."""
    return state.user_id == viewer.uid or READ_ALL_BOOKINGS in viewer.permissions


def is_changeable(state: BookingState, user: Principal) -> bool:
    """Tell whether ``user``, who may book, may change a booking: its owner, or who may change all."""
    return state.user_id == user.uid or WRITE_ALL_BOOKINGS in user.permissions


def find_bookings(connection: Connection, ids: Collection[UUID]) -> dict[UUID, BookingState]:
    """Return those of ``ids`` that exist."""
    if not ids:
        return {}
    rows = _BOOKINGS.rows(connection, f"bookings.id IN ({','.join(blob(booking_id.bytes) for booking_id in ids)})")
    return {state.id: state for state in (BookingState(*row) for row in rows)}


def find_expiries(connection: Connection, ids: Collection[UUID]) -> dict[UUID, datetime]:
    """Return until when seats are held for those of ``ids`` that are held."""
    rows = connection.execute(select(Hold.booking_id, Hold.expires_at).where(Hold.booking_id.in_(ids)))
    return {row.booking_id: row.expires_at for row in rows}


def head_of_waiting_list(connection: Connection, event_id: int, count_max: int) -> list[tuple[bytes, str | None]]:
    """Return the first ``count_max`` who wait for seats of an event: the bytes of each id, and why it was skipped."""
    rows = connection.exec_driver_sql(
        f"SELECT w.booking_id,CASE WHEN w.booking_id<s.promoted_to THEN "  # noqa: S608  numbers and codes of our own
        f"CASE WHEN w.seats_min>s.capacity THEN '{TOO_MANY_SEATS}' ELSE '{TOO_FEW_SEATS}' END END "
        f"FROM waiting w JOIN stock s ON s.event_id=w.event_id WHERE w.event_id={event_id} "
        f"ORDER BY w.booking_id LIMIT {count_max}"
    )
    return [(booking_id, skipped) for booking_id, skipped in rows]
