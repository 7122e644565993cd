"""Sweeps follow elapsed time: a real beat whose clock is set back while it runs goes on as if nothing was.

The clock is libfaketime's (Debian's package `faketime`), which reads it from a file.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis

from booking_service.wake.names import Names
from deploy.commands import BEAT, WORKER
from shared.database.units import Database
from tests.fixtures.names import stored
from tests.fixtures.processes import System
from tests.fixtures.servers import SQLITE, missing, wait_until

LIBRARIES = Path("/usr/lib")
HOUR = 3_600
SWEEPS = 3
# Its way to sleep is broken in libfaketime 0.9.10 once the clock was set; this one sleeps on another clock.
CELERY = """
import sys, threading, time
time.sleep = lambda seconds: threading.Event().wait(seconds)
from celery.__main__ import main
sys.argv[0] = "celery"
main()
"""
SWEEP_SECONDS_MAX = 30


@pytest.fixture(params=[SQLITE])
def database_kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


class Clock:
    """The time of day of the processes that are started with `environment`."""

    def __init__(self, folder: Path, library: Path) -> None:
        self._file = folder / "clock"
        self.set(0)
        self.environment = {
            "LD_PRELOAD": str(library),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",  # elapsed time is nobody's to set
        }

    def set(self, seconds: int) -> None:
        """Let it be ``seconds`` ahead of the machine's."""
        self._file.write_text(f"{seconds:+d}\n")


@pytest.fixture
def clock(tmp_path: Path) -> Clock:
    found = sorted(LIBRARIES.glob("*/faketime/libfaketime.so.1"))
    if not found:
        missing("libfaketime is not installed (Debian's package faketime)")
    return Clock(tmp_path, found[0])


@pytest.fixture
def names(booking_database: Database) -> Names:
    return stored(booking_database)()


@pytest.fixture
def redis(redis_url: str) -> Iterator[Redis]:
    with Redis.from_url(redis_url) as redis:
        yield redis


def test_a_beat_whose_clock_is_set_back_sends_sweeps_on(
    system: System, clock: Clock, names: Names, redis: Redis
) -> None:
    system.start("beat", "-c", CELERY, *BEAT[2:], environment=clock.environment)

    def take_sweeps() -> None:
        for _ in range(SWEEPS):  # the next one is sent when this one is taken
            wait_until(lambda: redis.rpop(names.sweep_queue), "a sweep is sent", SWEEP_SECONDS_MAX)

    take_sweeps()
    clock.set(-HOUR)
    redis.delete(names.sweep_queue)  # what may have been sent before that
    take_sweeps()


def test_a_sweep_is_run_by_a_worker_whose_clock_is_another(
    system: System, clock: Clock, names: Names, redis: Redis
) -> None:
    clock.set(HOUR)
    system.start_beat()
    wait_until(lambda: redis.llen(names.sweep_queue), "a sweep is sent")
    system.start("worker", "-c", CELERY, *WORKER[2:], environment=clock.environment)
    wait_until(lambda: redis.exists(f"{names.key_prefix}sweep-completed"), "the sweep is completed")
