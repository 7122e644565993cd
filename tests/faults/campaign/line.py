"""First come, first served within a lane, as far as clients can tell.

Ids are made by the API processes, so two bookings that were asked for at the same time may stand in either order, and
may be committed in the other. What must hold: who was answered 202 before somebody else asked stands before them, and
is decided in the same batch or in an earlier one. A process with a wrong clock breaks that for its own bookings, which
their ids show; they are left out. So are those that were cancelled before they were decided: changes come first.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from tests.faults.campaign.history import BOOK, History
from tests.faults.campaign.stored import Stored, made_at
from tests.faults.campaign.story import Story
from tests.faults.campaign.verdict import Breach, Promise

# The time in an id is cut to the millisecond.
SAME_TIME_SECONDS = 0.002
CLOCK_SECONDS_MAX = 0.05
ACCEPTED = 202


@dataclass(frozen=True)
class Life:
    """A booking from the first request to its decision."""

    booking_id: str
    asked_at: float
    accepted_at: float
    settled_at: float


def out_of_order(history: History, stored: Stored, told: Mapping[str, Story]) -> Iterator[Breach]:
    """Find bookings that were decided before one that stood in line before them."""
    for lives in _by_lane(history, stored, told).values():
        for before, after in overtaken(lives):
            yield Breach(Promise.ORDER, f"{after} was decided before {before}")


def overtaken(lives: Iterable[Life]) -> Iterator[tuple[Life, Life]]:
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
        if last is not None and last.settled_at > life.settled_at:
            yield last, life


def _by_lane(history: History, stored: Stored, told: Mapping[str, Story]) -> dict[int, list[Life]]:
    accepted: dict[str, float] = {}
    numbers: dict[str, int] = {}
    for answer in history.answers:
        if answer.booking_id is None:
            continue
        numbers[answer.booking_id] = answer.number
        if answer.kind == BOOK and answer.status == ACCEPTED:
            accepted[answer.booking_id] = min(answer.ended, accepted.get(answer.booking_id, answer.ended))
    asked = {a.number: a.began for a in history.asked}
    lanes = {event.event_id: event.lane for event in stored.events}
    found: dict[int, list[Life]] = defaultdict(list)
    for row in stored.rows:
        accepted_at = accepted.get(row.booking_id)
        if accepted_at is None or row.settled_at is None or row.event_id not in lanes:
            continue
        if told[row.booking_id].is_cancelled_undecided:
            continue
        asked_at = asked[numbers[row.booking_id]]
        if not asked_at - CLOCK_SECONDS_MAX <= made_at(row.booking_id) <= accepted_at + CLOCK_SECONDS_MAX:
            continue  # made by a process whose clock was off
        found[lanes[row.event_id]].append(Life(row.booking_id, asked_at, accepted_at, row.settled_at))
    return found
