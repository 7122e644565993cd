"""Settlement: what is due in a few lanes, decided in order, one batch a transaction."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from operator import itemgetter
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row

from booking_service.domain.models import NOT_DUE
from booking_service.domain.seats.decision import decide
from booking_service.domain.seats.lanes import due_acts, due_bookings, lock_lanes
from booking_service.domain.seats.reading import read_situation
from booking_service.domain.seats.situation import DueBooking
from booking_service.domain.seats.statements import run
from booking_service.domain.seats.writing import Before, write_decided
from shared.database.literals import blob

WRONG_STATUS = itemgetter(-1)  # of a row of `due_bookings`; by name it would take ten times as long

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Batch:
    """What one transaction of settlement came to."""

    lanes: list[int]  # those whose lock was got, in order; the others are being settled by somebody else
    settled: int = 0  # bookings decided
    unreached: Sequence[int] = ()  # lanes of `lanes` that come after the last one in a batch that was full
    has_more: bool = False  # whether there may be more to do in them


def settle_batch(connection: Connection, lanes: Sequence[int], *, batch_max: int) -> Batch:
    """Decide up to ``batch_max`` each of the due bookings, changes and ended holds of ``lanes``, and write it.

    A lane that another drainer holds is left out: that drainer looks again after its batch, so it will see what the
    caller was sent for. Raises SettlementConflictError when a row changed under the lock.
    """
    locks = lock_lanes(connection, lanes)
    if not locks.lanes:
        return Batch([])
    acts = due_acts(connection, locks, batch_max)
    # Changes go first: while there are more of them than one batch may have, no booking has its turn.
    rows = [] if acts.is_cut else due_bookings(connection, locks.lanes, batch_max)
    if not (rows or acts):
        return Batch(locks.lanes)
    if any(map(WRONG_STATUS, rows)):
        rows = _without_strangers(connection, rows)
    due = [DueBooking(row[0], row[1], row[2], row[3] and _aware(row[3])) for row in rows]
    situation = read_situation(connection, locks, acts, due, batch_max)
    before = {event_id: Before.of(event) for event_id, event in situation.events.items()}
    decided = decide(situation)
    write_decided(connection, situation, before, decided)
    is_full = len(rows) == batch_max
    goes_on = acts.is_cut or bool(decided.left_over) or any(not c.is_last for c in situation.chunks.values())
    return Batch(
        locks.lanes,
        settled=len(due),
        unreached=[lane for lane in locks.lanes if lane > rows[-1].due_lane] if is_full else (),
        has_more=is_full or goes_on,
    )


def _without_strangers(
    connection: Connection, rows: Sequence[Row[*tuple[Any, ...]]]
) -> Sequence[Row[*tuple[Any, ...]]]:
    """Leave out what is due although it is decided, which nothing of ours writes, and let it hold up nobody again."""
    strangers = [row.id for row in rows if row.wrong_status]
    log.error("not pending, and due all the same; left as they are: %s", [str(UUID(bytes=i)) for i in strangers])
    ids = ",".join(map(blob, strangers))
    run(connection, f"UPDATE bookings SET due_lane={NOT_DUE} WHERE id IN ({ids})", rows=len(strangers))  # noqa: S608  literals
    return [row for row in rows if not row.wrong_status]


def _aware(moment: datetime | str) -> datetime:
    # SQLite has text where the others have moments.
    return (datetime.fromisoformat(moment) if isinstance(moment, str) else moment).replace(tzinfo=UTC)
