"""What one process of the worker holds: made when its first task runs, which is after the fork."""

from dataclasses import dataclass
from functools import cache, partial

from booking_service.domain.installation import installation_name
from booking_service.wake.flags import AWAKE, SWEPT, LaneFlags
from booking_service.wake.messages import LanePublisher
from booking_service.wake.names import Names
from booking_service.wake.sign_of_life import SignOfLife
from shared.configuration.settings import load
from shared.database.units import Database
from worker.consuming import CONNECT_SECONDS
from worker.drain import Drainer
from worker.installation import wait_for_name
from worker.settings import WorkerSettings
from worker.sweep import Sweeper

CONNECTIONS = 1  # a task does one thing at a time


@dataclass(frozen=True, slots=True)
class Process:
    """Everything that a task needs."""

    drainer: Drainer
    sweeper: Sweeper


@cache
def settings() -> WorkerSettings:
    """Return the configuration, read once. Ends the process with one line when something is wrong with it."""
    return load(WorkerSettings)


@cache
def names() -> Names:
    """Return what this installation calls its queues and keys, once the database has said it."""
    return Names.of(wait_for_name(settings(), settings().database_url, installation_name))


@cache
def publisher() -> LanePublisher:
    """Return this process's way to send messages."""
    return LanePublisher.connect(settings().redis_url.get_secret_value(), names, timeout_seconds=CONNECT_SECONDS)


@cache
def process() -> Process:
    """Return what this process holds."""
    configured = settings()
    url = configured.redis_url.get_secret_value()
    database = Database.connect(configured.database_url.get_secret_value(), configured, CONNECTIONS)

    def flags(meaning: str) -> LaneFlags:
        expiry_seconds = configured.wake_flag_seconds
        return LaneFlags.connect(
            url, names, expiry_seconds=expiry_seconds, timeout_seconds=CONNECT_SECONDS, meaning=meaning
        )

    return Process(
        Drainer(
            database,
            flags(AWAKE),
            publisher().publish,
            batch_max=configured.settle_batch_max,
            seconds_max=configured.drain_seconds_max,
        ),
        Sweeper(
            database,
            flags(SWEPT),
            partial(publisher().publish, swept=True),
            publisher().waiting,
            SignOfLife.connect(url, names, timeout_seconds=CONNECT_SECONDS).give,
            age_seconds=configured.sweep_age_seconds,
            interval_seconds=configured.sweep_interval_seconds + configured.drain_seconds_max,
        ),
    )
