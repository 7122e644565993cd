"""One campaign from the first server to the verdict."""

import random
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import create_engine

from booking_service.domain.models import EXPIRE_HOLD, PROMOTE
from lab.redis import RedisServer
from tests.faults.campaign.checker import judge
from tests.faults.campaign.crowd import SMALL_SHARE, Crowd
from tests.faults.campaign.disk import DatabaseServer
from tests.faults.campaign.driver import Driver
from tests.faults.campaign.history import LOST
from tests.faults.campaign.logs import written_without_lock
from tests.faults.campaign.plan import plan
from tests.faults.campaign.pointed import MUTATION
from tests.faults.campaign.preparation import prepare
from tests.faults.campaign.report import Report
from tests.faults.campaign.scheduler import Scheduler
from tests.faults.campaign.stored import Stored, connect, read_stored
from tests.faults.campaign.system import APIS, BEAT, WORKERS, System
from tests.faults.campaign.verdict import Breach, Promise
from tests.faults.campaign.watch import Auditor, Due
from tests.faults.campaign.whims import Temper
from tests.faults.campaign.world import World

DATABASE_NAME = "campaign"
LANES = 16
BIG_EVENTS = 16
# Near what a small event takes on the average until nobody asks for it any more.
BOOKINGS_OF_SMALL_EVENT = 85
# Of those who have seats: so that a fifth of all bookings, rejected ones included, is cancelled or changed.
CHANGED_SHARE = 0.25
ORGANIZED_PER_SECOND = 1.0
QUIET_SECONDS = 3  # before the first fault
DRAIN_SECONDS_MAX = 180
RESOLVE_SECONDS_MAX = 90


def say(line: str) -> None:
    """Print a line whole, for faults end on several tracks."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


@dataclass(frozen=True)
class Options:
    """What to run: ``seconds_max`` of faults, or ``rounds`` of all kinds; ``patience`` scales absences."""

    seed: int
    kind: str
    folder: Path
    seconds_max: float
    rounds: int | None = None
    tracks: int = 4
    patience: float = 1.0
    rate_per_second: float = 190
    snapshot_seconds: float = 12
    mutation: str = ""
    tell: Callable[[str], None] = say


def run(options: Options) -> Report:
    """Start everything, make faults while clients book, put all right, and judge."""
    with _running(options) as world, ExitStack() as stack:
        engine = connect(f"{world.database.url}/{DATABASE_NAME}")
        due_engine = create_engine(
            engine.url, pool_pre_ping=True, connect_args={"connect_timeout": 2, "read_timeout": 3}
        )
        stack.callback(engine.dispose)
        stack.callback(due_engine.dispose)
        due = Due(due_engine)
        stack.callback(due.stop)
        auditor = Auditor(engine, options.snapshot_seconds)
        scheduler = Scheduler(world, due, plan(options.seed, options.rounds), options.tell)
        began = time.monotonic()
        unresolved = _live_through(world, scheduler, due, options)
        seconds = time.monotonic() - began
        auditor.stop()
        auditor.look()
        with engine.connect() as connection:
            stored = read_stored(connection)
        others = [*unresolved, *_not_recovered(scheduler), *written_without_lock(world.system)]
        return _report(options, world, scheduler, auditor, stored, others, seconds)


def _live_through(world: World, scheduler: Scheduler, due: Due, options: Options) -> list[Breach]:
    """Let clients book and faults happen; return what did not come to an end afterwards."""
    driver = world.driver
    clients = threading.Thread(target=driver.run, name="clients")
    clients.start()
    timer = threading.Timer(options.seconds_max, scheduler.stop)
    timer.start()
    try:
        time.sleep(QUIET_SECONDS)
        scheduler.run(options.tracks)
    finally:
        timer.cancel()
        driver.stop()
        clients.join(DRAIN_SECONDS_MAX + RESOLVE_SECONDS_MAX)
        if clients.is_alive():
            driver.give_up()
            clients.join()
        settled = due.nothing_within(DRAIN_SECONDS_MAX)  # only now: the last thing that clients do may be a change
    return [] if settled else [Breach(Promise.SETTLED, f"something is still due after {DRAIN_SECONDS_MAX} s")]


def _not_recovered(scheduler: Scheduler) -> Iterator[Breach]:
    for fault in scheduler.inflicted:
        if fault.recovery_seconds is None:
            yield Breach(Promise.RECOVERS, f"{fault.planned.kind.name} of {fault.planned.picked}")
    yield from (Breach(Promise.RECOVERS, error) for error in scheduler.errors)


def _report(  # noqa: PLR0913, PLR0917  the ends of all threads
    options: Options,
    world: World,
    scheduler: Scheduler,
    auditor: Auditor,
    stored: Stored,
    others: list[Breach],
    seconds: float,
) -> Report:
    history = world.driver.history
    return Report(
        seed=options.seed,
        server=world.database.kind,
        seconds=seconds,
        inflicted=scheduler.inflicted,
        not_reached=scheduler.not_reached,
        bookings=len(stored.rows),
        confirmed=sum(row.status == "confirmed" for row in stored.rows),
        changes=len(stored.changes),
        changed=stored.changed,
        promoted=sum(change.kind == PROMOTE and change.booking_id is not None for change in stored.changes),
        expired=sum(change.kind == EXPIRE_HOLD for change in stored.changes),
        requests=world.driver.requests,
        retries=world.driver.retries,
        unavailable=sum(answer.status == 503 for answer in history.answers),
        lost_connections=sum(answer.status == LOST for answer in history.answers),
        snapshots=len(auditor.snapshots),
        clients_lag_seconds=world.driver.lag_seconds_max,
        verdict=judge(history, stored, auditor.snapshots, others),
    )


@contextmanager
def _running(options: Options) -> Iterator[World]:
    with ExitStack() as stack:
        database = DatabaseServer(options.kind, options.folder)
        stack.callback(database.remove)
        database.start()
        redis = RedisServer(options.folder, apart=True)
        redis.start()
        stack.callback(redis.kill)
        stack.callback(redis.thaw)
        url = f"{database.url}/{DATABASE_NAME}"
        rng = random.Random(options.seed)
        expected = options.rate_per_second * (options.seconds_max + 60)
        small_events = int(expected * SMALL_SHARE / BOOKINGS_OF_SMALL_EVENT) + 10
        big, small = prepare(url, rng, big=BIG_EVENTS, small=small_events, lanes=LANES)
        environment = {"LANES": str(LANES), MUTATION: options.mutation}
        system = System(options.folder, url, redis.port, environment)
        stack.callback(system.stop)
        system.start(*APIS, *WORKERS, BEAT)
        driver = Driver(
            Crowd(rng, big, small),
            system.ports(),
            rng,
            options.rate_per_second,
            temper=Temper(rng, CHANGED_SHARE),
            organized_per_second=ORGANIZED_PER_SECOND,
        )
        yield World(system, database, DATABASE_NAME, redis, driver, options.patience)
