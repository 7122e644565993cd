"""The judgement: a pure function of what clients saw, what the database holds and what audits found on the way."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain

from booking_service.domain.models import (
    CANCEL_EVENT,
    CANCELLED,
    CONFIRMED,
    DONE,
    EXPIRED,
    HELD,
    REJECTED,
    SEAT_TAKING,
    SET_CAPACITY,
    WAITLISTED,
)
from tests.faults.campaign.history import BOOK, LATE, POLL, Answer, Asked, History
from tests.faults.campaign.line import out_of_order
from tests.faults.campaign.replay import misdecided
from tests.faults.campaign.shown import misshown
from tests.faults.campaign.stored import Row, Snapshot, Stored
from tests.faults.campaign.story import Story, stories
from tests.faults.campaign.told import acts_misled
from tests.faults.campaign.verdict import Breach, Promise, Verdict

# A hold is none of them: it ends, and only then the campaign does.
FINAL = (CONFIRMED, REJECTED, CANCELLED, EXPIRED, WAITLISTED)
UNAVAILABLE = 503


def judge(history: History, stored: Stored, snapshots: Sequence[Snapshot], others: Iterable[Breach] = ()) -> Verdict:
    """Check every promise; ``others`` says what else broke."""
    asked = {a.number: a for a in history.asked}
    told = stories(stored, history.asked)
    return Verdict.of(
        chain(
            _answers(history),
            _kept(history, asked, told),
            _once(history, asked, stored.rows),
            _asked_for(history.asked, told.values()),
            _settled(history, stored.rows),
            misshown(history.answers, told),
            _refused_for_good(history, stored),
            acts_misled(history, stored),
            _seats(stored),
            misdecided(stored, told, _called_off(history)),
            out_of_order(history, stored, told),
            (Breach(Promise.AUDIT, f"at {s.at:.3f}: {broken}") for s in snapshots for broken in s.broken),
            others,
        )
    )


def _called_off(history: History) -> dict[int, float]:
    """Tell from when events may have been cancelled: since it was asked for."""
    began: dict[int, float] = {}
    for act in history.acts:
        if act.kind == CANCEL_EVENT:
            began[act.event_id] = min(act.began, began.get(act.event_id, act.began))
    return began


def _answers(history: History) -> Iterator[Breach]:
    for answer in history.answers:
        if answer.status == LATE:
            yield Breach(Promise.ANSWERED_IN_TIME, f"no answer in {answer.ended - answer.began:.1f} s: {answer}")
        elif answer.status >= 500 and answer.status != UNAVAILABLE:
            yield Breach(Promise.NO_500, str(answer))


def _kept(history: History, asked: dict[int, Asked], told: Mapping[str, Story]) -> Iterator[Breach]:
    """Every booking that a client was told of is stored as it was asked for, and was shown ever since."""
    for answer in history.answers:
        if answer.booking_id is not None:
            story, wanted = told.get(answer.booking_id), asked[answer.number]
            if story is None:
                yield Breach(Promise.KEPT, f"{answer.booking_id} is not stored: {answer}")
            elif not _is_as_asked(story, wanted):
                yield Breach(Promise.KEPT, f"{story.row} is not what was asked for: {wanted}")
        elif _is_denied(answer):
            yield Breach(Promise.KEPT, f"what was asked for in good order was answered {answer}")


def _is_denied(answer: Answer) -> bool:
    is_refused = answer.kind == BOOK and answer.status == 409
    return answer.kind in {BOOK, POLL} and 400 <= answer.status < 500 and not is_refused


def _is_as_asked(story: Story, asked: Asked) -> bool:
    row = story.row
    same = (row.user, row.key, row.event_id, row.seats_min) == (asked.user, asked.key, asked.event_id, asked.seats_min)
    return same and story.wanted == asked.seats


def _once(history: History, asked: dict[int, Asked], rows: Sequence[Row]) -> Iterator[Breach]:
    keys = Counter((row.user, row.key) for row in rows if row.key is not None)
    yield from (Breach(Promise.ONCE, f"{n} bookings with {key}") for key, n in keys.items() if n > 1)
    keyless = Counter(row.user for row in rows if row.key is None)
    yield from (Breach(Promise.ONCE, f"{n} bookings of {user}, who asked once") for user, n in keyless.items() if n > 1)
    told: dict[int, set[str]] = defaultdict(set)
    for answer in history.answers:
        if answer.booking_id is not None:
            told[answer.number].add(answer.booking_id)
    yield from (Breach(Promise.ONCE, f"{asked[n]} became {ids}") for n, ids in told.items() if len(ids) > 1)


def _asked_for(asked: Iterable[Asked], told: Iterable[Story]) -> Iterator[Breach]:
    wanted = {(a.user, a.key): a for a in asked}
    for story in told:
        row = story.row
        if (row.user, row.key) not in wanted or not _is_as_asked(story, wanted[row.user, row.key]):
            yield Breach(Promise.ASKED_FOR, f"nobody asked for {row}")


def _settled(history: History, rows: Sequence[Row]) -> Iterator[Breach]:
    yield from (Breach(Promise.SETTLED, f"number {number} has no last answer") for number in history.unresolved)
    for row in rows:
        if row.status not in FINAL or row.settled_at is None:
            yield Breach(Promise.SETTLED, str(row))


def _refused_for_good(history: History, stored: Stored) -> Iterator[Breach]:
    # An earlier attempt of unknown outcome may still be stored after its repeat was refused as sold out. It is then
    # decided like any other, and must be rejected; unless seats came back in between, which nobody can tell.
    returned = {
        c.event_id for c in stored.changes if (c.seats_taken or 0) < 0 or (c.kind == SET_CAPACITY and c.outcome == DONE)
    }
    taken = {(row.user, row.key, row.event_id) for row in stored.rows if row.status in {CONFIRMED, HELD}}
    refused = {answer.number: answer for answer in history.answers if answer.kind == BOOK and answer.status == 409}
    for asked in history.asked:
        has = (asked.user, asked.key, asked.event_id) in taken and asked.event_id not in returned
        if has and asked.number in refused:
            yield Breach(Promise.FORWARD, f"{asked} was confirmed after {refused[asked.number]}")


def _seats(stored: Stored) -> Iterator[Breach]:
    taken: Counter[int] = Counter()
    for row in stored.rows:
        if row.status in SEAT_TAKING:
            taken[row.event_id] += row.seats
    for event in stored.events:
        held = taken[event.event_id]
        if held > event.capacity:
            yield Breach(Promise.SEATS, f"{held} seats of {event}")
        if event.available != event.capacity - held:
            yield Breach(Promise.AUDIT, f"{held} seats are held of {event}")
