"""Focused runs: a few processes, one fault at the worst moment, some seconds; one for each mistake."""

import random
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from lab.redis import RedisServer
from lab.waiting import wait_for
from tests.faults.campaign.checker import judge
from tests.faults.campaign.crowd import Crowd
from tests.faults.campaign.driver import Driver
from tests.faults.campaign.history import History
from tests.faults.campaign.logs import written_without_lock
from tests.faults.campaign.offers import BIG_SEATS
from tests.faults.campaign.orders import BEFORE_LOCK, STALL, Orders
from tests.faults.campaign.pointed import MUTATION
from tests.faults.campaign.preparation import drop, migrate, offer
from tests.faults.campaign.stages import API, Scene, Stage, waking
from tests.faults.campaign.stored import connect, read_stored
from tests.faults.campaign.system import BEAT, System
from tests.faults.campaign.verdict import Verdict
from tests.faults.campaign.watch import Auditor
from tests.faults.campaign.whims import Minded

SEED = 7
SNAPSHOT_SECONDS = 0.5
# How long decisions are waited for where nothing should keep them away: until the workers have started, and when no
# mistake was built in. Only a machine that is too busy comes near it.
PATIENT_SECONDS_MAX = 90


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
        self.system.start(API, *self.stage.workers, *([BEAT] if self.stage.sweeps else []))
        # A wake-up that waits in the queue for a worker that only starts would hide what a stage is to show.
        self._book(1, PATIENT_SECONDS_MAX, lambda _: None, None)
        assert not self.history.unresolved, "the first booking was not decided"
        if len(self.stage.workers) > 1:
            self._see_all_at_work()
        self._book(self.stage.bookings, self.settle_seconds_max, self.stage.disturb, self.stage.temper)

    def _see_all_at_work(self) -> None:
        with waking(self.redis) as wake:
            for name in self.stage.workers:
                orders = self.system.slots[name].orders
                orders.give(BEFORE_LOCK, STALL)

                def has_begun(orders: Orders = orders) -> bool:
                    wake()
                    return orders.is_taken(BEFORE_LOCK)

                wait_for(has_begun, f"{name} settles", PATIENT_SECONDS_MAX)

    def _book(
        self, bookings: int, settle_seconds_max: float, disturb: Callable[[Scene], None], temper: Minded | None
    ) -> None:
        rate_per_second = self.stage.rate_per_second
        driver = Driver(
            self.crowd,
            self.system.ports([API]),
            self.crowd.rng,
            rate_per_second,
            answer_seconds_max=self.stage.answer_seconds_max,
            prefer_share=0,
            repeat_share=self.stage.repeat_share,
            temper=temper,
            insists=False,
            history=self.history,
        )
        clients = threading.Thread(target=driver.run, args=(bookings,))
        give_up = threading.Timer(bookings / rate_per_second + settle_seconds_max, driver.give_up)
        scene = Scene(self.system, self.redis, clients, self.history, len(self.history.answers))
        clients.start()
        give_up.start()
        disturb(scene)
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
        migrate(url)
        offers = offer(url, stage.offers, lanes=1)
        big = [each for each in offers if each.capacity == BIG_SEATS]
        system = System(folder, url, redis.port, {"LANES": "1", MUTATION: mutation})
        stack.callback(system.stop)
        crowd = Crowd(
            rng,
            big or offers,
            [each for each in offers if each not in big],
            keyless_share=stage.keyless_share,
            users=stage.users,
        )
        yield Play(stage, system, redis, crowd, stage.settle_seconds_max if mutation else PATIENT_SECONDS_MAX)
