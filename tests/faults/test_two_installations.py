"""Two installations on one Redis database hear nothing of each other, nor one of what ran before it had a name."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from redis import Redis
from sqlalchemy import select

from booking_service.domain.models import Event
from booking_service.migrations import MIGRATIONS
from booking_service.wake.messages import DRAIN, LanePublisher
from lab.mysql import MYSQL
from lab.ports import free_port
from shared.database.migrations import upgrade
from shared.database.units import Database
from tests.fixtures.clients import Client, admin, new_user
from tests.fixtures.databases import settings
from tests.fixtures.names import stored
from tests.fixtures.processes import System
from tests.fixtures.servers import SQLITE, wait_until

BOOKINGS = 20
# Longer than the test: a message or a flag that the other one took would leave a booking pending.
NO_SWEEP_SECONDS = 600
FLAG_SECONDS = 120


@pytest.fixture(params=[SQLITE, MYSQL])
def database_kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def other_url(tmp_path: Path) -> str:
    """The migrated booking database of a second installation."""
    return migrated(tmp_path / "other.db")


@pytest.fixture
def other(system: System, other_url: str, tmp_path: Path) -> Iterator[System]:
    """A second installation on the same Redis; it believes the tokens of the first one's auth service."""
    folder = tmp_path / "other"
    folder.mkdir()
    environment = system.environment | {"BOOKING_DATABASE_URL": other_url, "BOOKING_PORT": str(free_port())}
    other = replace(system, folder=folder, environment=environment, processes={})
    yield other
    for name in list(other.processes):
        other.kill(name)


def migrated(file: Path) -> str:
    url = f"sqlite:///{file}"
    with closing(Database.connect(url, settings(), pool_size=1)) as database:
        upgrade(database, MIGRATIONS)
    return url


@pytest.mark.timeout(300)  # seven processes start
def test_all_bookings_of_both_are_settled_by_their_own_workers(system: System, other: System) -> None:
    for installation in (system, other):
        installation.environment |= {"SWEEP_AGE_SECONDS": str(NO_SWEEP_SECONDS)}
    system.start_auth()
    ada = new_user(system, "ada@example.com")
    clients = [ada, Client(other, ada.token)]
    # The same lanes, as events are numbered from one in each.
    events = []
    for client in clients:
        client.system.start_booking()
        client.system.start_worker()
        client.system.start_beat()
        events.append(admin(client.system).create_event(seats=10**6))
    for _ in range(BOOKINGS):
        accepted = [client.book(event_id) for client, event_id in zip(clients, events, strict=True)]
        outcomes = [client.outcome(answer)["status"] for client, answer in zip(clients, accepted, strict=True)]
        assert outcomes == ["confirmed", "confirmed"]
    assert "ERROR" not in system.log("worker") + other.log("worker")


def test_a_nudge_of_before_there_was_a_name_is_covered_by_the_sweep(
    system: System, booking_database: Database, redis_url: str
) -> None:
    # As while a new version is rolled out: a process of before flags its lane and sends to the queue of before, where
    # no worker is left.
    system.start_auth()
    system.start_booking()
    ada = new_user(system, "ada@example.com")
    event_id = admin(system).create_event(seats=5)
    accepted = ada.book(event_id)
    lane = booking_database.read(lambda c: c.execute(select(Event.lane).where(Event.id == event_id)).scalar_one())
    names = stored(booking_database)
    with (
        Redis.from_url(redis_url) as redis,
        closing(LanePublisher.connect(redis_url, names, timeout_seconds=5).celery) as old,
    ):
        redis.set(f"event-booking:awake:{lane}", "1", ex=FLAG_SECONDS)
        old.send_task(DRAIN, args=[[lane]], kwargs={"swept": False}, queue="lanes")
        # And what this version sent is gone.
        wait_until(lambda: redis.delete(names().lanes_queue), "the booking's own message was sent")
        system.start_worker()
        system.start_beat()
        assert ada.outcome(accepted)["status"] == "confirmed"
        assert redis.llen("lanes") == 1
        redis.delete("lanes", f"event-booking:awake:{lane}")


def test_workers_and_beat_wait_for_a_database_that_has_no_name_yet(system: System, tmp_path: Path) -> None:
    file = tmp_path / "new.db"
    system.environment |= {"BOOKING_DATABASE_URL": f"sqlite:///{file}"}
    system.start_worker()
    system.start_beat()
    for name in ("worker", "beat"):
        wait_until(lambda: "waiting for the name" in system.log(name), f"{name} says what it waits for")  # noqa: B023  called before the loop goes on
        assert "Traceback" not in system.log(name)
        assert system.processes[name].poll() is None
    migrated(file)
    system.start_auth()
    system.start_booking()
    ada = new_user(system, "ada@example.com")
    event_id = admin(system).create_event(seats=5)
    assert ada.outcome(ada.book(event_id))["status"] == "confirmed"


@pytest.mark.parametrize("name", ["worker", "beat"])
def test_who_waits_for_a_database_stops_when_told(system: System, name: str) -> None:
    system.environment |= {"BOOKING_DATABASE_URL": f"mysql+pymysql://root@127.0.0.1:{free_port()}/away"}
    {"worker": system.start_worker, "beat": system.start_beat}[name]()
    wait_until(lambda: "waiting for the name" in system.log(name), f"{name} waits")
    process = system.processes[name]
    process.terminate()
    wait_until(lambda: process.poll() is not None, f"{name} stops", seconds_max=20)
    assert "Traceback" not in system.log(name)
