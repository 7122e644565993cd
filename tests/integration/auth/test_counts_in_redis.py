"""Counts in a real Redis say what those in memory say, and Redis forgets them by itself."""

import asyncio
import sys
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest
from redis import Redis
from redis.exceptions import RedisError

from auth_service.guard.counts import Counts
from auth_service.guard.delays import KNOWN_SECONDS, KNOWN_TRIES_MAX, Rules
from auth_service.guard.in_process import CountsInProcess
from auth_service.guard.in_redis import CountsInRedis
from lab.ports import free_port
from lab.server import Server
from shared.rate_limits.policies import Policy

HOME, CAFE, STRANGER = "192.0.2.1", "192.0.2.2", "203.0.113.66"
ADA = "ada@example.com"
# So long that no slow machine sees the end of a delay.
RULES = Rules([0, 0, 300, 600], [0] * 99 + [600], 3_600)
QUICK = Rules.of(tries_free=3, delay_seconds_max=900)
FIVE_A_MINUTE = Policy("login-address", 5, 60)
TIMEOUT_SECONDS = 5
HOUR_MILLISECONDS = 3_600_000

Story = Callable[[Counts], Coroutine[Any, Any, list[object]]]


def pings(url: str) -> bool:
    try:
        with Redis.from_url(url) as client:
            return bool(client.ping())
    except RedisError:
        return False


@pytest.fixture(scope="module")
def imitation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The broker of last resort of `make run`."""
    port, log = free_port(), tmp_path_factory.mktemp("imitation") / "log"
    url = f"redis://127.0.0.1:{port}/0"
    command = [sys.executable, "-m", "deploy.embedded.fake_broker", str(port)]
    with Server("imitation", command, log, lambda: pings(url)).running():
        yield url


@pytest.fixture(params=["Redis", "an imitation"])
def url(request: pytest.FixtureRequest) -> str:
    """Where counts are kept, with nothing in it."""
    found = str(request.getfixturevalue("redis_url" if request.param == "Redis" else "imitation"))
    with Redis.from_url(found) as client:
        client.flushdb()
    return found


@pytest.fixture
def redis(url: str) -> Iterator[Redis]:
    with Redis.from_url(url) as client:
        yield client


def told(story: Story, url: str, realm: str = "here", rules: Rules = RULES) -> list[object]:
    async def tell() -> list[object]:
        counts = CountsInRedis(url, realm, rules, TIMEOUT_SECONDS)
        try:
            await counts.prepare()
            return await story(counts)
        finally:
            await counts.close()

    return asyncio.run(tell())


async def guesses(counts: Counts) -> list[object]:
    return [(await counts.begin(STRANGER, ADA)).is_delayed for _ in range(6)]


async def guesses_at_once(counts: Counts) -> list[object]:
    attempts = await asyncio.gather(*(counts.begin(STRANGER, ADA) for _ in range(30)))
    return [sum(attempt.is_delayed for attempt in attempts)]


async def guesses_from_many_addresses(counts: Counts) -> list[object]:
    attempts = [await counts.begin(f"address {number}", ADA) for number in range(120)]
    return [attempt.is_delayed for attempt in attempts]


async def a_stranger_and_the_owner(counts: Counts) -> list[object]:
    await counts.succeeded(await counts.begin(HOME, ADA))
    for number in range(120):
        await counts.begin(f"address {number}", ADA)
    attempts = [await counts.begin(address, ADA) for address in (HOME, CAFE)]
    await counts.succeeded(attempts[0])
    attempts.append(await counts.begin(HOME, ADA))
    return [(attempt.is_delayed, attempt.may_pass) for attempt in attempts]


async def a_right_password_after_wrong_ones(counts: Counts) -> list[object]:
    delayed: list[object] = []
    for _ in range(3):
        await counts.begin(HOME, ADA)
        await counts.begin(HOME, ADA)
        last = await counts.begin(HOME, ADA)
        delayed.append(last.is_delayed)
        await counts.succeeded(last)
    return delayed


async def a_guesser_where_the_owner_was(counts: Counts) -> list[object]:
    await counts.succeeded(await counts.begin(HOME, ADA))
    return [(await counts.begin(HOME, ADA)).is_known for _ in range(KNOWN_TRIES_MAX + 2)]


async def what_could_not_be_checked(counts: Counts) -> list[object]:
    await counts.succeeded(await counts.begin(HOME, ADA))
    for _ in range(120):
        await counts.give_back(await counts.begin(HOME, ADA))
        await counts.give_back(await counts.begin(STRANGER, "bob@example.com"))
    attempts = [await counts.begin(HOME, ADA), await counts.begin(CAFE, "bob@example.com")]
    return [(attempt.is_known, attempt.is_counted) for attempt in attempts]


async def a_window(counts: Counts) -> list[object]:
    before = await counts.look(FIVE_A_MINUTE, HOME)
    taken = [await counts.take(FIVE_A_MINUTE, HOME) for _ in range(7)]
    after = [await counts.look(FIVE_A_MINUTE, HOME), await counts.take(FIVE_A_MINUTE, CAFE)]
    return [(standing.remaining, standing.is_refused) for standing in (before, *taken, *after)]


STORIES: list[Story] = [
    guesses,
    guesses_at_once,
    guesses_from_many_addresses,
    a_stranger_and_the_owner,
    a_right_password_after_wrong_ones,
    a_guesser_where_the_owner_was,
    what_could_not_be_checked,
    a_window,
]


@pytest.mark.parametrize("story", STORIES)
def test_redis_and_memory_tell_the_same(url: str, story: Story) -> None:
    assert told(story, url) == asyncio.run(story(CountsInProcess(RULES, 1_000)))


@pytest.mark.parametrize("story", STORIES)
def test_redis_forgets_each_count_by_itself(redis: Redis, url: str, story: Story) -> None:
    told(story, url)
    left = {key: redis.pttl(key) for key in redis.scan_iter("*")}
    assert left
    assert {key for key, milliseconds in left.items() if milliseconds < 0} == set()
    assert max(left.values()) <= KNOWN_SECONDS * 1_000


@pytest.mark.parametrize("story", STORIES)
def test_redis_is_told_no_address_and_no_mailbox(redis: Redis, url: str, story: Story) -> None:
    told(story, url)
    keys = b" ".join(redis.scan_iter("*"))
    assert b"event-booking:auth:" in keys
    assert not [name for name in (HOME, STRANGER, ADA, "example") if name.encode() in keys]


def test_installations_that_share_a_redis_count_apart(url: str) -> None:
    assert told(guesses, url) == told(guesses, url, realm="elsewhere")
    assert told(guesses, url) == [True] * 6


@pytest.mark.parametrize("story", [guesses, a_window])
def test_with_its_clock_set_back_redis_holds_up_nobody(redis: Redis, url: str, story: Story) -> None:
    told(story, url)
    for key in redis.scan_iter("*"):
        redis.pexpire(key, redis.pttl(key) + HOUR_MILLISECONDS)

    async def once(counts: Counts) -> list[object]:
        return [(await counts.begin(STRANGER, ADA)).is_delayed, (await counts.take(FIVE_A_MINUTE, HOME)).is_refused]

    assert told(once, url) == [False, False]


def test_a_wait_ends_when_it_was_said_to(url: str) -> None:
    async def wait(counts: Counts) -> list[object]:
        for _ in range(3):
            await counts.begin(STRANGER, ADA)
        first = await counts.begin(STRANGER, ADA)
        await asyncio.sleep(first.wait_seconds)
        while (last := await counts.begin(STRANGER, ADA)).is_delayed:
            assert last.wait_seconds < 0.1
        return [0 < first.wait_seconds <= 1, (await counts.begin(STRANGER, ADA)).wait_seconds > 1]

    assert told(wait, url, rules=QUICK) == [True, True]


@pytest.mark.parametrize("story", STORIES)
def test_an_absent_redis_is_an_error_at_once(story: Story) -> None:
    with pytest.raises(RedisError):
        told(story, "redis://127.0.0.1:1/0")
