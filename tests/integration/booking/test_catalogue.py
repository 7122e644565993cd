"""Events on each database: rules are kept, a repeated request makes one event, and what is shut is found."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from sqlalchemy import Connection, func, select, update

from booking_service.domain import catalogue
from booking_service.domain.catalogue import EventState, NewEvent, Origin
from booking_service.domain.errors import EventInThePast
from booking_service.domain.models import FIT, STRICT, Event, Stock
from booking_service.domain.rules import WAITING_UNLIMITED, GivenRules
from shared.database.units import Database
from shared.errors import IdempotencyKeyReused, InvalidInput
from tests.fixtures.bookings import LANES, NOW, STARTS_AT, MakeEvent
from tests.fixtures.databases import statements_of

HOUR = timedelta(hours=1)
RULES = GivenRules(2, 4, STARTS_AT - 9 * HOUR, STARTS_AT - HOUR, STARTS_AT - 2 * HOUR, 600, STRICT, 10)
PROMS = NewEvent("Last Night", "Albert Hall", STARTS_AT, 10, RULES)
KEYED = replace(PROMS, origin=Origin(7, "key"))
RACERS = 8


def create(database: Database, new: NewEvent, now: datetime | None = None) -> EventState:
    """Create ``new`` as one request does, which has a moment of its own unless that is given."""
    work = partial(catalogue.create_event, new=new, lanes=LANES, now=now or datetime.now(UTC))
    return database.write(work, repeat_lost=True)


def count(database: Database) -> int:
    return database.read(lambda connection: connection.scalar(select(func.count()).select_from(Event))) or 0


def change(database: Database, event: EventState, **values: object) -> None:
    table = Event if hasattr(Event, next(iter(values))) else Stock
    key = Event.id if table is Event else Stock.event_id
    database.write(
        lambda connection: connection.execute(update(table).where(key == event.id).values(values)), repeat_lost=False
    )


def test_the_rules_of_an_event_are_kept_and_shown(booking_database: Database) -> None:
    created = create(booking_database, PROMS)
    (listed,) = booking_database.read(partial(catalogue.list_events, after_id=0, count_max=9))
    found = booking_database.read(partial(catalogue.find_events, ids=[created.id]))[created.id]
    assert created == listed == found
    assert created == EventState(
        id=created.id,
        name="Last Night",
        venue="Albert Hall",
        starts_at=STARTS_AT,
        lane=created.id % LANES,
        capacity=10,
        available=10,
        has_rules=True,
        seats_per_booking_max=2,
        seats_per_user_max=4,
        sales_open_at=RULES.sales_open_at,
        sales_close_at=RULES.sales_close_at,
        cancel_until=RULES.cancel_until,
        hold_seconds=600,
        waitlist=STRICT,
        waiting_max=10,
    )


@pytest.mark.parametrize("name", [name for name in GivenRules._fields if name != "waitlist_max"])
def test_one_rule_makes_an_event_that_has_rules(booking_database: Database, name: str) -> None:
    ruled = create(booking_database, replace(PROMS, rules=GivenRules(**{name: getattr(RULES, name)})))
    plain = create(booking_database, replace(PROMS, rules=GivenRules()))
    assert (ruled.has_rules, plain.has_rules) == (True, False)


def test_a_list_without_a_bound_takes_all(booking_database: Database) -> None:
    event = create(booking_database, replace(PROMS, rules=GivenRules(waitlist=FIT)))
    assert (event.waiting_max, event.waitlist_max) == (WAITING_UNLIMITED, None)


def test_rules_that_contradict_each_other_store_nothing(booking_database: Database) -> None:
    with pytest.raises(InvalidInput) as refused:
        create(booking_database, replace(KEYED, rules=GivenRules(sales_open_at=STARTS_AT, waitlist_max=1)))
    assert [error.pointer for error in refused.value.errors] == ["#/sales_open_at", "#/waitlist_max"]
    assert count(booking_database) == 0


def test_the_same_request_makes_one_event_and_says_so(booking_database: Database) -> None:
    first = create(booking_database, KEYED)
    change(booking_database, first, capacity=20, available=20)
    change(booking_database, first, name="Called otherwise by now")
    again = create(booking_database, KEYED)
    assert (first.is_repeated, again.is_repeated) == (False, True)
    # As it is now; that it was asked for as it was then is not forgotten by any change.
    assert (again.id, again.capacity, again.name) == (first.id, 20, "Called otherwise by now")
    assert count(booking_database) == 1


def test_a_repetition_is_answered_when_the_event_has_begun(booking_database: Database) -> None:
    first = create(booking_database, KEYED)
    assert create(booking_database, KEYED, STARTS_AT + HOUR).id == first.id
    with pytest.raises(EventInThePast):
        create(booking_database, replace(KEYED, origin=Origin(7, "new")), STARTS_AT + HOUR)


def test_a_key_with_another_event_is_refused(booking_database: Database) -> None:
    create(booking_database, KEYED)
    for other in (replace(KEYED, capacity=11), replace(KEYED, rules=GivenRules())):
        with pytest.raises(IdempotencyKeyReused):
            create(booking_database, other)
    assert count(booking_database) == 1


def test_keys_belong_to_who_sends_them_and_no_key_repeats_nothing(booking_database: Database) -> None:
    origins = [Origin(7, "key"), Origin(8, "key"), Origin(7, "KEY"), Origin(7), Origin(7), Origin()]
    events = [create(booking_database, replace(PROMS, origin=origin)) for origin in origins]
    assert len({event.id for event in events}) == len(origins)
    assert not any(event.is_repeated for event in events)
    stored = booking_database.read(lambda c: c.execute(select(Event.created_by).order_by(Event.id)).scalars().all())
    assert stored == [7, 8, 7, 7, 7, None]


def test_of_many_equal_requests_at_once_one_makes_the_event(booking_database: Database) -> None:
    with ThreadPoolExecutor(RACERS) as threads:
        events = list(threads.map(lambda _: create(booking_database, KEYED), range(RACERS)))
    assert len({event.id for event in events}) == 1
    assert sorted(event.is_repeated for event in events) == [False] + [True] * (RACERS - 1)
    assert count(booking_database) == 1


def test_a_request_that_runs_again_after_a_lost_commit_repeats_nobody(booking_database: Database) -> None:
    # It finds its own event, and is the first to be answered.
    first, again = create(booking_database, KEYED, NOW), create(booking_database, KEYED, NOW)
    later = create(booking_database, KEYED, NOW + HOUR)
    assert [event.is_repeated for event in (first, again, later)] == [False, False, True]
    assert count(booking_database) == 1


def test_what_is_shut_is_found(booking_database: Database, make_event: MakeEvent) -> None:
    strict, fit = GivenRules(waitlist=STRICT, waitlist_max=2), GivenRules(waitlist=FIT)
    free, full, waiting, crowded, boundless = (
        make_event(1),
        make_event(0),
        make_event(0, rules=strict),
        make_event(0, rules=strict),
        make_event(0, rules=fit),
    )
    cancelled, long_ago = make_event(1), make_event(1)
    ids = [event.id for event in (free, full, waiting, crowded, boundless)]

    def look(connection: Connection) -> None:
        for event, number in ((waiting, 1), (crowded, 2), (boundless, 10**6)):
            connection.execute(update(Stock).where(Stock.event_id == event.id).values(waiting=number))
        for event, moment in ((cancelled, NOW), (long_ago, NOW - HOUR)):
            connection.execute(update(Event).where(Event.id == event.id).values(cancelled_at=moment))
        find = partial(catalogue.shut_events, connection)
        assert find(ids, NOW) == ({full.id, crowded.id}, {cancelled.id})
        assert find(ids[2:], NOW - HOUR) == ({crowded.id}, {cancelled.id, long_ago.id})
        assert find([], NOW + HOUR) == (set(), set())
        raise LookupError  # so that nothing of it stays: nobody waits here, as the audit would say

    with pytest.raises(LookupError):
        booking_database.write(look, repeat_lost=False)


@pytest.mark.parametrize("far", [[], [10**9]], ids=["neighbours", "events that are far apart"])
def test_only_those_that_are_asked_for_are_found_full(
    booking_database: Database, make_event: MakeEvent, far: list[int]
) -> None:
    first, between, last, free = make_event(0), make_event(0), make_event(0), make_event(1)
    ids = [last.id, first.id, free.id, *far]
    shut = booking_database.read(partial(catalogue.shut_events, ids=ids, cancelled_since=NOW))
    assert shut.full == {first.id, last.id}
    assert between.id not in shut.full


def test_looking_for_what_is_shut_is_one_statement(booking_database: Database, make_event: MakeEvent) -> None:
    event, statements = make_event(1), list[str]()
    with statements_of(booking_database, statements):
        booking_database.read(partial(catalogue.shut_events, ids=[event.id], cancelled_since=NOW))
    assert len(statements) == 1
