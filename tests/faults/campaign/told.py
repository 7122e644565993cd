"""Is what clients were told of their acts true, and one thing only?"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain

from booking_service.domain.models import (
    CANCEL_BOOKING,
    CANCEL_EVENT,
    CANCELLED,
    CONFIRM_HOLD,
    CONFIRMED,
    DONE,
    NOT_ACTIVE,
)
from tests.faults.campaign.asking import ACCEPTED, REFUSED, SHOWN
from tests.faults.campaign.history import Act, Answer, History
from tests.faults.campaign.stored import ChangeRow, EventRow, Row, Stored
from tests.faults.campaign.verdict import Breach, Promise

Subject = tuple[str, int, str | None, int | None]


def acts_misled(history: History, stored: Stored) -> Iterator[Breach]:
    """Find acts that were accepted and lost, done and denied, doubled, invented or never decided."""
    answers: dict[int, list[Answer]] = defaultdict(list)
    for answer in history.answers:
        if answer.act is not None:
            answers[answer.act].append(answer)
    rows = _Rows(stored)
    return chain(
        (Breach(Promise.SETTLED, f"act {number} has no last answer") for number in history.unresolved_acts),
        (Breach(Promise.SETTLED, str(change)) for change in stored.changes if change.outcome is None),
        _doubled(stored.changes),
        _invented(history.acts, stored.changes),
        *(_misled(act, answers[act.number], rows) for act in history.acts),
    )


class _Rows:
    def __init__(self, stored: Stored) -> None:
        self.bookings: Mapping[str, Row] = {row.booking_id: row for row in stored.rows}
        self.events: Mapping[int, EventRow] = {event.event_id: event for event in stored.events}
        self.keyed: Mapping[tuple[int | None, str | None], ChangeRow] = {
            (c.user, c.key): c for c in stored.changes if c.key is not None
        }
        self.equal: dict[Subject, list[ChangeRow]] = defaultdict(list)
        for change in stored.changes:
            self.equal[_subject(change)].append(change)


def _subject(what: Act | ChangeRow) -> Subject:
    return what.kind, what.event_id, what.booking_id, what.argument


def _doubled(changes: Iterable[ChangeRow]) -> Iterator[Breach]:
    keys = Counter((change.user, change.key) for change in changes if change.key is not None)
    return (Breach(Promise.ONCE, f"{n} changes with {key}") for key, n in keys.items() if n > 1)


def _invented(acts: Iterable[Act], changes: Iterable[ChangeRow]) -> Iterator[Breach]:
    asked = {(act.user, act.key, _subject(act)) for act in acts}
    for change in changes:
        if change.user is not None and (change.user, change.key, _subject(change)) not in asked:
            yield Breach(Promise.ASKED_FOR, f"nobody asked for {change}")


def _misled(act: Act, answers: list[Answer], rows: _Rows) -> Iterator[Breach]:
    statuses = {answer.status for answer in answers}
    refusals = {answer.problem for answer in answers if answer.status == REFUSED}
    for answer in answers:
        if 400 <= answer.status < 500 and answer.status != REFUSED:
            yield Breach(Promise.KEPT, f"{act} was answered {answer}")
    if len(refusals) > 1 or (refusals and SHOWN in statuses):
        yield Breach(Promise.ONCE, f"{act} was told {statuses} and {refusals}")
        return
    row = rows.keyed.get((act.user, act.key))
    if row is not None and _subject(row) == _subject(act) and row.outcome is not None:
        problem = _problem(row.outcome)
        if (SHOWN in statuses and problem is not None) or (refusals and refusals != {problem}):
            yield Breach(Promise.ONCE, f"{act} was told {statuses} and {refusals}, and is {row}")
    elif ACCEPTED in statuses and not rows.equal[_subject(act)]:
        yield Breach(Promise.KEPT, f"{act} was accepted, and is not stored")
    elif SHOWN in statuses and not _is_so(act, rows):
        yield Breach(Promise.KEPT, f"{act} was told that it is done, and it is not")


def _problem(outcome: str) -> str | None:
    """Return the code of the problem by which an outcome is told."""
    return None if outcome == DONE else "booking-over" if outcome == NOT_ACTIVE else outcome.replace("_", "-")


def _is_so(act: Act, rows: _Rows) -> bool:
    """Tell whether what ``act`` wants is done, by whatever change."""
    if any(change.outcome == DONE for change in rows.equal[_subject(act)]):
        return True
    if act.kind == CANCEL_EVENT:
        return rows.events[act.event_id].is_cancelled
    booking = rows.bookings.get(act.booking_id or "")
    if booking is None:
        return False
    if act.kind == CANCEL_BOOKING:
        return booking.status == CANCELLED
    # What it has already is not asked for again; that it had it, `shown.py` sees.
    return act.key is None and (act.kind != CONFIRM_HOLD or booking.status in {CONFIRMED, CANCELLED})
