"""Lanes on real databases: who has work, since when, and in which order."""

from datetime import UTC, datetime, timedelta
from functools import partial

from sqlalchemy import update

from booking_service.domain.models import SET_CAPACITY, Hold
from booking_service.domain.rules import GivenRules
from booking_service.domain.seats.lanes import head_of_lane, lanes_due, lanes_overdue, oldest_due
from shared.database.units import Database
from tests.fixtures.bookings import MakeEvent, accept, new_booking, settle, states
from tests.fixtures.changes import change, request

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def test_lanes_that_have_work_are_told_from_those_that_have_none(
    booking_database: Database, make_event: MakeEvent
) -> None:
    events = [make_event(1) for _ in range(4)]
    accept(booking_database, *[new_booking(event) for event in (events[1], events[3], events[3])])
    found = booking_database.read(partial(lanes_due, lanes=[event.lane for event in events]))
    assert sorted(found) == sorted([events[1].lane, events[3].lane])


def test_a_lane_has_work_while_a_change_is_due_or_a_hold_has_ended(
    booking_database: Database, make_event: MakeEvent
) -> None:
    event = make_event(5, rules=GivenRules(hold_seconds=3_600))
    accept(booking_database, held := new_booking(event))
    settle(booking_database, event)
    due = partial(lanes_due, lanes=[event.lane])
    assert booking_database.read(due) == []  # the hold has not ended
    request(booking_database, change(event, None, SET_CAPACITY, 6))
    assert booking_database.read(due) == [event.lane]
    settle(booking_database, event)
    assert booking_database.read(due) == []
    end = update(Hold).values(expires_at=LONG_AGO)
    booking_database.write(lambda c: c.execute(end), repeat_lost=False)
    assert booking_database.read(due) == [event.lane]
    settle(booking_database, event)
    assert (booking_database.read(due), states(booking_database, held)) == ([], ["expired"])


def test_a_due_change_ages_as_a_booking_does_and_a_hold_that_has_ended_is_overdue_at_once(
    booking_database: Database, make_event: MakeEvent
) -> None:
    event = make_event(5, rules=GivenRules(hold_seconds=3_600))
    accept(booking_database, new_booking(event))
    settle(booking_database, event)
    request(booking_database, change(event, None, SET_CAPACITY, 6))
    now, overdue = datetime.now(UTC), partial(lanes_overdue, age=timedelta(seconds=3))
    assert booking_database.read(partial(overdue, now=now)) == []
    assert booking_database.read(partial(overdue, now=now + timedelta(seconds=4))) == [event.lane]
    assert list(booking_database.read(oldest_due)) == [event.lane]
    settle(booking_database, event)
    booking_database.write(lambda c: c.execute(update(Hold).values(expires_at=LONG_AGO)), repeat_lost=False)
    assert booking_database.read(partial(overdue, now=now)) == [event.lane]
    assert booking_database.read(oldest_due) == {event.lane: LONG_AGO}
    settle(booking_database, event)


def test_an_event_keeps_its_lane_and_lanes_are_all_used(make_event: MakeEvent) -> None:
    events = [make_event(1) for _ in range(8)]
    assert [event.lane for event in events] == [event.id % 4 for event in events]


def test_a_lane_is_overdue_by_the_age_of_its_oldest_booking(booking_database: Database, make_event: MakeEvent) -> None:
    old, young = make_event(1), make_event(1)
    accept(booking_database, new_booking(old), new_booking(young))
    overdue = partial(lanes_overdue, age=timedelta(seconds=3))
    now = datetime.now(UTC)
    assert booking_database.read(partial(overdue, now=now)) == []
    assert sorted(booking_database.read(partial(overdue, now=now + timedelta(seconds=4)))) == sorted(
        {old.lane, young.lane}
    )
    # A clock that is ahead makes bookings from the future, whose age nobody knows.
    behind = now - timedelta(seconds=4)
    assert len(booking_database.read(partial(overdue, now=behind))) == len({old.lane, young.lane})
    settle(booking_database, old)
    assert booking_database.read(partial(overdue, now=now + timedelta(seconds=4))) == [young.lane]


def test_the_head_of_a_lane_is_in_the_order_of_the_queue(booking_database: Database, make_event: MakeEvent) -> None:
    event = make_event(1)
    batch = [new_booking(event) for _ in range(5)]
    accept(booking_database, *batch)
    head = booking_database.read(partial(head_of_lane, lane=event.lane, count_max=3))
    assert head == [new.id for new in batch[:3]]
