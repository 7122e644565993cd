"""Was every rejection right at its turn? Each event is decided again, batch by batch.

The rows tell a batch by its `settled_at`, which a worker reads just before it asks for the lane's lock. So the order of
`settled_at` is the order of the batches, except where a connection dawdled between the two. Within STALL_SECONDS_MAX
another order is therefore tried where that one explains nothing; what no order explains is a breach.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from booking_service.domain.models import CONFIRMED, REJECTED
from tests.faults.campaign.stored import Row, Stored
from tests.faults.campaign.verdict import Breach, Promise

STALL_SECONDS_MAX = 30.0
STEPS_MAX = 20_000


@dataclass(frozen=True)
class Batch:
    """What one transaction decided of one event: right if it began with ``least`` to ``most`` free seats."""

    settled_at: float
    least: int
    most: float
    taken: int


def unfair(stored: Stored) -> Iterator[Breach]:
    """Find the events of which some decision was wrong in every possible order."""
    rows: dict[int, list[Row]] = defaultdict(list)
    for row in stored.rows:
        if row.settled_at is not None:
            rows[row.event_id].append(row)
    for event in stored.events:
        batches = _batches(rows[event.event_id])
        if not _explained(event.capacity, batches):
            yield Breach(Promise.FAIR, _example(event.event_id, event.capacity, batches))


def _batches(rows: Sequence[Row]) -> list[Batch]:
    groups: dict[float, list[Row]] = defaultdict(list)
    for row in rows:
        if row.settled_at is not None:
            groups[row.settled_at].append(row)
    return [_batch(settled_at, groups[settled_at]) for settled_at in sorted(groups)]


def _batch(settled_at: float, rows: list[Row]) -> Batch:
    least, most, taken = 0, float("inf"), 0
    for row in sorted(rows, key=lambda row: row.booking_id):  # the order of the queue
        if row.status == CONFIRMED:
            taken += row.seats
            least = taken
        elif row.status == REJECTED:
            most = min(most, taken + row.seats - 1)
    return Batch(settled_at, least, most, taken)


def _explained(capacity: int, batches: list[Batch]) -> bool:
    return _in_order(capacity, batches) or _in_some_order(capacity, batches)


def _in_order(capacity: int, batches: list[Batch]) -> bool:
    left = capacity
    for batch in batches:
        if not batch.least <= left <= batch.most:
            return False
        left -= batch.taken
    return True


def _in_some_order(capacity: int, batches: list[Batch]) -> bool:
    """Search, the likeliest order first."""
    # Each entry: seats left, batches still to come, and how far the alternatives at this step have been tried.
    trail: list[tuple[int, list[Batch], int]] = [(capacity, batches, 0)]
    for _ in range(STEPS_MAX + len(batches)):
        if not trail:
            return False
        left, coming, tried = trail.pop()
        if not coming:
            return True
        for choice in range(tried, len(coming)):
            batch = coming[choice]
            if batch.settled_at > coming[0].settled_at + STALL_SECONDS_MAX:
                break
            if batch.least <= left <= batch.most:
                if choice + 1 < len(coming):
                    trail.append((left, coming, choice + 1))
                rest = coming[1:] if choice == 0 else coming[:choice] + coming[choice + 1 :]
                trail.append((left - batch.taken, rest, 0))
                break
    return False


def _example(event_id: int, capacity: int, batches: list[Batch]) -> str:
    left = capacity
    for batch in batches:
        if not batch.least <= left <= batch.most:
            return f"event {event_id}: {batch} began with {left} free seats"
        left -= batch.taken
    return f"event {event_id}"
