"""Redis holds hints only: with it gone, or frozen, bookings are accepted, and settled when it is back."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from lab.mysql import MYSQL
from lab.redis import RedisServer
from lab.server import NoServerError
from tests.fixtures.clients import admin, new_user
from tests.fixtures.processes import System
from tests.fixtures.servers import SQLITE, wait_until

LOSSES = 3
BOOKINGS_BETWEEN_LOSSES = 5
ACCEPT_SECONDS_MAX = 5  # far below the time that an unbounded publish would hang


@pytest.fixture(params=[SQLITE, MYSQL])
def database_kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    try:
        redis = RedisServer(tmp_path)
    except NoServerError as error:
        pytest.fail(f"this test kills a Redis of its own: {error}")
    with redis.running():
        yield redis


@pytest.fixture
def redis_url(redis: RedisServer) -> str:
    return redis.url


@pytest.mark.parametrize(
    ("go", "come_back"),
    [(RedisServer.kill, RedisServer.start), (RedisServer.freeze, RedisServer.thaw)],
    ids=["killed", "frozen"],
)
def test_bookings_are_accepted_without_redis_and_settle_when_it_returns(
    system: System, redis: RedisServer, go: Callable[[RedisServer], None], come_back: Callable[[RedisServer], None]
) -> None:
    system.start_auth()
    system.start_booking()
    system.start_worker()
    system.start_beat()
    ada = new_user(system, "ada@example.com")
    event_id = admin(system).create_event(seats=5)
    assert ada.outcome(ada.book(event_id))["status"] == "confirmed"

    go(redis)
    began = time.monotonic()
    accepted = [ada.book(event_id) for _ in range(6)]
    assert time.monotonic() - began < ACCEPT_SECONDS_MAX
    assert [answer.status_code for answer in accepted] == [202] * 6
    ready = system.http.get(f"{system.booking_url}/health/ready")
    assert (ready.status_code, ready.json()["status"]) == (200, "degraded")
    assert ready.json()["dependencies"]["redis"] == "unavailable"

    come_back(redis)
    # Workers and beat find it again by themselves.
    wait_until(lambda: ada.outcome(accepted[-1], wait_seconds=5)["status"] != "pending", "the last is settled", 60)
    outcomes = [ada.outcome(answer)["status"] for answer in accepted]
    assert outcomes == ["confirmed"] * 4 + ["rejected"] * 2


def test_workers_outlive_every_loss_of_redis_under_load(system: System, redis: RedisServer) -> None:
    # With messages taken and not begun, which is when a connection is lost in the worst way.
    system.start_auth()
    system.start_booking()
    system.start_worker()
    system.start_beat()
    ada, root = new_user(system, "ada@example.com"), admin(system)
    events = [root.create_event(seats=10_000) for _ in range(8)]
    accepted: list[httpx.Response] = []
    for _ in range(LOSSES):
        for _ in range(BOOKINGS_BETWEEN_LOSSES):
            accepted += [ada.book(event_id) for event_id in events]
        redis.kill()
        accepted += [ada.book(event_id) for event_id in events]
        redis.start()
    assert {answer.status_code for answer in accepted} == {202}
    for answer in accepted:
        wait_until(lambda: ada.outcome(answer, wait_seconds=5)["status"] == "confirmed", "it is settled", 60)  # noqa: B023  called before the loop goes on
    assert system.processes["worker"].poll() is None
    assert system.processes["beat"].poll() is None
    assert "Traceback" not in system.log("beat")


def test_a_booking_whose_wake_up_was_lost_is_found_by_the_sweep(system: System, redis: RedisServer) -> None:
    system.start_auth()
    system.start_booking()
    ada = new_user(system, "ada@example.com")
    event_id = admin(system).create_event(seats=5)
    lost = ada.book(event_id)
    redis.kill()  # and with it the message and the flag
    redis.start()
    system.start_worker()
    system.start_beat()
    assert ada.outcome(lost)["status"] == "confirmed"
