"""Lists of bookings, the newest first: in pages, each read from an index and bounded in what it reads.

The order is that of the ids, which never change, and a page begins behind the last id of the one before: so pages
neither drop nor repeat a booking, however many are made meanwhile.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Select, select

from booking_service.domain.bookings.ids import first_id
from booking_service.domain.bookings.lookup import COLUMNS, BookingState
from booking_service.domain.models import Booking

# Bookings that one page looks at for those that its filter lets pass: as many as keep a page of a user with a million
# bookings within twice the time of one with ten. Who filters for what is rare gets shorter pages.
SCAN_MAX = 500
# How far the moment in an id may be from `created_at`: a process takes one after the other. More only when its clock is
# set back meanwhile, or it stood still for so long: then `created_from` and `created_before` may miss a booking.
ID_SKEW_MAX = timedelta(seconds=2)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which bookings a list has: those of a user, of an event, or of both. At least one of the two is given."""

    user_id: int | None = None
    event_id: int | None = None
    statuses: tuple[str, ...] = ()  # any of these; all, when there is none
    created_from: datetime | None = None
    created_before: datetime | None = None
    idempotency_key: str | None = None  # of the user: one booking has it, or none


class Page(NamedTuple):
    """A part of a list, and the id behind which it goes on; None when this is the last."""

    bookings: list[BookingState]
    goes_on_behind: UUID | None


def list_bookings(connection: Connection, wanted: Wanted, *, behind: UUID | None, count_max: int) -> Page:
    """Return up to ``count_max`` of the bookings that are ``wanted``, the newest first, from ``behind`` an id on.

    At most SCAN_MAX are looked at, so a page may have fewer, or none, and not be the last.
    """
    order, conditions = _order(wanted, behind), _conditions(wanted)
    floor = None
    if conditions:
        # By the index alone, so this costs little beside looking at those bookings themselves.
        floor = connection.scalar(_from_index(wanted, Booking.id).where(*order).offset(SCAN_MAX - 1).limit(1))
    within = [] if floor is None else [Booking.id >= floor]
    query = _from_index(wanted, *COLUMNS).where(*order, *within, *conditions).limit(count_max + 1)
    bookings = [BookingState(*row) for row in connection.execute(query)]
    if len(bookings) <= count_max:
        return Page(bookings, floor)
    return Page(bookings[:count_max], bookings[count_max - 1].id)


def _from_index(wanted: Wanted, *columns: Any) -> Select[*tuple[Any, ...]]:  # noqa: ANN401  as `select` takes them
    # Named, because a range of ids may look cheaper to an optimizer: that of everybody's bookings.
    index = "bookings_event" if wanted.user_id is None else "bookings_user"
    if wanted.idempotency_key is not None:
        index = "bookings_idempotency"
    return select(*columns).with_hint(Booking, f"FORCE INDEX ({index})", "mysql").order_by(Booking.id.desc())


def _order(wanted: Wanted, behind: UUID | None) -> Sequence[ColumnElement[bool]]:
    """Say which part of an index is walked through."""
    owner = Booking.event_id == wanted.event_id if wanted.user_id is None else Booking.user_id == wanted.user_id
    conditions = [owner]
    if wanted.idempotency_key is not None:
        conditions.append(Booking.idempotency_key == wanted.idempotency_key)
    if behind is not None:
        conditions.append(Booking.id < behind)
    if wanted.created_from is not None:
        conditions.append(Booking.id >= first_id(wanted.created_from, -ID_SKEW_MAX))
    if wanted.created_before is not None:
        conditions.append(Booking.id < first_id(wanted.created_before, ID_SKEW_MAX))
    return conditions


def _conditions(wanted: Wanted) -> Sequence[ColumnElement[bool]]:
    """Say what else a booking must be, which no index tells."""
    conditions: list[ColumnElement[bool]] = []
    if wanted.user_id is not None and wanted.event_id is not None:
        conditions.append(Booking.event_id == wanted.event_id)
    if wanted.statuses:
        conditions.append(Booking.status.in_(wanted.statuses))
    if wanted.created_from is not None:
        conditions.append(Booking.created_at >= wanted.created_from)
    if wanted.created_before is not None:
        conditions.append(Booking.created_at < wanted.created_before)
    return conditions
