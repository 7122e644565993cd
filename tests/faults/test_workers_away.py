"""Without those who settle, bookings are accepted all the same, and readiness says who is missing and what waits."""

import pytest
from redis import Redis

from booking_service.wake.messages import LanePublisher
from lab.mysql import MYSQL
from shared.database.units import Database
from tests.fixtures.clients import admin, new_user
from tests.fixtures.names import stored
from tests.fixtures.processes import System
from tests.fixtures.servers import SQLITE, wait_until

OVERDUE_SECONDS = 1
SWEEPS = 5


@pytest.fixture(params=[SQLITE, MYSQL])
def database_kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def readiness(system: System) -> tuple[int, str, dict[str, str]]:
    answer = system.http.get(f"{system.booking_url}/health/ready")
    body = answer.json()
    return answer.status_code, body["status"], body["dependencies"]


def shows(system: System, **states: str) -> bool:
    status, _, dependencies = readiness(system)
    assert status == 200  # a load balancer is to send bookings here
    return states.items() <= dependencies.items()


def test_readiness_tells_whether_bookings_are_settled_and_by_whom(system: System) -> None:
    system.environment |= {"SETTLEMENT_OVERDUE_SECONDS": str(OVERDUE_SECONDS)}
    system.start_auth()
    system.start_booking()
    ada, root = new_user(system, "ada@example.com"), admin(system)
    event_id = root.create_event(seats=5)
    assert readiness(system)[1] == "degraded"
    assert shows(system, redis="ok", workers="not heard", settlement="ok")

    accepted = ada.book(event_id)
    wait_until(lambda: shows(system, workers="not heard", settlement="overdue"), "the booking is overdue")
    assert "settlement: overdue: bookings of lanes" in system.log("booking")
    assert "workers: not heard: no sweep was completed" in system.log("booking")

    system.start_worker()
    wait_until(lambda: shows(system, settlement="ok"), "the booking is settled")  # its wake-up was not lost
    assert shows(system, workers="not heard")  # without beat nobody looks after those that are
    system.start_beat()
    wait_until(lambda: readiness(system)[1] == "ok", "workers and beat are heard")
    assert ada.outcome(accepted)["status"] == "confirmed"


def test_sweeps_do_not_pile_up_while_nobody_runs_them(
    system: System, booking_database: Database, redis_url: str
) -> None:
    names = stored(booking_database)
    publisher = LanePublisher.connect(redis_url, names, timeout_seconds=5)
    with Redis.from_url(redis_url) as redis:
        for _ in range(SWEEPS):
            publisher.sweep()
            assert redis.llen(names().sweep_queue) == 1
        publisher.celery.close()
        system.start_worker()
        wait_until(lambda: redis.llen(names().sweep_queue) == 0, "the sweep is taken")
        wait_until(lambda: redis.exists(f"{names().key_prefix}sweep-completed"), "and completed")
