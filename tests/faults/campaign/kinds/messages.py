"""Celery's messages: lost, doubled, delayed. The thief waits at the queue like a worker, and is served like one."""

import random
import time
from contextlib import closing

from redis import Redis
from redis.exceptions import RedisError

from booking_service.wake.messages import BROKER_ERRORS, LanePublisher
from tests.faults.campaign.kinds.registry import kind
from tests.faults.campaign.world import NotReachedError, World
from tests.fixtures.names import NAMES, given

MESSAGES = "messages"
STEAL_SECONDS_MAX = 2
STOLEN_MAX = 20
DELAYED_SECONDS = (2, 6)


def _steal(redis: Redis, count: int) -> list[bytes | str]:
    stolen: list[bytes | str] = []
    deadline = time.monotonic() + STEAL_SECONDS_MAX
    while len(stolen) < count and time.monotonic() < deadline:
        if taken := redis.brpop([NAMES.lanes_queue], timeout=1):
            stolen.append(taken[1])
    if not stolen:
        msg = "no message came"
        raise NotReachedError(msg)
    return stolen


@kind("messages lost", [MESSAGES], copies=2)
def lose(world: World, rng: random.Random, _: str) -> None:
    with closing(world.redis.client()) as redis:
        try:
            _steal(redis, rng.randint(1, STOLEN_MAX))
        except RedisError as error:
            raise NotReachedError(str(error)) from error


@kind("messages doubled", [MESSAGES], copies=2)
def double(world: World, rng: random.Random, _: str) -> None:
    with closing(world.redis.client()) as redis:
        try:
            for message in _steal(redis, rng.randint(1, STOLEN_MAX)):
                redis.rpush(NAMES.lanes_queue, message, message)
            _publish_needlessly(world, rng)
        except BROKER_ERRORS as error:
            raise NotReachedError(str(error)) from error


@kind("messages delayed", [MESSAGES])
def delay(world: World, rng: random.Random, _: str) -> None:
    with closing(world.redis.client()) as redis:
        try:
            stolen = _steal(redis, rng.randint(1, STOLEN_MAX))
            time.sleep(rng.uniform(*DELAYED_SECONDS))
            redis.rpush(NAMES.lanes_queue, *stolen)
        except RedisError as error:
            raise NotReachedError(str(error)) from error


def _publish_needlessly(world: World, rng: random.Random) -> None:
    lanes = sorted({event.lane for event in world.driver.crowd.big})
    publisher = LanePublisher.connect(f"redis://127.0.0.1:{world.redis.port}/0", given, timeout_seconds=2)
    for _ in range(rng.randint(2, 8)):
        publisher.publish(rng.sample(lanes, min(4, len(lanes))))
    publisher.celery.close()
