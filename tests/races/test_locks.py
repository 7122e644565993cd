"""What may wait for what, on real servers: the lane's lock holds up settlement of that lane and nothing else."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import pytest
from sqlalchemy import Connection, update

from booking_service.domain import catalogue
from booking_service.domain.bookings.lookup import BookingState
from booking_service.domain.changes.lookup import ChangeState
from booking_service.domain.models import CANCEL_BOOKING, CONFIRM_HOLD, SET_CAPACITY, Stock
from booking_service.domain.rules import GivenRules
from booking_service.domain.seats import settlement
from booking_service.domain.seats.lanes import lock_lanes
from booking_service.domain.seats.settlement import Batch
from shared.database.units import Database
from tests.fixtures.bookings import LANES, MakeEvent, accept, new_booking, seats_left, settle, states
from tests.fixtures.changes import change, request
from tests.fixtures.databases import REAL
from tests.fixtures.settling import settle_all

WAIT_SECONDS_MAX = 20
ROUNDS = 1_500  # of two statements that touch rows side by side


@pytest.fixture(params=REAL)
def database_kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@contextmanager
def lane_held(database: Database, lane: int) -> Iterator[Connection]:
    """Hold a lane's lock, with its seats written and not committed, as a drainer in the middle of a batch does."""
    with database.engine.connect() as connection, connection.begin():
        lock_lanes(connection, [lane])
        connection.execute(update(Stock).values(available=Stock.available))
        yield connection


def test_bookings_are_accepted_while_their_lane_is_being_settled(
    booking_database: Database, make_event: MakeEvent
) -> None:
    event = make_event(5)
    with lane_held(booking_database, event.lane):
        (answer,) = accept(booking_database, booking := new_booking(event))
        assert isinstance(answer, BookingState)
        assert states(booking_database, booking) == ["pending"]
    settle(booking_database, event)


def test_changes_are_asked_for_while_their_lane_is_being_settled(
    booking_database: Database, make_event: MakeEvent
) -> None:
    # Taking the lock looks into both queues, and a look that locked what it reads would hold up who adds to them.
    event = make_event(5, rules=GivenRules(hold_seconds=3_600))
    accept(booking_database, held := new_booking(event))
    settle(booking_database, event)
    request(booking_database, change(event, held, CONFIRM_HOLD))
    with lane_held(booking_database, event.lane):
        (answer,) = request(booking_database, wanted := change(event, None, SET_CAPACITY, 9))
        assert isinstance(answer, ChangeState)
        assert answer.id == wanted.id
    settle_all(booking_database)
    assert seats_left(booking_database, event) == 8


def test_holds_of_one_lane_begin_and_end_while_another_is_being_settled(
    booking_database: Database, make_event: MakeEvent
) -> None:
    # As above: the end of the one lane's holds is where those of the next begin in the index.
    holding = GivenRules(hold_seconds=3_600)
    before, between, behind = sorted((make_event(5, rules=holding) for _ in range(3)), key=lambda event: event.lane)
    accept(booking_database, new_booking(before), new_booking(between), new_booking(behind))
    settle_all(booking_database)
    with booking_database.engine.connect() as connection, connection.begin():
        lock_lanes(connection, [between.lane])
        for event in (before, behind):
            accept(booking_database, held := new_booking(event, user=2))
            settle(booking_database, event)
            assert states(booking_database, held) == ["held"]
            request(booking_database, change(event, held, CANCEL_BOOKING, 0, user=2))
            settle(booking_database, event)
            assert states(booking_database, held) == ["cancelled"]


def test_events_are_created_while_their_lane_is_being_settled(
    booking_database: Database, make_event: MakeEvent
) -> None:
    events = [make_event(5) for _ in range(4)]
    with lane_held(booking_database, events[0].lane):
        assert make_event(5).lane == events[0].lane


def test_other_lanes_are_settled_meanwhile(booking_database: Database, make_event: MakeEvent) -> None:
    held, free = make_event(5), make_event(5)
    accept(booking_database, booking := new_booking(free))
    with booking_database.engine.connect() as connection, connection.begin():
        lock_lanes(connection, [held.lane])
        settle(booking_database, free)
        assert states(booking_database, booking) == ["confirmed"]


def test_nobody_waits_for_a_lane_that_is_being_settled(booking_database: Database, make_event: MakeEvent) -> None:
    event = make_event(5)
    attempt = partial(settlement.settle_batch, lanes=[event.lane], batch_max=9)
    with lane_held(booking_database, event.lane):
        assert booking_database.write(attempt, repeat_lost=False) == Batch([])
    assert booking_database.write(attempt, repeat_lost=False) == Batch([event.lane])


def test_a_lane_that_no_event_was_given_is_an_error(booking_database: Database, make_event: MakeEvent) -> None:
    known = make_event(1).lane
    with pytest.raises(LookupError, match=r"lanes \[77\]"):
        booking_database.write(lambda c: lock_lanes(c, [known, 77]), repeat_lost=False)


def test_taking_some_lanes_never_touches_the_others(booking_database: Database, make_event: MakeEvent) -> None:
    # Not even for the moment that a scan takes: whoever finds a lane taken leaves its bookings to the taker.
    lanes = sorted(make_event(1).lane for _ in range(LANES))
    mine, theirs = lanes[::2], lanes[1::2]
    stop = threading.Event()

    def take_mine() -> None:
        while not stop.is_set():
            booking_database.write(partial(lock_lanes, lanes=mine), repeat_lost=False)

    threads = [threading.Thread(target=take_mine) for _ in range(4)]
    for thread in threads:
        thread.start()
    got = [booking_database.write(partial(lock_lanes, lanes=theirs), repeat_lost=False) for _ in range(ROUNDS)]
    stop.set()
    for thread in threads:
        thread.join(WAIT_SECONDS_MAX)
    assert [locks.lanes for locks in got] == [theirs] * ROUNDS


def test_drainers_of_overlapping_lanes_settle_each_booking_once(
    booking_database: Database, make_event: MakeEvent
) -> None:
    events = [make_event(30) for _ in range(LANES)]
    batch = [new_booking(event) for _ in range(40) for event in events]
    accept(booking_database, *batch)
    start = threading.Barrier(6)

    def drain(first: int) -> None:
        lanes = [event.lane for event in (*events, *events)[first : first + LANES - 1]]
        start.wait()
        while settlement_of(lanes).settled:
            pass

    def settlement_of(lanes: list[int]) -> Batch:
        work = partial(settlement.settle_batch, lanes=lanes, batch_max=7)
        return booking_database.write(work, repeat_lost=False)

    threads = [threading.Thread(target=drain, args=(number % LANES,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT_SECONDS_MAX)
    for event in events:
        settle(booking_database, event)  # what a drainer left when others had all of its lanes
    of = {event.id: [new for new in batch if new.event_id == event.id] for event in events}
    for event in events:
        assert states(booking_database, *of[event.id]) == ["confirmed"] * 30 + ["rejected"] * 10


def test_many_drainers_of_one_lane_settle_each_booking_once(booking_database: Database, make_event: MakeEvent) -> None:
    event = make_event(50)
    batch = [new_booking(event) for _ in range(200)]
    accept(booking_database, *batch)
    start = threading.Barrier(8)

    def drain() -> None:
        start.wait()
        while settle(booking_database, event, batch_max=7):
            pass

    threads = [threading.Thread(target=drain) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT_SECONDS_MAX)
    assert states(booking_database, *batch) == ["confirmed"] * 50 + ["rejected"] * 150
    assert seats_left(booking_database, event) == 0


def test_concurrent_repetitions_of_a_key_are_one_booking(booking_database: Database, make_event: MakeEvent) -> None:
    event = make_event(50)
    start = threading.Barrier(8)
    answers: list[object] = []

    def book() -> None:
        start.wait()
        answers.extend(accept(booking_database, new_booking(event), new_booking(event, key="k"), new_booking(event)))

    threads = [threading.Thread(target=book) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT_SECONDS_MAX)
    ids = [answer.id for answer in answers if isinstance(answer, BookingState)]
    assert len(ids) == 24
    assert len(set(ids)) == 17


def test_events_created_at_once_share_new_lanes(booking_database: Database, make_event: MakeEvent) -> None:
    start = threading.Barrier(12)
    ids: list[int] = []

    def create() -> None:
        start.wait()
        ids.append(make_event(1).id)

    threads = [threading.Thread(target=create) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT_SECONDS_MAX)
    events = booking_database.read(partial(catalogue.find_events, ids=ids))
    assert len(events) == 12
