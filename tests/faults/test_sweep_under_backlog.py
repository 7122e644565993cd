"""The safety net under load: a booking whose wake-up was lost is found while other lanes have a long backlog."""

from functools import partial

import pytest

from booking_service.domain import catalogue
from booking_service.domain.catalogue import NewEvent
from shared.database.units import Database
from shared.queue import SWEPT, LanePublisher, WakeFlags
from tests.fixtures.bookings import NOW, STARTS_AT, MakeEvent, accept, new_booking, states
from tests.fixtures.processes import System
from tests.fixtures.servers import MYSQL, wait_until

BUSY_LANES = 6
BACKLOG = 2_000  # in each; at two a batch it lasts far longer than the test
FOUND_SECONDS_MAX = 60
FLAG_SECONDS = 120


@pytest.fixture(params=[MYSQL])
def database_kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_a_lost_wake_up_is_found_while_other_lanes_are_busy(
    system: System, booking_database: Database, redis_url: str
) -> None:
    create = partial(catalogue.create_event, new=NewEvent("E", "V", STARTS_AT, 10**6), lanes=16, now=NOW)
    events = [booking_database.write(create, repeat_lost=False) for _ in range(BUSY_LANES + 1)]
    *busy, quiet = events
    backlog = [new_booking(event) for event in busy for _ in range(BACKLOG)]
    accept(booking_database, *backlog)
    lost = new_booking(quiet)
    accept(booking_database, lost)  # and nobody is told
    publisher = LanePublisher.connect(redis_url, timeout_seconds=5)
    for event in busy:
        publisher.publish([event.lane])
    publisher.celery.close()

    system.environment |= {"SETTLE_BATCH_MAX": "2", "DRAIN_SECONDS_MAX": "1", "WORKER_CONCURRENCY": "2"}
    system.start_worker()
    system.start_beat()
    wait_until(lambda: states(booking_database, lost) == ["confirmed"], "the sweep finds it", FOUND_SECONDS_MAX)
    assert "pending" in states(booking_database, *backlog[-BACKLOG:])
    # What is left of the backlog is not the audit's business, and not another test's either.
    system.environment |= {"SETTLE_BATCH_MAX": "500"}
    system.kill("worker")
    system.start_worker()
    wait_until(lambda: "pending" not in states(booking_database, *backlog), "the backlog is settled")


def test_a_sweep_whose_message_died_with_its_worker_is_repeated(
    system: System, booking_database: Database, make_event: MakeEvent, redis_url: str
) -> None:
    # A worker takes a message in advance; killed, it leaves the flag behind that says that the message is on its way.
    event = make_event(5)
    accept(booking_database, lost := new_booking(event))
    swept = WakeFlags.connect(redis_url, expiry_seconds=FLAG_SECONDS, timeout_seconds=5, meaning=SWEPT)
    assert swept.take([event.lane])
    system.start_worker()
    system.start_beat()
    wait_until(lambda: states(booking_database, lost) == ["confirmed"], "the sweep comes back", FLAG_SECONDS / 2)
    swept.clear([event.lane])
    swept.close()
