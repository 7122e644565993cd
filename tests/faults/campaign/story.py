"""What became of each booking, read from its row and its changes: how it was first decided, and what came after."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from booking_service.domain.models import CANCELLED, CONFIRMED, EVENT_CANCELLED, HELD, PENDING
from tests.faults.campaign.history import Asked
from tests.faults.campaign.stored import ChangeRow, Row, Stored


class First(NamedTuple):
    """How a booking was first decided."""

    status: str
    seats: int
    reason: str | None = None


@dataclass(frozen=True)
class Story:
    """A booking and its changes that moved it, in their order.

    ``wanted``: the seats that it was made with; ``given``: the status in which its event gives seats.
    """

    row: Row
    changes: Sequence[ChangeRow]
    wanted: int
    given: str

    @property
    def is_called_off(self) -> bool:
        """Tell whether it had seats and was cancelled with its event, of which no change tells."""
        has_row = any(change.status_after == CANCELLED for change in self.changes)
        return self.row.status == CANCELLED and self.row.reason == EVENT_CANCELLED and not has_row

    @property
    def is_cancelled_undecided(self) -> bool:
        """Tell whether it was cancelled before it was decided."""
        return any(c.status_before == PENDING and c.status_after == CANCELLED for c in self.changes)

    @property
    def first(self) -> First | None:
        """Its first decision; None without one."""
        row = self.row
        if self.is_cancelled_undecided or row.settled_at is None:
            return None
        for change in self.changes:
            if change.status_before != PENDING and change.status_before is not None:
                return First(change.status_before, change.seats_before or 0)
        # Those who had no seats when their event was called off have a change that says so.
        return First(self.given, row.seats) if self.is_called_off else First(row.status, row.seats, row.reason)


def stories(stored: Stored, asked: Iterable[Asked]) -> dict[str, Story]:
    """Tell the story of every booking; ``asked`` says how many seats those wanted who would do with fewer."""
    changes: dict[str, list[ChangeRow]] = defaultdict(list)
    for change in stored.changes:
        if change.booking_id is not None and change.status_before is not None and change.done_at is not None:
            changes[change.booking_id].append(change)
    wanted = {(a.user, a.key): a.seats for a in asked if a.seats_min is not None}
    given = {e.event_id: CONFIRMED if e.hold_seconds is None else HELD for e in stored.events}
    return {
        row.booking_id: _story(row, changes[row.booking_id], wanted, given.get(row.event_id, CONFIRMED))
        for row in stored.rows
    }


def in_order(change: ChangeRow) -> tuple[float, int]:
    """Sort changes by when they were done."""
    return change.done_at or 0.0, change.step or 0


def _story(row: Row, changes: list[ChangeRow], wanted: Mapping[tuple[int, str | None], int], given: str) -> Story:
    changes.sort(key=in_order)
    stored = (changes[0].seats_before or 0) if changes else row.seats
    asked = stored if row.seats_min is None else wanted.get((row.user, row.key), stored)
    return Story(row, changes, asked, given)
