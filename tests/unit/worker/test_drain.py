"""A turn at a lane: all that is due is settled, the flag ends as it must, and Redis is missed by nobody."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fakeredis import FakeRedis, FakeServer

from booking_service.domain.catalogue import EventState
from shared.database import Database
from shared.errors import Unavailable
from shared.queue import AWAKE, WakeFlags
from tests.fixtures.bookings import MakeEvent, accept, new_booking, states
from tests.fixtures.box_office import booking_settings, migrated_sqlite
from worker.drain import Drainer, Turn

EXPIRY_SECONDS = 60


@pytest.fixture
def booking_database(tmp_path: Path) -> Iterator[Database]:
    """The fixture that `make_event` builds on, on SQLite alone."""
    url = migrated_sqlite(tmp_path)
    database = Database.connect(url, booking_settings(url), pool_size=2)
    yield database
    database.close()


@pytest.fixture
def event(make_event: MakeEvent) -> EventState:
    return make_event(10)


@pytest.fixture
def server() -> FakeServer:
    return FakeServer()


@pytest.fixture
def redis(server: FakeServer) -> Iterator[FakeRedis]:
    redis = FakeRedis(server=server)
    yield redis
    redis.close()


class Flags(WakeFlags):
    """Flags that let something happen just before or just after a drainer frees one."""

    before_clear: Callable[[], object] | None = None
    after_clear: Callable[[], object] | None = None
    renewed = 0

    def clear(self, lane: int) -> None:
        before, self.before_clear = self.before_clear, None
        after, self.after_clear = self.after_clear, None
        if before is not None:
            before()
        super().clear(lane)
        if after is not None:
            after()

    def renew(self, lane: int) -> None:
        self.renewed += 1
        super().renew(lane)


@pytest.fixture
def flags(redis: FakeRedis) -> Flags:
    return Flags(redis, EXPIRY_SECONDS)


def drainer(database: Database, flags: WakeFlags, batch_max: int = 500, seconds_max: float = 60) -> Drainer:
    return Drainer(database, flags, batch_max=batch_max, seconds_max=seconds_max)


def is_awake(redis: FakeRedis, event: EventState) -> bool:
    return bool(redis.exists(f"{AWAKE}{event.lane}"))


def test_all_that_is_due_is_settled_and_the_flag_freed(
    booking_database: Database, event: EventState, flags: Flags, redis: FakeRedis
) -> None:
    batch = [new_booking(event) for _ in range(12)]
    accept(booking_database, *batch)
    flags.take(event.lane)
    assert drainer(booking_database, flags).drain(event.lane) is Turn.EMPTY
    assert states(booking_database, *batch) == ["confirmed"] * 10 + ["rejected"] * 2
    assert not is_awake(redis, event)


def test_a_long_queue_is_settled_batch_by_batch_with_the_flag_kept_alive(
    booking_database: Database, event: EventState, flags: Flags
) -> None:
    batch = [new_booking(event) for _ in range(12)]
    accept(booking_database, *batch)
    assert drainer(booking_database, flags, batch_max=3).drain(event.lane) is Turn.EMPTY
    assert states(booking_database, *batch).count("pending") == 0
    assert flags.renewed == 4


def test_an_empty_lane_is_no_trouble(booking_database: Database, event: EventState, flags: Flags) -> None:
    assert drainer(booking_database, flags).drain(event.lane) is Turn.EMPTY


def test_when_its_time_is_up_a_drainer_keeps_the_flag_and_says_so(
    booking_database: Database, event: EventState, flags: Flags, redis: FakeRedis
) -> None:
    accept(booking_database, booking := new_booking(event))
    flags.take(event.lane)
    assert drainer(booking_database, flags, seconds_max=0).drain(event.lane) is Turn.TIME_UP
    assert states(booking_database, booking) == ["pending"]
    assert is_awake(redis, event)


def test_a_turn_of_the_sweep_goes_on_when_nobody_else_was_told(
    booking_database: Database, event: EventState, flags: Flags, redis: FakeRedis
) -> None:
    accept(booking_database, new_booking(event))
    assert drainer(booking_database, flags, seconds_max=0).drain(event.lane, swept=True) is Turn.TIME_UP
    assert is_awake(redis, event)


def test_a_turn_of_the_sweep_ends_with_its_time_when_somebody_else_was_told(
    booking_database: Database, event: EventState, flags: Flags
) -> None:
    # Else each sweep of a long backlog would leave one more turn in the queue, for good.
    batch = [new_booking(event) for _ in range(4)]
    accept(booking_database, *batch)
    flags.take(event.lane)
    assert drainer(booking_database, flags, seconds_max=0).drain(event.lane, swept=True) is Turn.NOT_OURS
    assert drainer(booking_database, flags, batch_max=3).drain(event.lane, swept=True) is Turn.EMPTY
    assert states(booking_database, *batch) == ["confirmed"] * 4
    # A flag that may be all that is left of a dead drainer must not be kept alive.
    assert flags.renewed == 0


@pytest.mark.parametrize("moment", ["before_clear", "after_clear"])
def test_a_booking_that_comes_as_the_drainer_finishes_is_settled_by_it(
    booking_database: Database, event: EventState, flags: Flags, redis: FakeRedis, moment: str
) -> None:
    late = new_booking(event)
    setattr(flags, moment, lambda: accept(booking_database, late))
    assert drainer(booking_database, flags).drain(event.lane) is Turn.EMPTY
    assert states(booking_database, late) == ["confirmed"]
    assert not is_awake(redis, event)


def test_a_booking_that_has_somebody_elses_flag_is_left_to_them(
    booking_database: Database, event: EventState, flags: Flags, redis: FakeRedis
) -> None:
    late = new_booking(event)

    def book_and_wake() -> None:
        accept(booking_database, late)
        assert flags.take(event.lane)

    flags.after_clear = book_and_wake
    assert drainer(booking_database, flags).drain(event.lane) is Turn.EMPTY
    assert states(booking_database, late) == ["pending"]
    assert is_awake(redis, event)  # so the message that they sent will find it
    assert drainer(booking_database, flags).drain(event.lane) is Turn.EMPTY
    assert states(booking_database, late) == ["confirmed"]


def test_without_redis_all_is_settled_the_same(
    booking_database: Database, event: EventState, flags: Flags, server: FakeServer
) -> None:
    batch = [new_booking(event) for _ in range(7)]
    accept(booking_database, *batch)
    server.connected = False
    assert drainer(booking_database, flags, batch_max=2).drain(event.lane) is Turn.EMPTY
    assert states(booking_database, *batch) == ["confirmed"] * 7


def test_another_lane_is_left_alone(booking_database: Database, make_event: MakeEvent, flags: Flags) -> None:
    mine, other = make_event(5), make_event(5)
    assert mine.lane != other.lane
    accept(booking_database, ours := new_booking(mine), theirs := new_booking(other))
    drainer(booking_database, flags).drain(mine.lane)
    assert states(booking_database, ours, theirs) == ["confirmed", "pending"]


def test_without_its_database_a_drainer_says_so_and_frees_no_flag(flags: Flags, redis: FakeRedis) -> None:
    nowhere = Database.connect("mysql+pymysql://root@127.0.0.1:1/x", booking_settings("sqlite://"), pool_size=1)
    flags.take(1)
    with pytest.raises(Unavailable):
        drainer(nowhere, flags).drain(1)
    assert redis.exists(f"{AWAKE}1")
    nowhere.close()
