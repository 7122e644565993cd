"""Deliberate mistakes in the core, one a name, made inside a process that the campaign started.

Each is what somebody might really write. The campaign must notice every one of them.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace as changed
from functools import partial
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.engine.default import DefaultDialect
from uuid_utils.compat import uuid7

from booking_service.domain.bookings import intake
from booking_service.domain.bookings.intake import NewBooking
from booking_service.domain.seats import journal, settlement, writing
from booking_service.domain.seats.lanes import Locks
from shared.clock import utc_now
from tests.faults.campaign.mutations_of_changes import MUTATIONS_OF_CHANGES
from tests.faults.campaign.replacing import replace

Function = Callable[..., Any]


def no_lane_lock() -> None:
    """Settle without the lane's lock: two workers decide the same bookings."""
    replace(
        settlement, "lock_lanes", lambda _: lambda _connection, lanes: Locks(sorted(lanes), utc_now(), has_acts=True)
    )


def no_guard() -> None:
    """Leave out the second defence behind the lock: nobody looks whether all rows were still as they were read."""

    def unguarded(connection: Connection, statement: str, *, rows: int) -> None:  # noqa: ARG001  what the mistake is
        connection.exec_driver_sql(statement.replace(" AND status='pending'", ""))

    for room in (writing, journal, settlement):
        replace(room, "run", lambda _: unguarded)


def wake_before_commit() -> None:
    """Wake the lane, then commit the booking: the drainer may look in between, and find nothing."""
    from booking_service.box_office.sales import Sales  # noqa: PLC0415  only where it is imported anyway

    def accept(sales: Any, batch: Sequence[NewBooking]) -> object:  # noqa: ANN401  its private parts
        sales._waker.wake({new.lane for new in batch})  # noqa: SLF001  as above
        return sales._database.database.write(partial(intake.accept, batch=batch), repeat_lost=True)  # noqa: SLF001  as above

    replace(Sales, "_accept", lambda _: accept)


def no_second_look() -> None:
    """Stop draining once the lane was empty, without looking again after the flag was freed."""
    from worker.drain import Drainer  # noqa: PLC0415  as above

    replace(Drainer, "_due", lambda _: lambda _drainer, _lanes: [])


def accept_on_failed_commit() -> None:
    """Answer 202 whatever became of the commit."""

    def make(commit: Function) -> Function:
        def do_commit(dialect: object, connection: object) -> None:
            with suppress(Exception):
                commit(dialect, connection)

        return do_commit

    replace(DefaultDialect, "do_commit", make)


def insert_not_repeatable() -> None:
    """Insert as if nothing could be there already: a repeat after a lost answer breaks."""

    def accept(connection: Connection, batch: Sequence[NewBooking]) -> object:
        stored = intake._insert(connection, list(batch))  # noqa: SLF001  as above
        return [stored[new.id] for new in batch]

    replace(intake, "accept", lambda _: accept)


def insert_with_new_ids() -> None:
    """Make the ids inside the unit of work that is repeated, so that a repeat makes another booking."""

    def make(accept: Function) -> Function:
        return lambda connection, batch: accept(connection, [changed(new, id=uuid7()) for new in batch])

    replace(intake, "accept", make)


def foreign_key_on_locked_row() -> None:
    """Let settlement lock the row that a booking's foreign key refers to: inserts wait for decisions."""

    def make(lock_lanes: Function) -> Function:
        def lock(connection: Connection, lanes: Sequence[int]) -> Locks:
            held: Locks = lock_lanes(connection, lanes)
            for lane in held.lanes:
                connection.exec_driver_sql(f"SELECT id FROM events WHERE lane={lane} FOR UPDATE").all()  # noqa: S608  a number
            return held

        return lock

    replace(settlement, "lock_lanes", make)


def insert_ignore() -> None:
    """Let the database drop the rows that it does not like."""

    def make(statement: Function) -> Function:
        return lambda connection, batch: statement(connection, batch).replace("INSERT INTO", "INSERT IGNORE INTO")

    replace(intake, "_insert_statement", make)


def read_before_lock() -> None:
    """Read in REPEATABLE READ before the lock: what is read after it is from before it."""

    def make(settle_batch: Function) -> Function:
        def settle(connection: Connection, lanes: Sequence[int], **named: object) -> object:
            connection.exec_driver_sql("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            connection.exec_driver_sql("SELECT COUNT(*) FROM lanes").all()
            time.sleep(0.3)  # some more reading, while others commit
            return settle_batch(connection, lanes, **named)

        return settle

    replace(settlement, "settle_batch", make)


MUTATIONS: dict[str, Callable[[], None]] = {
    "no-lane-lock": no_lane_lock,
    "no-guard": no_guard,
    "wake-before-commit": wake_before_commit,
    "no-second-look": no_second_look,
    "accept-on-failed-commit": accept_on_failed_commit,
    "insert-not-repeatable": insert_not_repeatable,
    "insert-with-new-ids": insert_with_new_ids,
    "foreign-key-on-locked-row": foreign_key_on_locked_row,
    "insert-ignore": insert_ignore,
    "read-before-lock": read_before_lock,
    **MUTATIONS_OF_CHANGES,
}


def mutate(names: str) -> None:
    """Make the mistakes with these ``names``, separated by commas."""
    for name in filter(None, names.split(",")):
        MUTATIONS[name]()
