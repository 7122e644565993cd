"""What goes wrong with Celery and Redis in the field, and does not here.

Workers that stop consuming after Redis came back, and publishing that hangs, are in `test_redis_away.py` and
`tests/unit/booking/test_messages.py`.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from redis import Redis
from sqlalchemy import select

from booking_service.domain.models import Booking, Event
from booking_service.wake.flags import AWAKE, LaneFlags
from shared.database.units import Database
from tests.fixtures.clients import Client, admin, new_user
from tests.fixtures.databases import REAL
from tests.fixtures.names import stored
from tests.fixtures.processes import System
from tests.fixtures.servers import wait_until

FLAG_SECONDS = 120
ROUNDS, BOOKINGS_A_ROUND = 3, 40
LANES = 8
STUCK_SECONDS_MAX = 300


@pytest.fixture(params=REAL)
def database_kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def ada(system: System) -> Client:
    system.start_auth()
    system.start_booking()
    return new_user(system, "ada@example.com")


def keys(redis_url: str) -> set[bytes]:
    with Redis.from_url(redis_url) as redis:
        return set(redis.keys())


@contextmanager
def stuck_lane(database: Database, event_id: int) -> Iterator[None]:
    """Hold the rows of ``event_id``'s bookings, so that whoever settles their lane waits."""
    with database.engine.connect() as rival:
        rival.exec_driver_sql(f"SET SESSION wait_timeout={STUCK_SECONDS_MAX}")
        rival.execute(select(Booking.id).where(Booking.event_id == event_id).with_for_update())
        yield


def test_results_do_not_pile_up(system: System, ada: Client, redis_url: str) -> None:
    system.start_worker()
    system.start_beat()
    event_id = admin(system).create_event(seats=10**6)
    ada.outcome(ada.book(event_id))
    # The first sweep leaves the names of its queue and its sign behind, for good. (Other tests' may be there still.)
    wait_until(system.hears_workers, "a sweep of this installation was completed")
    before = keys(redis_url)
    for _ in range(ROUNDS):
        accepted = [ada.book(event_id) for _ in range(BOOKINGS_A_ROUND)]
        assert ada.outcome(accepted[-1])["status"] == "confirmed"
    wait_until(lambda: keys(redis_url) <= before, "there is nothing in Redis that was not there before")
    assert not any(b"celery-task-meta" in key for key in before)


def test_a_stuck_lane_keeps_no_other_waiting(system: System, ada: Client, booking_database: Database) -> None:
    # Two workers with one slot each: what the stuck one had taken in advance would wait behind its turn, which lasts
    # for the whole test. No sweep helps.
    system.environment |= {
        "WORKER_CONCURRENCY": "1",
        "DATABASE_LOCK_TIMEOUT_SECONDS": str(STUCK_SECONDS_MAX),
        "DATABASE_READ_TIMEOUT_SECONDS": str(STUCK_SECONDS_MAX + 1),
        "DATABASE_IDLE_TIMEOUT_SECONDS": str(STUCK_SECONDS_MAX),
        "TASK_SECONDS_MAX": str(2 * STUCK_SECONDS_MAX),
        "SWEEP_AGE_SECONDS": str(STUCK_SECONDS_MAX),
    }
    root = admin(system)
    events = [root.create_event(seats=100) for _ in range(LANES)]
    stuck = ada.book(events[0])
    with stuck_lane(booking_database, events[0]):
        for name in ("worker 1", "worker 2"):
            system.start_worker(name.replace(" ", "-"))
        system.start_beat()
        for _ in range(ROUNDS):
            others = [ada.book(event_id) for event_id in events[1:]]
            assert [ada.outcome(booking)["status"] for booking in others] == ["confirmed"] * len(others)
        assert ada.get(stuck.headers["Location"]).json()["status"] == "pending"
    wait_until(lambda: ada.outcome(stuck)["status"] == "confirmed", "the lane that was stuck is settled")


def test_a_beat_that_died_is_missed_by_lost_wake_ups_alone(
    system: System, ada: Client, booking_database: Database, redis_url: str
) -> None:
    system.start_worker()
    system.start_beat()
    event_id = admin(system).create_event(seats=100)
    assert ada.outcome(ada.book(event_id))["status"] == "confirmed"
    system.kill("beat")
    assert ada.outcome(ada.book(event_id))["status"] == "confirmed"

    # As a drainer leaves it that died with its worker: the lane is said to be awake, and nobody is on the way.
    lane = booking_database.read(lambda c: c.execute(select(Event.lane).where(Event.id == event_id)).scalar_one())
    flags = LaneFlags.connect(
        redis_url, stored(booking_database), expiry_seconds=FLAG_SECONDS, timeout_seconds=5, meaning=AWAKE
    )
    wait_until(lambda: flags.take([lane]), "the drainer is done")
    flags.close()
    lost = ada.book(event_id)
    assert ada.outcome(lost, wait_seconds=1)["status"] == "pending"
    system.start_beat()
    wait_until(lambda: ada.outcome(lost)["status"] == "confirmed", "the sweep finds it")
