"""The tasks, each a few lines over the domain. All may run twice, late, or not at all."""

import logging
from contextlib import suppress
from datetime import timedelta
from functools import cache, partial
from typing import Any

from celery import Task
from celery.signals import task_failure
from redis.exceptions import RedisError

from booking_service.domain.seats.lanes import lanes_overdue
from shared.clock import utc_now
from shared.database.units import Database
from shared.errors import Unavailable
from shared.queue import AWAKE, BROKER_ERRORS, SETTLE, SWEEP, SWEPT, LanePublisher, WakeFlags, wake_sleeping
from worker.app import CONNECT_SECONDS, app, settings
from worker.drain import Drainer

log = logging.getLogger(__name__)

CONNECTIONS = 1  # a task does one thing at a time

# Logged in a line, without a traceback: the sweep tries again.
EXPECTED_ERRORS = (Unavailable, *BROKER_ERRORS)


@task_failure.connect
def _log_expected(sender: "Task[Any, Any]", exception: BaseException, args: list[object], **_: object) -> None:
    # Celery says it at the level at which it also tells of every task that did its work.
    if isinstance(exception, EXPECTED_ERRORS):
        log.warning("%s %s failed, the sweep will look after it: %s", sender.name, args, exception)


# All made when the first task runs, which is after the fork.
@cache
def flags(meaning: str) -> WakeFlags:
    """Return this process's flags with this meaning."""
    return WakeFlags.connect(
        settings.redis_url.get_secret_value(),
        expiry_seconds=settings.wake_flag_seconds,
        timeout_seconds=CONNECT_SECONDS,
        meaning=meaning,
    )


@cache
def drainer() -> Drainer:
    """Return this process's drainer."""
    return Drainer(
        Database.connect(settings.database_url.get_secret_value(), settings, CONNECTIONS),
        flags(AWAKE),
        publisher().publish,
        batch_max=settings.settle_batch_max,
        seconds_max=settings.drain_seconds_max,
    )


@cache
def publisher() -> LanePublisher:
    """Return this process's way to send a lane for another turn."""
    return LanePublisher.connect(settings.redis_url.get_secret_value(), timeout_seconds=CONNECT_SECONDS)


@app.task(name=SETTLE, throws=EXPECTED_ERRORS)
def settle(lanes: list[int], *, swept: bool = False) -> None:
    """Drain ``lanes``; when they have more work than one turn allows, they queue again behind the others."""
    if swept:
        with suppress(RedisError):
            flags(SWEPT).clear(lanes)
    drainer().drain(lanes, swept=swept)


@app.task(name=SWEEP, throws=EXPECTED_ERRORS)
def sweep() -> None:
    """Wake lanes that have waited too long, whatever their flags say: a flag may be all that is left of a drainer.

    One message a lane at a time: under a long backlog a lane is overdue for long, and well looked after. But a worker
    that dies takes messages with it, and their flags stay: when no message waits at all, none is on its way.
    """
    age = timedelta(seconds=settings.sweep_age_seconds)
    overdue = drainer().database.read(partial(lanes_overdue, now=utc_now(), age=age))
    if overdue and publisher().waiting() == 0:
        flags(SWEPT).clear(overdue)
    for lane in overdue:
        if wake_sleeping(flags(SWEPT), partial(publisher().publish, swept=True), [lane]):
            log.info("lane %s is overdue and was sent for", lane)
