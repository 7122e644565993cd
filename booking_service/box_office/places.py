"""The place of a pending booking in its lane's queue: a courtesy, so it is bounded in depth and in cost."""

import time
from bisect import bisect_left
from collections.abc import Callable
from uuid import UUID

PLACES_MAX = 1_000
REMEMBERED_SECONDS = 0.5

HeadOfLane = Callable[[int, int], list[UUID]]


class QueuePlaces:
    """Tells places from the heads of the lanes, each read at most every REMEMBERED_SECONDS."""

    def __init__(self, head_of_lane: HeadOfLane) -> None:
        """Read with ``head_of_lane``, which blocks: use this from threads."""
        self._head_of_lane = head_of_lane
        self._heads: dict[int, tuple[float, list[UUID]]] = {}

    def place(self, lane: int, booking_id: UUID) -> int | None:
        """Return the place of the booking, 1 being next, or None when it is beyond the first PLACES_MAX."""
        head = self._head(lane)
        ahead = bisect_left(head, booking_id)
        return None if ahead >= PLACES_MAX else ahead + 1

    def _head(self, lane: int) -> list[UUID]:
        read_at, head = self._heads.get(lane, (float("-inf"), []))
        now = time.monotonic()
        if now - read_at > REMEMBERED_SECONDS:
            head = self._head_of_lane(lane, PLACES_MAX)
            self._heads[lane] = (now, head)
        return head
