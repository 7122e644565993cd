"""What became of each booking, read from its row and its changes: how it was first decided, and what came after."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from booking_service.domain.models import CANCELLED, EVENT_CANCELLED, PENDING
from tests.faults.campaign.history import Asked
from tests.faults.campaign.stored import ChangeRow, Row, Stored


class First(NamedTuple):
    """How a booking was first decided."""

    status: str
    seats: int
    reason: str | None = None


@dataclass(frozen=True)
class Story:
    """A booking and its changes that moved it, in their order. ``wanted``: the seats that it was made with."""

    row: Row
    changes: Sequence[ChangeRow]
    wanted: int

    @property
    def is_called_off(self) -> bool:
        """Tell whether it was cancelled with its event, of which no row tells more."""
        return self.row.status == CANCELLED and self.row.reason == EVENT_CANCELLED

    @property
    def is_cancelled_undecided(self) -> bool:
        """Tell whether it was cancelled before it was decided."""
        return any(c.status_before == PENDING and c.status_after == CANCELLED for c in self.changes)

    @property
    def first(self) -> First | None:
        """Its first decision; None without one, or when nothing tells what it was."""
        row = self.row
        if self.is_cancelled_undecided or row.settled_at is None:
            return None
        for change in self.changes:
            if change.status_before != PENDING and change.status_before is not None:
                return First(change.status_before, change.seats_before or 0)
        return None if self.is_called_off else First(row.status, row.seats, row.reason)


def stories(stored: Stored, asked: Iterable[Asked]) -> dict[str, Story]:
    """Tell the story of every booking; ``asked`` says how many seats those wanted who would do with fewer."""
    changes: dict[str, list[ChangeRow]] = defaultdict(list)
    for change in stored.changes:
        if change.booking_id is not None and change.status_before is not None and change.done_at is not None:
            changes[change.booking_id].append(change)
    wanted = {(a.user, a.key): a.seats for a in asked if a.seats_min is not None}
    return {row.booking_id: _story(row, changes[row.booking_id], wanted) for row in stored.rows}


def in_order(change: ChangeRow) -> tuple[float, int]:
    """Sort changes by when they were done."""
    return change.done_at or 0.0, change.step or 0


def _story(row: Row, changes: list[ChangeRow], wanted: Mapping[tuple[int, str | None], int]) -> Story:
    changes.sort(key=in_order)
    stored = (changes[0].seats_before or 0) if changes else row.seats
    return Story(row, changes, stored if row.seats_min is None else wanted.get((row.user, row.key), stored))
