"""Nudges: a lane is woken once for many bookings, and trouble with Redis is nobody's trouble but the waker's."""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence

import pytest
from fakeredis import FakeRedis, FakeServer
from redis.exceptions import ConnectionError as RedisConnectionError

from booking_service.wake.flags import AWAKE, SWEPT, LaneFlags
from booking_service.wake.names import Names
from booking_service.wake.waker import Waker, wake_sleeping
from shared.errors import Unavailable
from tests.fixtures.names import NAMES, given
from tests.fixtures.servers import wait_until

EXPIRY_SECONDS = 5
SECONDS_MAX = 10
PAUSE_SECONDS = 0.02
LONG_PAUSE_SECONDS = 60.0

MakeWaker = Callable[..., Waker]


class Publisher:
    """A broker that notes what it gets, fails when told to, and can be held up."""

    def __init__(self) -> None:
        self.messages: list[Sequence[int]] = []
        self.tried = 0
        self.failures: deque[Exception] = deque()
        self.open = threading.Event()
        self.open.set()

    @property
    def sent(self) -> list[int]:
        return [lane for lanes in self.messages for lane in lanes]

    def publish(self, lanes: Sequence[int]) -> None:
        self.tried += 1
        assert self.open.wait(SECONDS_MAX)
        if self.failures:
            raise self.failures.popleft()
        self.messages.append(lanes)


@pytest.fixture
def server() -> FakeServer:
    return FakeServer()


@pytest.fixture
def redis(server: FakeServer) -> Iterator[FakeRedis]:
    redis = FakeRedis(server=server)
    yield redis
    redis.close()


@pytest.fixture
def flags(redis: FakeRedis) -> LaneFlags:
    return LaneFlags(redis, given, EXPIRY_SECONDS)


@pytest.fixture
def publisher() -> Publisher:
    return Publisher()


@pytest.fixture
def make_waker(flags: LaneFlags, publisher: Publisher) -> Iterator[MakeWaker]:
    wakers: list[Waker] = []

    def make(pause_seconds: float = PAUSE_SECONDS) -> Waker:
        wakers.append(Waker(flags, publisher.publish, pause_seconds))
        return wakers[-1]

    yield make
    publisher.open.set()
    for waker in wakers:
        waker.close()


def test_a_flag_is_taken_once_until_it_is_cleared(flags: LaneFlags) -> None:
    assert [flags.take([1]), flags.take([1]), flags.take([2])] == [[1], [], [2]]
    flags.clear([1])
    assert flags.take([1])


def test_of_several_flags_those_that_are_free_are_taken(flags: LaneFlags, redis: FakeRedis) -> None:
    flags.take([2, 4])
    assert flags.take([1, 2, 3, 4]) == [1, 3]
    assert 0 < redis.ttl(f"{NAMES.key_prefix}{AWAKE}3") <= EXPIRY_SECONDS
    flags.clear([1, 4])
    assert flags.take([1, 2, 3, 4]) == [1, 4]


def test_no_flags_are_no_trouble(flags: LaneFlags, server: FakeServer) -> None:
    server.connected = False  # nobody is even asked
    assert flags.take([]) == []
    flags.clear([])
    flags.renew([])
    flags.clear_overlong([])


def test_flags_of_another_meaning_are_other_flags(flags: LaneFlags, redis: FakeRedis) -> None:
    swept = LaneFlags(redis, given, EXPIRY_SECONDS, SWEPT)
    assert flags.take([1])
    assert swept.take([1])
    swept.clear([1])
    assert not flags.take([1])


def test_a_flag_expires_and_renewing_prolongs_it(flags: LaneFlags, redis: FakeRedis) -> None:
    key = f"{NAMES.key_prefix}{AWAKE}1"
    flags.take([1])
    assert 0 < redis.ttl(key) <= EXPIRY_SECONDS
    redis.expire(key, 1)
    flags.renew([1])
    assert 1 < redis.ttl(key) <= EXPIRY_SECONDS


def test_renewing_sets_a_flag_that_is_gone(flags: LaneFlags) -> None:
    flags.renew([1])
    assert not flags.take([1])


def test_only_flags_that_have_longer_to_live_than_they_were_set_for_are_cleared_as_overlong(
    flags: LaneFlags, redis: FakeRedis
) -> None:
    # As those are whose Redis set its clock back.
    flags.take([1, 2])
    redis.expire(f"{NAMES.key_prefix}{AWAKE}1", EXPIRY_SECONDS + 3_600)
    flags.clear_overlong([1, 2, 3])
    assert flags.take([1, 2, 3]) == [1, 3]


def test_flags_of_another_installation_are_other_flags(flags: LaneFlags, redis: FakeRedis) -> None:
    others = LaneFlags(redis, lambda: Names.of("other"), EXPIRY_SECONDS)
    assert [flags.take([1]), others.take([1])] == [[1], [1]]
    others.clear([1])
    assert not flags.take([1])


def test_lanes_are_woken_once_somebody_knows_what_the_installation_is_called(
    redis: FakeRedis, publisher: Publisher, caplog: pytest.LogCaptureFixture
) -> None:
    known = threading.Event()

    def names() -> Names:
        if not known.is_set():
            raise Unavailable from OSError(113, "No route to host")
        return NAMES

    flags = LaneFlags(redis, names, EXPIRY_SECONDS)
    waker = Waker(flags, publisher.publish, PAUSE_SECONDS)
    waker.wake({1})
    wait_until(lambda: "Unavailable: No route to host" in caplog.text, "the log says why", SECONDS_MAX)
    waker.wake({2})
    known.set()
    wait_until(lambda: sorted(publisher.sent) == [1, 2], "all lanes are woken", SECONDS_MAX)
    waker.close()


def test_clearing_a_free_flag_is_nothing(flags: LaneFlags) -> None:
    flags.clear([1])


def test_those_that_sleep_are_woken(flags: LaneFlags, publisher: Publisher) -> None:
    flags.take([2])
    assert wake_sleeping(flags, publisher.publish, [1, 2, 3]) == [1, 3]
    assert publisher.sent == [1, 3]


def test_a_flag_without_a_message_is_freed(flags: LaneFlags, publisher: Publisher) -> None:
    publisher.failures.append(OSError("the broker is away"))
    with pytest.raises(OSError, match="the broker is away"):
        wake_sleeping(flags, publisher.publish, [1])
    assert flags.take([1])


def test_a_lane_is_woken(make_waker: MakeWaker, publisher: Publisher) -> None:
    make_waker().wake({3})
    wait_until(lambda: publisher.sent == [3], "the lane is woken", SECONDS_MAX)


def test_a_lane_that_is_awake_is_left_alone(make_waker: MakeWaker, publisher: Publisher, flags: LaneFlags) -> None:
    waker = make_waker()
    flags.take([1])
    waker.wake({1})
    waker.wake({2})
    wait_until(lambda: publisher.sent == [2], "the other lane is woken", SECONDS_MAX)


def test_lanes_that_are_woken_together_share_a_message(make_waker: MakeWaker, publisher: Publisher) -> None:
    make_waker().wake({3, 1, 2})
    wait_until(lambda: publisher.messages == [[1, 2, 3]], "one message", SECONDS_MAX)


def test_a_thousand_wakes_while_the_broker_is_slow_are_one(
    make_waker: MakeWaker, publisher: Publisher, flags: LaneFlags
) -> None:
    waker = make_waker()
    publisher.open.clear()
    waker.wake({0})
    wait_until(lambda: publisher.tried == 1, "the broker is being waited for", SECONDS_MAX)
    for _ in range(1_000):
        waker.wake({1, 2})
    started_at = time.monotonic()
    waker.wake({1})
    assert time.monotonic() - started_at < SECONDS_MAX / 2  # though the thread is stuck
    publisher.open.set()
    wait_until(lambda: len(publisher.sent) == 3, "all are woken", SECONDS_MAX)
    flags.clear([1])
    waker.wake({1})
    wait_until(lambda: len(publisher.sent) == 4, "the lane is woken again", SECONDS_MAX)
    assert sorted(publisher.sent) == [0, 1, 1, 2]


@pytest.mark.parametrize("failure", [RedisConnectionError("away"), OSError("away"), RuntimeError("a bug"), KeyError(1)])
def test_a_failure_to_publish_frees_the_flag_and_is_tried_again(
    make_waker: MakeWaker, publisher: Publisher, flags: LaneFlags, failure: Exception
) -> None:
    publisher.failures.append(failure)
    make_waker().wake({1})
    wait_until(lambda: publisher.sent == [1], "the lane is woken at the second try", SECONDS_MAX)
    assert publisher.tried == 2
    assert not flags.take([1])  # the second try took it again, which it could not had it not been freed


def test_after_a_failure_redis_is_left_alone_for_a_while(make_waker: MakeWaker, publisher: Publisher) -> None:
    publisher.failures.extend(OSError("away") for _ in range(100))
    waker = make_waker(LONG_PAUSE_SECONDS)
    waker.wake({1})
    wait_until(lambda: publisher.tried == 1, "the first try", SECONDS_MAX)
    for lane in range(50):
        waker.wake({lane})
    assert publisher.tried == 1


def test_while_a_failure_lasts_nobody_elses_flag_is_kept(
    make_waker: MakeWaker, publisher: Publisher, flags: LaneFlags
) -> None:
    publisher.failures.append(OSError("away"))
    make_waker(LONG_PAUSE_SECONDS).wake({1})
    wait_until(lambda: publisher.tried == 1, "the first try", SECONDS_MAX)
    wait_until(lambda: flags.take([1]), "the flag is free for another process", SECONDS_MAX)


def test_lanes_are_woken_once_redis_is_back(make_waker: MakeWaker, publisher: Publisher, server: FakeServer) -> None:
    server.connected = False
    waker = make_waker()
    waker.wake({1, 2})
    waker.wake({3})
    server.connected = True
    wait_until(lambda: sorted(publisher.sent) == [1, 2, 3], "all lanes are woken", SECONDS_MAX)


def test_closing_wakes_what_is_left(make_waker: MakeWaker, publisher: Publisher) -> None:
    publisher.open.clear()
    waker = make_waker()
    waker.wake({1})
    wait_until(lambda: publisher.tried == 1, "the broker is being waited for", SECONDS_MAX)
    waker.wake({2, 3})
    publisher.open.set()
    waker.close()
    assert sorted(publisher.sent) == [1, 2, 3]


def test_closing_in_the_pause_after_a_failure_tries_once_and_returns(
    make_waker: MakeWaker, publisher: Publisher
) -> None:
    publisher.failures.extend(OSError("away") for _ in range(100))
    waker = make_waker(LONG_PAUSE_SECONDS)
    waker.wake({1, 2, 3})
    wait_until(lambda: publisher.tried == 1, "the first try", SECONDS_MAX)
    started_at = time.monotonic()
    waker.close()
    assert time.monotonic() - started_at < SECONDS_MAX
    assert publisher.tried == 2


def test_closing_what_was_never_used_returns(make_waker: MakeWaker) -> None:
    make_waker().close()
