"""The safety net under load: a booking whose wake-up was lost is found while other lanes have a long backlog."""

from contextlib import closing
from functools import partial

import pytest

from booking_service.domain import catalogue
from booking_service.domain.catalogue import NewEvent
from booking_service.domain.seats.lanes import lanes_due
from booking_service.wake.flags import SWEPT, LaneFlags
from booking_service.wake.messages import LanePublisher
from booking_service.wake.sign_of_life import SignOfLife
from deploy.commands import WORKER
from lab.mysql import MYSQL
from shared.database.units import Database
from tests.faults.conftest import Proxied
from tests.fixtures.bookings import NOW, STARTS_AT, MakeEvent, accept, new_booking, states
from tests.fixtures.names import stored
from tests.fixtures.processes import System
from tests.fixtures.servers import wait_until

BUSY_LANES = 12
BATCH_MAX = 2
SLOTS = 2
FOUND_SECONDS_MAX = 60
# So many sweeps come before the booking that, if each sent for every busy lane again, more turns of a second would be
# in the queue than the slots have in that time.
SWEEPS = 12
SWEEPS_SECONDS_MAX = 60
# A batch says these things to the database at least (tests/integration/booking/test_budget.py), and each is held back
# on its way: no machine settles more than half of the backlog while the test looks.
MESSAGES_OF_A_BATCH = 6
DELAY_SECONDS = 0.01
SETTLED_A_SECOND_MAX = SLOTS * BATCH_MAX / (MESSAGES_OF_A_BATCH * DELAY_SECONDS)
BACKLOG = 2 * int(SETTLED_A_SECOND_MAX * (SWEEPS_SECONDS_MAX + FOUND_SECONDS_MAX) / BUSY_LANES)  # in each
SETTLED_SECONDS_MAX = 120
FLAG_SECONDS = 120
OVERLONG_SECONDS = 3_600


@pytest.fixture(params=[MYSQL])
def database_kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.mark.timeout(400)  # more than the bounds below together
def test_a_lost_wake_up_is_found_while_other_lanes_are_busy(
    system: System, booking_database: Database, proxied: Proxied, redis_url: str
) -> None:
    create = partial(catalogue.create_event, new=NewEvent("E", "V", STARTS_AT, 10**6), lanes=16, now=NOW)
    events = [booking_database.write(create, repeat_lost=False) for _ in range(BUSY_LANES + 1)]
    *busy, quiet = events
    backlog = [new_booking(event) for event in busy for _ in range(BACKLOG)]
    accept(booking_database, *backlog)
    names = stored(booking_database)
    publisher = LanePublisher.connect(redis_url, names, timeout_seconds=5)
    for event in busy:
        publisher.publish([event.lane])
    publisher.celery.close()

    proxied.proxy.delay(DELAY_SECONDS)
    system.environment |= {
        "BOOKING_DATABASE_URL": proxied.url,
        "SETTLE_BATCH_MAX": str(BATCH_MAX),
        "DRAIN_SECONDS_MAX": "1",
        "WORKER_CONCURRENCY": str(SLOTS),
    }
    system.start_worker()
    system.start_beat()
    with closing(SignOfLife.connect(redis_url, names, timeout_seconds=5)) as sign:
        signs: set[str | None] = set()

        def sweeps_were_run() -> bool:
            signs.add(sign.read())
            return len(signs) > SWEEPS

        wait_until(sweeps_were_run, "sweeps are run", SWEEPS_SECONDS_MAX)
    lost = new_booking(quiet)
    accept(booking_database, lost)  # and nobody is told
    wait_until(lambda: states(booking_database, lost) == ["confirmed"], "the sweep finds it", FOUND_SECONDS_MAX)
    assert states(booking_database, *backlog).count("pending") >= len(backlog) / 2
    # What is left of the backlog is not the audit's business, and not another test's either.
    proxied.proxy.delay(0)
    system.environment |= {"SETTLE_BATCH_MAX": "500"}
    system.kill("worker")
    system.start_worker()
    due = partial(lanes_due, lanes=[event.lane for event in busy])
    wait_until(lambda: not booking_database.read(due), "the backlog is settled", SETTLED_SECONDS_MAX)


def test_a_sweep_whose_message_died_with_its_worker_is_repeated(
    system: System, booking_database: Database, make_event: MakeEvent, redis_url: str
) -> None:
    # A worker takes a message in advance; killed, it leaves the flag behind that says that the message is on its way.
    event = make_event(5)
    accept(booking_database, lost := new_booking(event))
    swept = LaneFlags.connect(
        redis_url, stored(booking_database), expiry_seconds=FLAG_SECONDS, timeout_seconds=5, meaning=SWEPT
    )
    assert swept.take([event.lane])
    system.start_worker()
    system.start_beat()
    wait_until(lambda: states(booking_database, lost) == ["confirmed"], "the sweep comes back", FLAG_SECONDS / 2)
    swept.clear([event.lane])
    swept.close()


def test_a_flag_that_redis_keeps_for_too_long_stops_no_sweep(
    system: System, booking_database: Database, make_event: MakeEvent, redis_url: str
) -> None:
    # As when Redis's clock was set back after the flag was set, while messages wait in the queue, for whatever reason:
    # here because nobody takes any.
    event = make_event(5)
    accept(booking_database, lost := new_booking(event))
    names = stored(booking_database)
    publisher = LanePublisher.connect(redis_url, names, timeout_seconds=5)
    publisher.publish([event.lane])
    overlong = LaneFlags.connect(redis_url, names, expiry_seconds=OVERLONG_SECONDS, timeout_seconds=5, meaning=SWEPT)
    assert overlong.take([event.lane])
    system.start("sweeper", *WORKER, "-Q", names().sweep_queue)
    system.start_beat()
    wait_until(lambda: publisher.waiting() > 1, "the sweep sends for the lane")
    system.start_worker()
    wait_until(lambda: states(booking_database, lost) == ["confirmed"], "the booking is settled")
    publisher.celery.close()
    overlong.close()
