"""First come, first served within a lane, as far as clients can tell.

Ids are made by the API processes, so two bookings that were asked for at the same time may stand in either order, and
may be committed in the other. What must hold: who was answered 202 before somebody else asked stands before them, and
is decided in the same batch or in an earlier one. A process with a wrong clock breaks that for its own bookings, which
their ids show; they are left out.

`settled_at` is read just before the lock, so a batch that dawdled there may have the earlier one and come later. Hence
two rules: bookings whose life no fault touched are compared by `settled_at`; for all others it is a breach when a
decision began after a later booking's decision had been seen.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from tests.faults.campaign.history import BOOK, History
from tests.faults.campaign.stored import Stored, made_at
from tests.faults.campaign.verdict import Breach, Promise

# The time in an id is cut to the millisecond.
SAME_TIME_SECONDS = 0.002
CLOCK_SECONDS_MAX = 0.05
ACCEPTED = 202


class Interval(NamedTuple):
    """A time in which something was done to the system, until it had recovered."""

    began: float
    ended: float


@dataclass(frozen=True)
class Life:
    """A booking from the first request to the first time that its decision was seen."""

    booking_id: str
    asked_at: float
    accepted_at: float
    settled_at: float
    seen_at: float
    is_touched: bool


def out_of_order(history: History, stored: Stored, faults: Sequence[Interval]) -> Iterator[Breach]:
    """Find bookings that were decided before one that stood in line before them."""
    for lives in _by_lane(history, stored, Quiet(faults)).values():
        calm = [life for life in lives if not life.is_touched]
        for before, after in overtaken(calm, lambda life: life.settled_at):
            yield Breach(Promise.ORDER, f"{after} was decided before {before}, and no fault was near")
        for before, after in overtaken(lives, lambda life: life.seen_at):
            yield Breach(Promise.ORDER, f"{after} was seen decided before {before} was")


def overtaken(lives: Iterable[Life], decided_by: Callable[[Life], float]) -> Iterator[tuple[Life, Life]]:
    """Yield pairs in which the second asked after the first was accepted, and was decided before it."""
    arrivals = sorted(lives, key=lambda life: life.asked_at)
    acceptances = sorted(arrivals, key=lambda life: life.accepted_at)
    ahead = 0
    last: Life | None = None  # of all accepted before `life` asked, the one decided last
    for life in arrivals:
        while ahead < len(acceptances) and acceptances[ahead].accepted_at + SAME_TIME_SECONDS < life.asked_at:
            if last is None or acceptances[ahead].settled_at > last.settled_at:
                last = acceptances[ahead]
            ahead += 1
        if last is not None and last.settled_at > decided_by(life):
            yield last, life


class Quiet:
    """Tells whether a time was free of faults."""

    def __init__(self, faults: Sequence[Interval]) -> None:
        self._merged: list[Interval] = []
        for fault in sorted(faults):
            if self._merged and fault.began <= self._merged[-1].ended:
                self._merged[-1] = Interval(self._merged[-1].began, max(self._merged[-1].ended, fault.ended))
            else:
                self._merged.append(fault)
        self._starts = [fault.began for fault in self._merged]

    def is_quiet(self, began: float, ended: float) -> bool:
        """Tell whether no fault was between ``began`` and ``ended``."""
        index = bisect_right(self._starts, ended)
        return index == 0 or self._merged[index - 1].ended < began


def _by_lane(history: History, stored: Stored, quiet: Quiet) -> dict[int, list[Life]]:
    accepted: dict[str, float] = {}
    seen: dict[str, float] = {}
    numbers: dict[str, int] = {}
    for answer in history.answers:
        if answer.booking_id is None:
            continue
        numbers[answer.booking_id] = answer.number
        if answer.kind == BOOK and answer.status == ACCEPTED:
            accepted[answer.booking_id] = min(answer.ended, accepted.get(answer.booking_id, answer.ended))
        if answer.state != "pending":
            seen[answer.booking_id] = min(answer.ended, seen.get(answer.booking_id, answer.ended))
    asked = {a.number: a.began for a in history.asked}
    lanes = {event.event_id: event.lane for event in stored.events}
    found: dict[int, list[Life]] = defaultdict(list)
    for row in stored.rows:
        accepted_at = accepted.get(row.booking_id)
        if accepted_at is None or row.settled_at is None or row.event_id not in lanes:
            continue
        asked_at = asked[numbers[row.booking_id]]
        if not asked_at - CLOCK_SECONDS_MAX <= made_at(row.booking_id) <= accepted_at + CLOCK_SECONDS_MAX:
            continue  # made by a process whose clock was off
        seen_at = seen.get(row.booking_id, float("inf"))
        touched = not quiet.is_quiet(asked_at, max(row.settled_at, accepted_at))
        found[lanes[row.event_id]].append(Life(row.booking_id, asked_at, accepted_at, row.settled_at, seen_at, touched))
    return found
