"""Places in queues: of a pending booking in its lane, of one that waits for seats on its event's list.

A courtesy, so it is bounded in depth and in cost: what was read of a queue is remembered for a moment.
"""

import time
from bisect import bisect_left
from collections.abc import Callable
from operator import itemgetter
from threading import Lock
from typing import Generic, NamedTuple, TypeVar
from uuid import UUID

PLACES_MAX = 1_000
REMEMBERED_SECONDS = 0.5
WAITING_PLACES_MAX = 10_000
WAITING_REMEMBERED_SECONDS = 2.0
ENTRIES_MAX = 1_000_000  # remembered of all queues of a kind; the ones that were read longest ago are forgotten

Entry = TypeVar("Entry")
HeadOfLane = Callable[[int, int], list[UUID]]
HeadOfWaitingList = Callable[[int, int], list[tuple[bytes, str | None]]]


class Heads(Generic[Entry]):
    """The heads of queues, each read at most every so often."""

    def __init__(
        self,
        read: Callable[[int, int], list[Entry]],
        *,
        depth_max: int,
        remembered_seconds: float,
        entries_max: int = ENTRIES_MAX,
    ) -> None:
        """Read the first ``depth_max`` of a queue with ``read``, which blocks: use this from threads."""
        self._read = read
        self._depth_max = depth_max
        self._remembered_seconds = remembered_seconds
        self._entries_max = entries_max
        self._heads: dict[int, tuple[float, list[Entry]]] = {}  # the one that was read last at the end
        self._entries = 0
        self._lock = Lock()

    def head(self, queue: int) -> list[Entry]:
        """Return the head of ``queue``, as old as it may be."""
        read_at, head = self._heads.get(queue, (float("-inf"), []))
        now = time.monotonic()
        if now - read_at > self._remembered_seconds:
            head = self._read(queue, self._depth_max)
            self._remember(queue, now, head)
        return head

    def _remember(self, queue: int, now: float, head: list[Entry]) -> None:
        with self._lock:
            self._forget(queue)
            while self._heads and self._entries + len(head) > self._entries_max:
                self._forget(next(iter(self._heads)))
            self._heads[queue] = now, head
            self._entries += len(head)

    def _forget(self, queue: int) -> None:
        _, head = self._heads.pop(queue, (0, []))
        self._entries -= len(head)


class QueuePlaces:
    """Tells places from the heads of the lanes, each read at most every REMEMBERED_SECONDS."""

    def __init__(self, head_of_lane: HeadOfLane) -> None:
        """Read with ``head_of_lane``, which blocks: use this from threads."""
        self._heads = Heads(head_of_lane, depth_max=PLACES_MAX, remembered_seconds=REMEMBERED_SECONDS)

    def place(self, lane: int, booking_id: UUID) -> int | None:
        """Return the place of the booking, 1 being next, or None when it is beyond the first PLACES_MAX."""
        ahead = bisect_left(self._heads.head(lane), booking_id)
        return None if ahead >= PLACES_MAX else ahead + 1


class WaitingPlace(NamedTuple):
    """A place on a waiting list: None beyond the first WAITING_PLACES_MAX. And why somebody behind was served first."""

    position: int | None = None
    skipped: str | None = None


class WaitingPlaces:
    """Tells places from the heads of waiting lists, each read at most every WAITING_REMEMBERED_SECONDS."""

    def __init__(self, head_of_waiting_list: HeadOfWaitingList) -> None:
        """Read with ``head_of_waiting_list``, which blocks: use this from threads."""
        self._heads = Heads(
            head_of_waiting_list, depth_max=WAITING_PLACES_MAX, remembered_seconds=WAITING_REMEMBERED_SECONDS
        )

    def place(self, event_id: int, booking_id: UUID) -> WaitingPlace:
        """Return the place of the booking, 1 being next."""
        head = self._heads.head(event_id)
        ahead = bisect_left(head, booking_id.bytes, key=itemgetter(0))
        if ahead >= WAITING_PLACES_MAX:
            return WaitingPlace()
        is_there = ahead < len(head) and head[ahead][0] == booking_id.bytes
        return WaitingPlace(ahead + 1, head[ahead][1] if is_there else None)
