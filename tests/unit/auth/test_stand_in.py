"""Counts while Redis is away, slow, or back."""

import asyncio
import logging

import pytest
from redis.exceptions import ConnectionError as RedisAwayError

from auth_service.guard.counts import CountsWithStandIn
from auth_service.guard.delays import Attempt, Rules
from auth_service.guard.in_process import CountsInProcess
from shared.rate_limits.policies import Policy, Standing
from tests.fixtures.hours import Clock

TWO_A_MINUTE = Policy("login-address", 2, 60)
RULES = Rules.of(tries_free=5, delay_seconds_max=900)
PAUSE_SECONDS = 5


class Redis(CountsInProcess):
    """Answers, fails or hangs, as a test wants it."""

    def __init__(self) -> None:
        super().__init__(RULES, 100)
        self.mood = "well"
        self.asked = self.prepared = 0

    async def prepare(self) -> None:
        self.prepared += 1

    async def take(self, policy: Policy, key: str) -> Standing:
        await self._answer()
        return await super().take(policy, key)

    async def begin(self, address: str, account: str) -> Attempt:
        await self._answer()
        return await super().begin(address, account)

    async def _answer(self) -> None:
        self.asked += 1
        if self.mood == "away":
            raise RedisAwayError
        if self.mood == "hangs":
            await asyncio.Event().wait()


class Desk:
    """Counts in that Redis, and a stand-in."""

    def __init__(self) -> None:
        self.redis, self.clock = Redis(), Clock()
        self.counts = CountsWithStandIn(
            self.redis,
            CountsInProcess(RULES, 100),
            timeout_seconds=0.02,
            pause_seconds=PAUSE_SECONDS,
            clock=self.clock,
        )

    def take(self) -> bool:
        """Take one more; tell whether it was refused."""
        return asyncio.run(self.once())

    async def once(self) -> bool:
        return (await self.counts.take(TWO_A_MINUTE, "ada")).is_refused


@pytest.fixture
def desk(caplog: pytest.LogCaptureFixture) -> Desk:
    caplog.set_level(logging.INFO)
    return Desk()


def test_as_long_as_redis_answers_it_counts(desk: Desk) -> None:
    assert [desk.take() for _ in range(3)] == [False, False, True]
    assert desk.redis.asked == 3


@pytest.mark.parametrize("mood", ["away", "hangs"])
def test_without_redis_the_process_counts_and_the_log_says_so_once(
    desk: Desk, caplog: pytest.LogCaptureFixture, mood: str
) -> None:
    assert not desk.take()
    desk.redis.mood = mood
    assert [desk.take() for _ in range(4)] == [False, False, True, True]
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "Redis does not answer" in caplog.text


def test_what_does_not_answer_is_left_alone_for_a_pause(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    desk.redis.mood = "away"
    for _ in range(10):
        desk.take()
    assert desk.redis.asked == 1
    desk.clock.go_on(PAUSE_SECONDS)
    for _ in range(10):
        desk.take()
    assert desk.redis.asked == 2
    assert len(caplog.records) == 1


def test_when_redis_is_back_it_counts_again(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    desk.redis.mood = "away"
    desk.take()
    desk.redis.mood = "well"
    desk.clock.go_on(PAUSE_SECONDS)
    assert [desk.take() for _ in range(3)] == [False, False, True]
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]
    assert desk.redis.prepared == 2


def test_a_crowd_does_not_wait_with_the_one_who_asks_whether_redis_is_back(desk: Desk) -> None:
    async def crowd() -> list[bool]:
        return await asyncio.gather(*(desk.once() for _ in range(50)))

    desk.redis.mood = "hangs"
    desk.take()
    desk.clock.go_on(PAUSE_SECONDS)
    asyncio.run(crowd())
    assert desk.redis.asked == 2


def test_a_login_begun_before_redis_went_away_is_ended_without_it(desk: Desk) -> None:
    attempt = asyncio.run(desk.counts.begin("192.0.2.1", "ada@example.com"))
    desk.redis.mood = "away"
    desk.take()
    asyncio.run(desk.counts.succeeded(attempt))
    assert asyncio.run(desk.counts.begin("192.0.2.1", "ada@example.com")).is_known
