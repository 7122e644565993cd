"""A turn at some lanes: all that is due is settled, the flag ends as it must, and Redis is missed by nobody."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import pytest
from fakeredis import FakeRedis, FakeServer
from kombu.exceptions import OperationalError

from booking_service.domain.catalogue import EventState
from booking_service.wake.flags import AWAKE, LaneFlags
from shared.database.units import Database
from shared.errors import Unavailable
from tests.fixtures.bookings import LANES, MakeEvent, accept, new_booking, states
from tests.fixtures.box_office import booking_settings
from tests.fixtures.names import NAMES, given
from worker.drain import Drainer

EXPIRY_SECONDS = 60


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


class Flags(LaneFlags):
    """Flags that let something happen just before or just after a drainer frees some."""

    before_clear: Callable[[], object] | None = None
    after_clear: Callable[[], object] | None = None
    renewed = 0
    renewed_lanes: frozenset[int] = frozenset()

    def clear(self, lanes: Iterable[int]) -> None:
        before, self.before_clear = self.before_clear, None
        after, self.after_clear = self.after_clear, None
        if before is not None:
            before()
        super().clear(lanes)
        if after is not None:
            after()

    def renew(self, lanes: Iterable[int]) -> None:
        self.renewed += 1
        self.renewed_lanes = self.renewed_lanes.union(lanes)
        super().renew(lanes)


class Broker:
    """Notes what is sent for a turn of its own, and fails when told to."""

    def __init__(self) -> None:
        self.sent: list[Sequence[int]] = []
        self.is_away = False

    def publish(self, lanes: Sequence[int]) -> None:
        if self.is_away:
            raise OperationalError
        self.sent.append(lanes)


@dataclass
class Hands:
    """What a drainer needs, and a drainer made of it."""

    database: Database
    flags: Flags
    broker: Broker

    def drain(self, *lanes: int, swept: bool = False, batch_max: int = 500, seconds_max: float = 60) -> None:
        drainer = Drainer(self.database, self.flags, self.broker.publish, batch_max=batch_max, seconds_max=seconds_max)
        drainer.drain(lanes, swept=swept)


@pytest.fixture
def hands(booking_database: Database, redis: FakeRedis) -> Hands:
    return Hands(booking_database, Flags(redis, given, EXPIRY_SECONDS), Broker())


def is_awake(redis: FakeRedis, event: EventState) -> bool:
    return bool(redis.exists(f"{NAMES.key_prefix}{AWAKE}{event.lane}"))


def test_all_that_is_due_is_settled_and_the_flag_freed(hands: Hands, event: EventState, redis: FakeRedis) -> None:
    batch = [new_booking(event) for _ in range(12)]
    accept(hands.database, *batch)
    hands.flags.take([event.lane])
    hands.drain(event.lane)
    assert states(hands.database, *batch) == ["confirmed"] * 10 + ["rejected"] * 2
    assert not is_awake(redis, event)
    assert hands.broker.sent == []


def test_a_long_queue_is_settled_batch_by_batch_with_the_flag_kept_alive(hands: Hands, event: EventState) -> None:
    batch = [new_booking(event) for _ in range(12)]
    accept(hands.database, *batch)
    hands.drain(event.lane, batch_max=3)
    assert states(hands.database, *batch).count("pending") == 0
    assert hands.flags.renewed == 4
    assert hands.broker.sent == []


def test_an_empty_lane_is_no_trouble(hands: Hands, event: EventState) -> None:
    hands.drain(event.lane)
    assert hands.broker.sent == []


def test_no_lanes_are_no_trouble(hands: Hands) -> None:
    hands.drain()


def test_several_lanes_are_settled_in_one_turn(hands: Hands, make_event: MakeEvent, redis: FakeRedis) -> None:
    events = [make_event(2) for _ in range(LANES)]
    batch = [new_booking(event) for _ in range(3) for event in events]
    accept(hands.database, *batch)
    lanes = hands.flags.take(event.lane for event in events)
    hands.drain(*lanes)
    assert states(hands.database, *batch) == ["confirmed"] * 2 * LANES + ["rejected"] * LANES
    assert not any(is_awake(redis, event) for event in events)
    assert hands.broker.sent == []


def test_lanes_that_a_full_batch_did_not_reach_are_given_away(
    hands: Hands, make_event: MakeEvent, redis: FakeRedis
) -> None:
    # So that other workers take their part of a long queue, and no lane waits for another's.
    first, *others = sorted((make_event(9) for _ in range(LANES)), key=lambda event: event.lane)
    batch = [new_booking(event) for event in (first, *others) for _ in range(4)]
    accept(hands.database, *batch)
    hands.flags.take(event.lane for event in (first, *others))
    hands.drain(*(event.lane for event in (first, *others)), batch_max=3)
    assert states(hands.database, *batch) == ["confirmed"] * 4 + ["pending"] * 4 * len(others)
    assert hands.broker.sent == [[event.lane for event in others]]
    assert [is_awake(redis, event) for event in (first, *others)] == [False] + [True] * len(others)


def test_lanes_that_cannot_be_given_away_are_settled(hands: Hands, make_event: MakeEvent) -> None:
    events = [make_event(9) for _ in range(LANES)]
    batch = [new_booking(event) for event in events for _ in range(4)]
    accept(hands.database, *batch)
    hands.broker.is_away = True
    hands.drain(*(event.lane for event in events), batch_max=3)
    assert states(hands.database, *batch) == ["confirmed"] * 4 * LANES


def test_when_its_time_is_up_a_drainer_keeps_the_flags_and_sends_for_another_turn(
    hands: Hands, event: EventState, redis: FakeRedis
) -> None:
    accept(hands.database, booking := new_booking(event))
    hands.flags.take([event.lane])
    hands.drain(event.lane, seconds_max=0)
    assert hands.broker.sent == [[event.lane]]
    assert states(hands.database, booking) == ["pending"]
    assert is_awake(redis, event)


def test_when_its_time_is_up_and_the_broker_away_the_rest_is_left_to_the_sweep(hands: Hands, event: EventState) -> None:
    accept(hands.database, booking := new_booking(event))
    hands.broker.is_away = True
    hands.drain(event.lane, seconds_max=0)
    assert states(hands.database, booking) == ["pending"]


def test_a_turn_of_the_sweep_goes_on_when_nobody_else_was_told(
    hands: Hands, event: EventState, redis: FakeRedis
) -> None:
    accept(hands.database, new_booking(event))
    hands.drain(event.lane, swept=True, seconds_max=0)
    assert hands.broker.sent == [[event.lane]]
    assert is_awake(redis, event)


def test_a_turn_of_the_sweep_ends_with_its_time_when_somebody_else_was_told(hands: Hands, event: EventState) -> None:
    # Else each sweep of a long backlog would leave one more turn in the queue, for good.
    batch = [new_booking(event) for _ in range(4)]
    accept(hands.database, *batch)
    hands.flags.take([event.lane])
    hands.drain(event.lane, swept=True, seconds_max=0)
    assert hands.broker.sent == []
    assert states(hands.database, *batch) == ["pending"] * 4
    hands.drain(event.lane, swept=True, batch_max=3)
    assert states(hands.database, *batch) == ["confirmed"] * 4
    # A flag that may be all that is left of a dead drainer must not be kept alive.
    assert event.lane not in hands.flags.renewed_lanes


@pytest.mark.parametrize("moment", ["before_clear", "after_clear"])
def test_a_booking_that_comes_as_the_drainer_finishes_is_settled_by_it(
    hands: Hands, event: EventState, redis: FakeRedis, moment: str
) -> None:
    late = new_booking(event)
    setattr(hands.flags, moment, lambda: accept(hands.database, late))
    hands.drain(event.lane)
    assert states(hands.database, late) == ["confirmed"]
    assert not is_awake(redis, event)


def test_a_booking_that_has_somebody_elses_flag_is_left_to_them(
    hands: Hands, event: EventState, redis: FakeRedis
) -> None:
    late = new_booking(event)

    def book_and_wake() -> None:
        accept(hands.database, late)
        assert hands.flags.take([event.lane])

    hands.flags.after_clear = book_and_wake
    hands.drain(event.lane)
    assert states(hands.database, late) == ["pending"]
    assert is_awake(redis, event)  # so the message that they sent will find it
    hands.drain(event.lane)
    assert states(hands.database, late) == ["confirmed"]


def test_only_the_lanes_that_have_work_again_are_gone_on_with(
    hands: Hands, make_event: MakeEvent, redis: FakeRedis
) -> None:
    mine, other = make_event(5), make_event(5)
    late = new_booking(mine)
    hands.flags.after_clear = lambda: accept(hands.database, late)
    hands.drain(mine.lane, other.lane)
    assert states(hands.database, late) == ["confirmed"]
    assert not is_awake(redis, other)


def test_without_redis_all_is_settled_the_same(hands: Hands, event: EventState, server: FakeServer) -> None:
    batch = [new_booking(event) for _ in range(7)]
    accept(hands.database, *batch)
    server.connected = False
    hands.drain(event.lane, batch_max=2)
    assert states(hands.database, *batch) == ["confirmed"] * 7


def test_another_lane_is_left_alone(hands: Hands, make_event: MakeEvent) -> None:
    mine, other = make_event(5), make_event(5)
    assert mine.lane != other.lane
    accept(hands.database, ours := new_booking(mine), theirs := new_booking(other))
    hands.drain(mine.lane)
    assert states(hands.database, ours, theirs) == ["confirmed", "pending"]


def test_without_its_database_a_drainer_says_so_and_frees_no_flag(hands: Hands, redis: FakeRedis) -> None:
    hands.database = nowhere = Database.connect(
        "mysql+pymysql://root@127.0.0.1:1/x", booking_settings("sqlite:///never-made.db"), pool_size=1
    )
    hands.flags.take([1])
    with pytest.raises(Unavailable):
        hands.drain(1)
    assert redis.exists(f"{NAMES.key_prefix}{AWAKE}1")
    nowhere.close()
