"""Focused runs: a few processes, one fault at the worst moment, some seconds; one for each mistake."""

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from booking_service.wake.messages import LanePublisher
from lab.redis import RedisServer
from lab.waiting import wait_for
from tests.faults.campaign.checker import judge
from tests.faults.campaign.crowd import Crowd
from tests.faults.campaign.driver import Driver
from tests.faults.campaign.history import History
from tests.faults.campaign.kinds.connections import INTAKE
from tests.faults.campaign.logs import written_without_lock
from tests.faults.campaign.orders import AFTER_DECISION, BEFORE_FLAGS_FREED, BEFORE_LOCK, STALL, Orders
from tests.faults.campaign.pointed import MUTATION
from tests.faults.campaign.preparation import drop, prepare
from tests.faults.campaign.proxy import MYSQL_COMMIT, Cut
from tests.faults.campaign.stored import connect, read_stored
from tests.faults.campaign.system import System
from tests.faults.campaign.verdict import Promise, Verdict
from tests.faults.campaign.watch import Auditor
from tests.fixtures.names import given

SEED = 7
LANE = 0  # the only one
API, WORKER, OTHER_WORKER = "api0", "worker0", "worker1"
REACH_SECONDS_MAX = 20
SNAPSHOT_SECONDS = 0.5
HELD_UP_SECONDS = 12
CUTS = 3
# How long decisions are waited for where nothing should keep them away: until the workers have started, and when no
# mistake was built in. Only a machine that is too busy comes near it.
PATIENT_SECONDS_MAX = 90


@dataclass
class Scene:
    """What a disturbance may lay hands on."""

    system: System
    redis: RedisServer
    clients: threading.Thread


@dataclass(frozen=True)
class Stage:
    """A run without a sweep, so that nothing puts right what the hand-over itself should."""

    disturb: Callable[[Scene], None]
    bookings: int = 60
    rate_per_second: float = 30
    workers: tuple[str, ...] = (WORKER,)
    keyless_share: float = 0.0
    repeat_share: float = 0.0
    answer_seconds_max: float = 30
    # With a mistake, after the last request; what is not settled by then was forgotten, for there is no sweep.
    settle_seconds_max: float = 8


def messages_doubled(scene: Scene) -> None:
    """Send every worker to the lane all the time, over a slow connection to the database."""
    scene.system.database_proxies["workers"].delay(0.002)
    with _waking(scene.redis) as wake:
        while scene.clients.is_alive():
            wake()


def drainer_slow(scene: Scene) -> None:
    """Send two workers to the lane all the time, one of which takes a second between each decision and its writing."""
    orders = scene.system.slots[WORKER].orders
    orders.give(AFTER_DECISION, STALL, 1)
    times = 0
    with _waking(scene.redis) as wake:
        while scene.clients.is_alive():
            wake()
            if orders.is_taken(AFTER_DECISION):
                orders.give(AFTER_DECISION, STALL, 1)
                times += 1
    assert times, f"{WORKER} decided nothing"


@contextmanager
def _waking(redis: RedisServer) -> Iterator[Callable[[], None]]:
    publisher = LanePublisher.connect(f"redis://127.0.0.1:{redis.port}/0", given, timeout_seconds=5)

    def wake() -> None:
        publisher.publish([LANE])
        time.sleep(0.01)

    yield wake
    publisher.celery.close()


def slow_intake(scene: Scene) -> None:
    """Let a booking's commit take long."""
    scene.system.database_proxies[API].delay(0.1)
    scene.clients.join()


def drainer_held_up(scene: Scene) -> None:
    """Hold a drainer up between its last look at the lane and the freeing of its flag."""
    orders = scene.system.slots[WORKER].orders
    orders.give(BEFORE_FLAGS_FREED, STALL, 1.5)
    wait_for(lambda: orders.is_taken(BEFORE_FLAGS_FREED), "a drainer has found its lane empty", REACH_SECONDS_MAX)


def settlement_held_up(scene: Scene) -> None:
    """Hold a settlement up that has its locks."""
    orders = scene.system.slots[WORKER].orders
    orders.give(AFTER_DECISION, STALL, HELD_UP_SECONDS)
    wait_for(lambda: orders.is_taken(AFTER_DECISION), "a settlement has decided", REACH_SECONDS_MAX)


def _cut_commits(scene: Scene, *, after: bool) -> None:
    for _ in range(CUTS):
        cut = scene.system.database_proxies[API].cut_at(Cut(MYSQL_COMMIT, after, armed_by=INTAKE))
        wait_for(lambda: cut.done.is_set() or not scene.clients.is_alive(), "a COMMIT was cut", REACH_SECONDS_MAX)  # noqa: B023  called before the loop goes on


def commits_lost(scene: Scene) -> None:
    """Cut connections before the server has seen the COMMIT of an intake."""
    _cut_commits(scene, after=False)


def commits_unheard(scene: Scene) -> None:
    """Cut connections after the server has done the COMMIT of an intake."""
    _cut_commits(scene, after=True)


STAGES = {
    "messages doubled": Stage(messages_doubled, bookings=150, rate_per_second=60, workers=(WORKER, OTHER_WORKER)),
    "drainer slow": Stage(drainer_slow, bookings=150, rate_per_second=60, workers=(WORKER, OTHER_WORKER)),
    "slow intake": Stage(slow_intake, bookings=4, rate_per_second=5),
    "drainer held up": Stage(drainer_held_up, bookings=2, rate_per_second=2.5),
    "settlement held up": Stage(
        settlement_held_up, answer_seconds_max=HELD_UP_SECONDS - 3, settle_seconds_max=HELD_UP_SECONDS + 8
    ),
    "commits lost": Stage(commits_lost),
    "commits unheard": Stage(commits_unheard, keyless_share=1.0),
    "requests repeated": Stage(lambda scene: scene.clients.join(), repeat_share=1.0),
}

# The mistakes of `mutations.py`, with the stage on which each shows and the promise that it breaks.
SHOWN: dict[str, tuple[str, Promise]] = {
    "no-lane-lock": ("drainer slow", Promise.LOCKED),
    "no-lane-lock,no-guard": ("drainer slow", Promise.AUDIT),
    "read-before-lock": ("messages doubled", Promise.LOCKED),
    "read-before-lock,no-guard": ("messages doubled", Promise.AUDIT),
    "wake-before-commit": ("slow intake", Promise.SETTLED),
    "no-second-look": ("drainer held up", Promise.SETTLED),
    "foreign-key-on-locked-row": ("settlement held up", Promise.ANSWERED_IN_TIME),
    "accept-on-failed-commit": ("commits lost", Promise.KEPT),
    "insert-not-repeatable": ("commits unheard", Promise.NO_500),
    "insert-with-new-ids": ("commits unheard", Promise.ONCE),
    "insert-ignore": ("requests repeated", Promise.KEPT),
}


@dataclass
class Play:
    """One run of a stage."""

    stage: Stage
    system: System
    redis: RedisServer
    crowd: Crowd
    settle_seconds_max: float
    history: History = field(default_factory=History)

    def run(self) -> None:
        """See that the workers work, then book while the disturbance goes on, and wait for every decision."""
        self.system.start(API, *self.stage.workers)
        # A wake-up that waits in the queue for a worker that only starts would hide what a stage is to show.
        self._book(1, PATIENT_SECONDS_MAX, lambda _: None)
        assert not self.history.unresolved, "the first booking was not decided"
        if len(self.stage.workers) > 1:
            self._see_all_at_work()
        self._book(self.stage.bookings, self.settle_seconds_max, self.stage.disturb)

    def _see_all_at_work(self) -> None:
        with _waking(self.redis) as wake:
            for name in self.stage.workers:
                orders = self.system.slots[name].orders
                orders.give(BEFORE_LOCK, STALL)

                def has_begun(orders: Orders = orders) -> bool:
                    wake()
                    return orders.is_taken(BEFORE_LOCK)

                wait_for(has_begun, f"{name} settles", PATIENT_SECONDS_MAX)

    def _book(self, bookings: int, settle_seconds_max: float, disturb: Callable[[Scene], None]) -> None:
        rate_per_second = self.stage.rate_per_second
        driver = Driver(
            self.crowd,
            self.system.ports([API]),
            self.crowd.rng,
            rate_per_second,
            answer_seconds_max=self.stage.answer_seconds_max,
            prefer_share=0,
            repeat_share=self.stage.repeat_share,
            history=self.history,
        )
        clients = threading.Thread(target=driver.run, args=(bookings,))
        give_up = threading.Timer(bookings / rate_per_second + settle_seconds_max, driver.give_up)
        clients.start()
        give_up.start()
        disturb(Scene(self.system, self.redis, clients))
        clients.join()
        give_up.cancel()


def perform(stage: Stage, url: str, folder: Path, mutation: str = "") -> Verdict:
    """Run ``stage`` on a new database at ``url`` and judge; ``mutation`` names mistakes to build in."""
    with _playing(stage, url, folder, mutation) as play:
        engine = connect(url)
        auditor = Auditor(engine, SNAPSHOT_SECONDS)
        play.run()
        auditor.stop()
        play.system.stop()
        auditor.look()
        with engine.connect() as connection:
            stored = read_stored(connection)
        engine.dispose()
        return judge(play.history, stored, auditor.snapshots, others=written_without_lock(play.system))


@contextmanager
def _playing(stage: Stage, url: str, folder: Path, mutation: str) -> Iterator[Play]:
    with ExitStack() as stack:
        redis = RedisServer(folder, apart=True)
        redis.start()
        stack.callback(redis.kill)
        rng = random.Random(SEED)
        stack.callback(drop, url)
        big, small = prepare(url, rng, big=2, small=2, lanes=1)
        system = System(folder, url, redis.port, {"LANES": "1", MUTATION: mutation})
        stack.callback(system.stop)
        crowd = Crowd(rng, big, small, keyless_share=stage.keyless_share)
        yield Play(stage, system, redis, crowd, stage.settle_seconds_max if mutation else PATIENT_SECONDS_MAX)
