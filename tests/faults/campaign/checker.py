"""The judgement: a pure function of what clients saw, what the database holds and what audits found on the way."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from booking_service.domain.models import CONFIRMED, PENDING, REJECTED
from tests.faults.campaign.history import BOOK, LATE, POLL, Answer, Asked, History
from tests.faults.campaign.line import Interval, out_of_order
from tests.faults.campaign.replay import unfair
from tests.faults.campaign.stored import Row, Snapshot, Stored
from tests.faults.campaign.verdict import Breach, Promise, Verdict

FINAL = (CONFIRMED, REJECTED)
UNAVAILABLE = 503


def judge(
    history: History,
    stored: Stored,
    snapshots: Sequence[Snapshot],
    faults: Sequence[Interval] = (),
    others: Iterable[Breach] = (),
) -> Verdict:
    """Check every promise; ``faults`` says when the order of settling may be disturbed, ``others`` what else broke."""
    asked = {a.number: a for a in history.asked}
    rows = {row.booking_id: row for row in stored.rows}
    return Verdict.of(
        chain(
            _answers(history),
            _kept(history, asked, rows),
            _once(history, asked, stored.rows),
            _asked_for(asked.values(), stored.rows),
            _settled(history, stored.rows),
            _forward(history, rows),
            _seats(stored),
            unfair(stored),
            out_of_order(history, stored, faults),
            (Breach(Promise.AUDIT, f"at {s.at:.3f}: {broken}") for s in snapshots for broken in s.broken),
            others,
        )
    )


def _answers(history: History) -> Iterator[Breach]:
    for answer in history.answers:
        if answer.status == LATE:
            yield Breach(Promise.ANSWERED_IN_TIME, f"no answer in {answer.ended - answer.began:.1f} s: {answer}")
        elif answer.status >= 500 and answer.status != UNAVAILABLE:
            yield Breach(Promise.NO_500, str(answer))


def _kept(history: History, asked: dict[int, Asked], rows: dict[str, Row]) -> Iterator[Breach]:
    """Every booking that a client was told of is stored as it was asked for, and was shown ever since."""
    for answer in history.answers:
        if answer.booking_id is not None:
            row, wanted = rows.get(answer.booking_id), asked[answer.number]
            if row is None:
                yield Breach(Promise.KEPT, f"{answer.booking_id} is not stored: {answer}")
            elif (row.user, row.key, row.event_id, row.seats) != (*wanted[1:4], wanted.seats):
                yield Breach(Promise.KEPT, f"{row} is not what was asked for: {wanted}")
        elif answer.kind == POLL and 400 <= answer.status < 500:
            yield Breach(Promise.KEPT, f"an accepted booking was answered {answer}")


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


def _asked_for(asked: Iterable[Asked], rows: Sequence[Row]) -> Iterator[Breach]:
    wanted = {(a.user, a.key, a.event_id, a.seats) for a in asked}
    for row in rows:
        if (row.user, row.key, row.event_id, row.seats) not in wanted:
            yield Breach(Promise.ASKED_FOR, f"nobody asked for {row}")


def _settled(history: History, rows: Sequence[Row]) -> Iterator[Breach]:
    yield from (Breach(Promise.SETTLED, f"number {number} has no last answer") for number in history.unresolved)
    for row in rows:
        if row.status not in FINAL or row.settled_at is None:
            yield Breach(Promise.SETTLED, str(row))


def _forward(history: History, rows: dict[str, Row]) -> Iterator[Breach]:
    """Once a booking was seen settled, nobody who asks later sees anything else, and so it is stored."""
    seen: dict[str, list[Answer]] = defaultdict(list)
    for answer in history.answers:
        if answer.booking_id is not None:
            seen[answer.booking_id].append(answer)
    for booking_id, answers in seen.items():
        final = min((a for a in answers if a.state in FINAL), key=lambda a: a.ended, default=None)
        if final is None:
            continue
        for later in answers:
            if later.state != final.state and (later.state in FINAL or later.began > final.ended):
                yield Breach(Promise.FORWARD, f"{later} after {final}")
        row = rows.get(booking_id)
        if row is not None and row.status not in {final.state, PENDING}:
            yield Breach(Promise.FORWARD, f"{row} after {final}")
    yield from _refused_for_good(history, rows.values())


def _refused_for_good(history: History, rows: Iterable[Row]) -> Iterator[Breach]:
    # An earlier attempt of unknown outcome may still be stored after its repeat was refused as sold out. It is then
    # decided like any other, and must be rejected.
    confirmed = {(row.user, row.key, row.event_id) for row in rows if row.status == CONFIRMED}
    refused = {answer.number: answer for answer in history.answers if answer.kind == BOOK and answer.status == 409}
    for asked in history.asked:
        if asked.number in refused and (asked.user, asked.key, asked.event_id) in confirmed:
            yield Breach(Promise.FORWARD, f"{asked} was confirmed after {refused[asked.number]}")


def _seats(stored: Stored) -> Iterator[Breach]:
    taken: Counter[int] = Counter()
    for row in stored.rows:
        if row.status == CONFIRMED:
            taken[row.event_id] += row.seats
    for event in stored.events:
        held = taken[event.event_id]
        if held > event.capacity:
            yield Breach(Promise.SEATS, f"{held} seats of {event}")
        if event.available != event.capacity - held:
            yield Breach(Promise.AUDIT, f"{held} seats are held of {event}")
