"""The tasks, each a few lines over the domain. All may run twice, late, or not at all."""

from datetime import timedelta
from functools import cache, partial

from booking_service.domain import settlement
from shared.clock import utc_now
from shared.database import Database
from shared.errors import Unavailable
from shared.queue import BROKER_ERRORS, SETTLE, SWEEP, LanePublisher, WakeFlags
from worker.app import CONNECT_SECONDS, app, settings
from worker.drain import Drainer, Turn

CONNECTIONS = 1  # a task does one thing at a time

# Logged in a line, without a traceback: the sweep tries again.
EXPECTED_ERRORS = (Unavailable, *BROKER_ERRORS)


# Made when the first task runs, which is after the fork.
@cache
def drainer() -> Drainer:
    """Return this process's drainer."""
    flags = WakeFlags.connect(
        settings.redis_url.get_secret_value(),
        expiry_seconds=settings.wake_flag_seconds,
        timeout_seconds=CONNECT_SECONDS,
    )
    return Drainer(
        Database.connect(settings.database_url.get_secret_value(), settings, CONNECTIONS),
        flags,
        batch_max=settings.settle_batch_max,
        seconds_max=settings.drain_seconds_max,
    )


@cache
def publisher() -> LanePublisher:
    """Return this process's way to send a lane for another turn."""
    return LanePublisher.connect(settings.redis_url.get_secret_value(), timeout_seconds=CONNECT_SECONDS)


@app.task(name=SETTLE, throws=EXPECTED_ERRORS)
def settle(lane: int, *, wait: bool = True) -> None:
    """Drain ``lane``; when it has more work than one turn allows, queue again behind the other lanes."""
    if drainer().drain(lane, wait=wait) is Turn.TIME_UP:
        publisher().publish(lane)


@app.task(name=SWEEP, throws=EXPECTED_ERRORS)
def sweep() -> None:
    """Wake lanes that have waited too long, whatever their flags say: a flag may be all that is left of a drainer."""
    age = timedelta(seconds=settings.sweep_age_seconds)
    overdue = drainer().database.read(partial(settlement.lanes_overdue, now=utc_now(), age=age))
    for lane in overdue:
        publisher().sweep(lane, expires_seconds=settings.sweep_age_seconds)
