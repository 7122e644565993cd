"""Signs of life: heard while they change, by the listener's own clock, and by nobody of another installation."""

from collections.abc import Iterator

import pytest
from fakeredis import FakeRedis

from booking_service.wake.names import Names
from booking_service.wake.sign_of_life import Listener, SignOfLife
from tests.fixtures.names import given

LASTING_SECONDS = 30


@pytest.fixture
def redis() -> Iterator[FakeRedis]:
    redis = FakeRedis()
    yield redis
    redis.close()


@pytest.fixture
def sign(redis: FakeRedis) -> SignOfLife:
    return SignOfLife(redis, given)


class Clock:
    """Seconds that pass when a test says so."""

    now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def listener(sign: SignOfLife, clock: Clock) -> Listener:
    return Listener(sign.read, clock)


def test_nobody_is_heard_where_nobody_is(listener: Listener) -> None:
    assert not listener.hears()
    assert not listener.hears()


def test_a_sign_that_comes_while_one_listens_is_heard(listener: Listener, sign: SignOfLife) -> None:
    listener.hears()
    sign.give(LASTING_SECONDS)
    assert listener.hears()
    assert listener.hears()  # the same one, a moment later


def test_a_sign_that_was_there_before_is_believed_when_it_changes(listener: Listener, sign: SignOfLife) -> None:
    # It may be left over: `make run` keeps its Redis's data over a stop.
    sign.give(LASTING_SECONDS)
    assert not listener.hears()
    assert not listener.hears()
    sign.give(LASTING_SECONDS)
    assert listener.hears()


def test_a_sign_is_gone_when_none_comes_for_as_long_as_it_lasts(redis: FakeRedis, sign: SignOfLife) -> None:
    sign.give(LASTING_SECONDS)
    (key,) = redis.keys()
    assert 0 < redis.ttl(key) <= LASTING_SECONDS


def test_a_sign_that_redis_keeps_for_too_long_is_not_believed(
    listener: Listener, sign: SignOfLife, clock: Clock
) -> None:
    # Its clock was set back: what it was to keep for half a minute it keeps for an hour.
    listener.hears()
    sign.give(LASTING_SECONDS)
    assert listener.hears()
    clock.now += LASTING_SECONDS
    assert listener.hears()
    clock.now += 1
    assert not listener.hears()
    sign.give(LASTING_SECONDS)
    assert listener.hears()


def test_a_worker_that_comes_back_is_heard_again(listener: Listener, sign: SignOfLife, redis: FakeRedis) -> None:
    listener.hears()
    sign.give(LASTING_SECONDS)
    assert listener.hears()
    redis.flushall()
    assert not listener.hears()
    sign.give(LASTING_SECONDS)
    assert listener.hears()


def test_the_workers_of_another_installation_are_not_heard(listener: Listener, redis: FakeRedis) -> None:
    listener.hears()
    SignOfLife(redis, lambda: Names.of("other")).give(LASTING_SECONDS)
    assert not listener.hears()
