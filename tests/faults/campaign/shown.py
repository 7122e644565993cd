"""Was every booking shown as it was, and never as it had been before?"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import cache

from booking_service.domain.models import ACTIVE, CANCELLED, PENDING
from tests.faults.campaign.history import Answer
from tests.faults.campaign.replay import ARROWS
from tests.faults.campaign.story import Story
from tests.faults.campaign.verdict import Breach, Promise

# Shown while a cancellation is due; what it was before it is not told.
CANCELLING = "cancelling"
# A cancellation that comes too late leaves what was confirmed.
AFTER_CANCELLING = {CANCELLING, "cancelled", "rejected", "expired", "confirmed"}
CLOCK_SECONDS_MAX = 0.05


def misshown(answers: Iterable[Answer], told: Mapping[str, Story]) -> Iterator[Breach]:
    """Find bookings that went backwards, or were shown as they never were."""
    seen: dict[str, list[Answer]] = defaultdict(list)
    for answer in answers:
        if answer.booking_id is not None:
            seen[answer.booking_id].append(answer)
    for booking_id, shown in seen.items():
        yield from _backwards(shown)
        if story := told.get(booking_id):
            yield from _never_so(shown, story)


@cache
def reachable(state: str) -> frozenset[str]:
    """List all that a booking may be after it was seen in ``state``, that included."""
    if state == CANCELLING:
        return frozenset(AFTER_CANCELLING)
    found = {state}
    frontier = [state]
    while frontier:
        for following in ARROWS.get(frontier.pop(), ()):
            if following not in found:
                found.add(following)
                frontier.append(following)
    return frozenset(found | ({CANCELLING} if state in ACTIVE else set()))


def _backwards(shown: list[Answer]) -> Iterator[Breach]:
    first_end: dict[str, Answer] = {}
    for answer in shown:
        state = answer.state or ""
        if state not in first_end or answer.ended < first_end[state].ended:
            first_end[state] = answer
    for answer in shown:
        state = answer.state or ""
        for before, earlier in first_end.items():
            is_later = answer.began > earlier.ended
            either = state in reachable(before) or before in reachable(state)
            if (is_later and state not in reachable(before)) or not either:
                yield Breach(Promise.FORWARD, f"{answer} after {earlier}")


def _never_so(shown: list[Answer], story: Story) -> Iterator[Breach]:
    row = story.row
    states = {answer.state for answer in shown if answer.state is not None}
    if row.status == PENDING:
        return  # which it must not be at the end
    if any(row.status not in reachable(state) for state in states):
        yield Breach(Promise.FORWARD, f"{row} after {states}")
        return
    was = list(_was(story))
    for answer in shown:
        if answer.seats is None or answer.state == CANCELLING:
            continue
        since = [at for status, seats, at in was if status == answer.state and seats == answer.seats]
        if not since or min(since) > answer.ended + CLOCK_SECONDS_MAX:
            yield Breach(Promise.SHOWN, f"{answer} of {row}")


def _was(story: Story) -> Iterator[tuple[str, int | None, float]]:
    """List all that a booking was, with how many seats and from when."""
    row = story.row
    yield PENDING, story.wanted, 0.0
    if first := story.first:
        yield first.status, first.seats, row.settled_at or 0.0
    for change in story.changes:
        yield change.status_after or "", change.seats_after, change.done_at or 0.0
    if story.is_called_off:
        yield CANCELLED, row.seats, 0.0  # when it was, nothing tells
