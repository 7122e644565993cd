"""A change as it is stored, and reading many at once."""

from collections.abc import Collection
from dataclasses import dataclass, fields
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, and_, or_, select

from booking_service.domain.models import (
    CANCEL_BOOKING,
    CANCEL_EVENT,
    NOT_DUE,
    NOT_SETTLED,
    RESUME_WAITLIST,
    SET_CAPACITY,
    SUSPEND_WAITLIST,
    TOO_LATE,
    Change,
)

# What people ask of a whole event.
EVENT_KINDS = (SET_CAPACITY, SUSPEND_WAITLIST, RESUME_WAITLIST, CANCEL_EVENT)


@dataclass(frozen=True, slots=True)
class ChangeState:
    """A change as it is stored at this moment. ``outcome`` is None until it is decided."""

    id: UUID
    due_lane: int | None
    kind: str
    event_id: int
    booking_id: UUID | None
    argument: int | None
    requested_by: int | None
    idempotency_key: str | None
    created_at: datetime
    outcome: str | None = None
    detail: int | None = None
    done_at: datetime | None = None

    @property
    def is_due(self) -> bool:
        """Tell whether the decision is still to come."""
        return self.due_lane is not None


# In the order of the fields, so that a row is a ChangeState's arguments: the one mapping there is.
COLUMNS = tuple(getattr(Change, field.name) for field in fields(ChangeState))


def find_changes(connection: Connection, ids: Collection[UUID]) -> dict[UUID, ChangeState]:
    """Return those of ``ids`` that exist."""
    rows = connection.execute(select(*COLUMNS).where(Change.id.in_(ids)))
    return {row.id: ChangeState(*row) for row in rows}


def standing_of_bookings(connection: Connection, booking_ids: Collection[UUID]) -> list[ChangeState]:
    """Return what still counts of what was asked of ``booking_ids``, in the order of its decision.

    That is what is due, and cancellations that came too late: they always will.
    """
    too_late = and_(Change.kind == CANCEL_BOOKING, Change.outcome == TOO_LATE)
    return _fetch(connection, Change.booking_id.in_(booking_ids), or_(Change.due_lane > NOT_DUE, too_late))


def standing_of_events(connection: Connection, event_ids: Collection[int]) -> list[ChangeState]:
    """Return what is due of what was asked of ``event_ids`` as a whole, in the order of its decision."""
    # By the moment of the decision, which is in the index: an event's bookings may have had many changes.
    is_due = and_(Change.done_at == NOT_SETTLED, Change.due_lane > NOT_DUE)
    return _fetch(connection, Change.event_id.in_(event_ids), Change.kind.in_(EVENT_KINDS), is_due)


def _fetch(connection: Connection, *conditions: ColumnElement[bool]) -> list[ChangeState]:
    rows = connection.execute(select(*COLUMNS).where(*conditions).order_by(Change.id))
    return [ChangeState(*row) for row in rows]
