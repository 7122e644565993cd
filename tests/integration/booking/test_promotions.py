"""Promotions that take several batches, on each database."""

from functools import partial

import pytest
from sqlalchemy import insert

from booking_service.domain.bookings.ids import new_id
from booking_service.domain.models import (
    CANCEL_BOOKING,
    CANCELLED,
    CONFIRMED,
    FIT,
    PROMOTE,
    SET_CAPACITY,
    STRICT,
    WAITLISTED,
    Change,
)
from booking_service.domain.rules import GivenRules
from booking_service.domain.seats import queues, settlement
from booking_service.domain.seats.lanes import Locks, lock_lanes
from booking_service.domain.seats.settlement import settle_batch
from shared.clock import utc_now
from shared.database.units import Database
from tests.fixtures.bookings import MakeEvent, accept, new_booking, seats_left, settle, states
from tests.fixtures.changes import change, request
from tests.fixtures.databases import REAL, settings
from tests.fixtures.settling import settle_all

LENGTHS = SHORT, LONG = 500, 20_000
READS_MORE = 20  # what a longer list may cost
BATCH = 500


def test_more_promotions_than_one_batch_may_have_go_on_in_the_next(
    booking_database: Database, make_event: MakeEvent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queues, "PROMOTIONS_MAX", 3)
    event = make_event(1, rules=GivenRules(waitlist=FIT))
    first, *waiting = [new_booking(event, user=n) for n in range(11)]
    accept(booking_database, first, *waiting)
    settle_all(booking_database)
    request(booking_database, change(event, None, SET_CAPACITY, 9))
    work = partial(settle_batch, lanes=[event.lane], batch_max=500)
    assert booking_database.write(work, repeat_lost=True).has_more
    assert states(booking_database, *waiting) == [CONFIRMED] * 3 + [WAITLISTED] * 7
    settle_all(booking_database)
    assert states(booking_database, *waiting) == [CONFIRMED] * 8 + [WAITLISTED] * 2


def test_newcomers_wait_behind_promotions_that_the_look_with_the_locks_did_not_see(
    booking_database: Database, make_event: MakeEvent, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = make_event(2, rules=GivenRules(waitlist=FIT))
    first, waiting, newcomer = new_booking(event, 2), new_booking(event, 2, user=2), new_booking(event, user=3)
    accept(booking_database, first, waiting)
    settle_all(booking_database)
    request(booking_database, change(event, None, SET_CAPACITY, 3))  # too little for who waits
    settle_all(booking_database)
    due = {"id": new_id(), "due_lane": event.lane, "kind": PROMOTE, "event_id": event.id, "created_at": utc_now()}
    booking_database.write(lambda c: c.execute(insert(Change), due), repeat_lost=False)
    accept(booking_database, newcomer)

    def not_seen(*arguments: object) -> Locks:
        return lock_lanes(*arguments)._replace(has_acts=False)  # type: ignore[arg-type]  # what it is called with

    with monkeypatch.context() as patch:
        patch.setattr(settlement, "lock_lanes", not_seen)
        settle(booking_database, event)
    assert states(booking_database, waiting, newcomer) == [WAITLISTED] * 2
    settle_all(booking_database)
    assert states(booking_database, waiting, newcomer) == [WAITLISTED, CONFIRMED]
    assert seats_left(booking_database, event) == 0


@pytest.mark.parametrize("database_kind", REAL)
@pytest.mark.parametrize("kind", [STRICT, FIT])
def test_a_seat_for_one_of_twenty_thousand_is_found_without_reading_the_others(
    booking_database: Database, booking_database_url: str, make_event: MakeEvent, kind: str
) -> None:
    # One connection, so that its session's counters see everything.
    counted = Database.connect(booking_database_url, settings(), pool_size=1)
    reads = {length: _reads_of_a_promotion(booking_database, counted, make_event, kind, length) for length in LENGTHS}
    counted.close()
    assert reads[LONG] <= reads[SHORT] + READS_MORE, reads


def _reads_of_a_promotion(database: Database, counted: Database, make_event: MakeEvent, kind: str, length: int) -> int:
    event = make_event(4, rules=GivenRules(waitlist=kind))
    accept(database, first := new_booking(event, 1), new_booking(event, 3))
    waiting = [new_booking(event, 1 + user % 4, user=user) for user in range(length)]
    for some in (waiting[at : at + BATCH] for at in range(0, length, BATCH)):
        accept(database, *some)
        settle_all(database)
    request(database, change(event, first, CANCEL_BOOKING, 0))
    before = _rows_read(counted)
    settle(counted, event)
    reads = _rows_read(counted) - before
    assert states(database, first, waiting[0]) == [CANCELLED, CONFIRMED]
    return reads


def _rows_read(counted: Database) -> int:
    rows = counted.read(lambda c: c.exec_driver_sql("SHOW SESSION STATUS LIKE 'Handler_read%%'").all())
    return sum(int(value) for _, value in rows)
