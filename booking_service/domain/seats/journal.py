"""What came of changes, entered where stories and ledgers are read from: `changes`."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, insert

from booking_service.domain.bookings.ids import new_id
from booking_service.domain.models import CANCEL_EVENT, NOT_DUE, PROMOTE, Change
from booking_service.domain.seats.situation import Decided, Outcome, Progress, Situation
from booking_service.domain.seats.statements import run
from shared.database.literals import blob, moment, text


def write_journal(connection: Connection, situation: Situation, decided: Decided) -> None:
    """Enter what was decided besides bookings, and leave due what has to go on in another batch.

    Raises SettlementConflictError when a change is not due any more.
    """
    _write_progress(connection, decided.progress)
    asked: dict[Outcome, dict[bytes, int]] = defaultdict(dict)
    unasked = []
    for step, outcome in enumerate(decided.outcomes):
        if outcome.id is None:
            unasked.append((step, outcome))
        else:
            asked[outcome._replace(id=None, booking_id=None, event_id=0)][outcome.id] = step
    for outcome, steps in asked.items():
        _write_outcome(connection, situation.now, outcome, steps)
    _insert_unasked(connection, situation.now, unasked)
    _leave_promotions(connection, situation, decided)


def _write_outcome(connection: Connection, now: datetime, outcome: Outcome, steps: dict[bytes, int]) -> None:
    cases = " ".join(f"WHEN {blob(change_id)} THEN {step}" for change_id, step in steps.items())
    # Of an event that is called off, `_write_progress` has added up the seats, batch after batch.
    seats_taken = "" if outcome.kind == CANCEL_EVENT else f",seats_taken={outcome.seats_taken}"
    run(
        connection,
        f"UPDATE changes SET due_lane={NOT_DUE},done_at={moment(now)},step=CASE id {cases} END,"  # noqa: S608  numbers and literals
        f"outcome={text(connection, outcome.outcome)},detail={_number(outcome.detail)},"
        f"status_before={text(connection, outcome.status_before)},"
        f"status_after={text(connection, outcome.status_after)},"
        f"seats_before={_number(outcome.seats_before)},seats_after={_number(outcome.seats_after)}{seats_taken} "
        f"WHERE id IN ({','.join(map(blob, steps))}) AND due_lane>{NOT_DUE}",
        rows=len(steps),
    )


def _insert_unasked(connection: Connection, now: datetime, unasked: Iterable[tuple[int, Outcome]]) -> None:
    rows = [
        {
            "id": new_id(),
            "due_lane": None,
            "kind": outcome.kind,
            "event_id": outcome.event_id,
            "booking_id": outcome.booking_id and UUID(bytes=outcome.booking_id),
            "created_at": now,
            "outcome": outcome.outcome,
            "done_at": now,
            "step": step,
            "status_before": outcome.status_before,
            "status_after": outcome.status_after,
            "seats_before": outcome.seats_before,
            "seats_after": outcome.seats_after,
            "seats_taken": outcome.seats_taken,
        }
        for step, outcome in unasked
    ]
    if rows:
        connection.execute(insert(Change), rows)


def _write_progress(connection: Connection, progress: Iterable[Progress]) -> None:
    for change_id, reached, seats_taken in progress:
        run(
            connection,
            f"UPDATE changes SET progress={blob(reached)},seats_taken=COALESCE(seats_taken,0)+({seats_taken}) "  # noqa: S608  literals
            f"WHERE id={blob(change_id)}",
            rows=1,
        )


def _leave_promotions(connection: Connection, situation: Situation, decided: Decided) -> None:
    # A `promote` that is due already, and not done, stays.
    done = {outcome.id for outcome in decided.outcomes}
    due = {change.event_id for change in situation.changes if change.kind == PROMOTE and change.id not in done}
    rows = [
        {
            "id": new_id(),
            "due_lane": situation.events[event_id].lane,
            "kind": PROMOTE,
            "event_id": event_id,
            "created_at": situation.now,
        }
        for event_id in decided.left_over
        if event_id not in due
    ]
    if rows:
        connection.execute(insert(Change), rows)


def _number(value: int | None) -> str:
    return "NULL" if value is None else str(value)
