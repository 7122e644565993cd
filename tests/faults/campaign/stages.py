"""The stages of focused runs, and the mistake that each is to show."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from booking_service.domain.models import CONFIRMED, HELD, STRICT
from booking_service.wake.messages import LanePublisher
from lab.redis import RedisServer
from lab.waiting import wait_for
from tests.faults.campaign.asking import ACCEPTED
from tests.faults.campaign.crowd import USERS
from tests.faults.campaign.history import History
from tests.faults.campaign.kinds.connections import INTAKE
from tests.faults.campaign.offers import BIG_SEATS, PLAIN, Terms
from tests.faults.campaign.orders import AFTER_DECISION, BEFORE_FLAGS_FREED, BEFORE_LOCK, STALL
from tests.faults.campaign.proxy import MYSQL_COMMIT, Cut
from tests.faults.campaign.system import System
from tests.faults.campaign.verdict import Promise
from tests.faults.campaign.whims import CANCEL, CONFIRM, Minded, Resolute, Whims
from tests.fixtures.names import given

LANE = 0  # the only one
API, WORKER, OTHER_WORKER = "api0", "worker0", "worker1"
REACH_SECONDS_MAX = 20
WAITING_MAX = 40  # no more than have their turn in one batch
HELD_UP_SECONDS = 12
WAKE_SECONDS = 1  # after an answer the API tries to wake the lane
CUTS = 3

ORDINARY = ((BIG_SEATS, PLAIN),) * 2 + ((200, PLAIN),) * 2
HOLD_SECONDS = 3
GIVE_BACK = Resolute({CONFIRMED: Whims(0, [CANCEL])})
# So few and so late that an event has more than all its seats in no account, however they are counted.
SOME_GIVE_BACK = Resolute({CONFIRMED: Whims(1, [CANCEL])}, every=4)
CONFIRM_AT_ONCE = Resolute({HELD: Whims(0, [CONFIRM])})


@dataclass
class Scene:
    """What a disturbance may lay hands on."""

    system: System
    redis: RedisServer
    clients: threading.Thread
    history: History
    answers_before: int  # of the history, from before the stage

    def accepted(self) -> int:
        """Count the bookings and changes of this stage that were accepted."""
        return sum(answer.status == ACCEPTED for answer in self.history.answers[self.answers_before :])


@dataclass(frozen=True)
class Stage:
    """A run with one drainer or two, whose clients do as their ``temper`` says.

    Without a sweep, unless it is said, so that nothing puts right what the hand-over itself should.
    """

    disturb: Callable[[Scene], None]
    bookings: int = 60
    offers: Sequence[tuple[int, Terms]] = ORDINARY
    temper: Minded | None = None
    users: int = USERS
    sweeps: bool = False
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
    with waking(scene.redis) as wake:
        while scene.clients.is_alive():
            wake()


def drainer_slow(scene: Scene) -> None:
    """Send two workers to the lane all the time, one of which takes a second between each decision and its writing."""
    orders = scene.system.slots[WORKER].orders
    orders.give(AFTER_DECISION, STALL, 1)
    times = 0
    with waking(scene.redis) as wake:
        while scene.clients.is_alive():
            wake()
            if orders.is_taken(AFTER_DECISION):
                orders.give(AFTER_DECISION, STALL, 1)
                times += 1
    assert times, f"{WORKER} decided nothing"


@contextmanager
def waking(redis: RedisServer) -> Iterator[Callable[[], None]]:
    publisher = LanePublisher.connect(f"redis://127.0.0.1:{redis.port}/0", given, timeout_seconds=5)

    def wake() -> None:
        publisher.publish([LANE])
        time.sleep(0.01)

    yield wake
    publisher.celery.close()


def holds_end(scene: Scene) -> None:
    """Send the worker to the lane until all holds have ended, as the sweep would."""
    with waking(scene.redis) as wake:
        while scene.clients.is_alive():
            wake()
        deadline = time.monotonic() + HOLD_SECONDS + 1
        while time.monotonic() < deadline:
            wake()


def drainer_late(scene: Scene) -> None:
    """Let bookings and changes pile up before they are decided."""
    orders = scene.system.slots[WORKER].orders
    orders.give(BEFORE_LOCK, STALL, 1.5)
    wait_for(lambda: orders.is_taken(BEFORE_LOCK), "a drainer was sent", REACH_SECONDS_MAX)
    scene.clients.join()


def slow_intake(scene: Scene) -> None:
    """Let a booking's commit take long."""
    scene.system.database_proxies[API].delay(0.1)
    scene.clients.join()


def drainer_held_up(scene: Scene) -> None:
    """Hold a drainer up between its last look at the lane and the freeing of its flag, until more is asked for."""
    orders = scene.system.slots[WORKER].orders
    orders.give(BEFORE_FLAGS_FREED, STALL, REACH_SECONDS_MAX)
    wait_for(lambda: orders.is_taken(BEFORE_FLAGS_FREED), "a drainer has found its lane empty", REACH_SECONDS_MAX)
    wait_for(lambda: scene.accepted() > 1, "there is more to do", REACH_SECONDS_MAX)
    time.sleep(WAKE_SECONDS)
    orders.release(BEFORE_FLAGS_FREED)


def settlement_held_up(scene: Scene) -> None:
    """Hold a settlement up that has its locks."""
    orders = scene.system.slots[WORKER].orders
    orders.give(AFTER_DECISION, STALL, HELD_UP_SECONDS)
    wait_for(lambda: orders.is_taken(AFTER_DECISION), "a settlement has decided", REACH_SECONDS_MAX)


def undisturbed(scene: Scene) -> None:
    """Let clients do."""
    scene.clients.join()


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
    "requests repeated": Stage(undisturbed, repeat_share=1.0),
    "seats given back": Stage(undisturbed, offers=((BIG_SEATS, PLAIN),), temper=SOME_GIVE_BACK),
    "seats given back to slow drainers": Stage(
        drainer_slow, bookings=150, rate_per_second=60, workers=(WORKER, OTHER_WORKER), temper=GIVE_BACK
    ),
    "a change while a drainer is held up": Stage(drainer_held_up, bookings=1, temper=GIVE_BACK, sweeps=True),
    "a waiting list": Stage(
        undisturbed, offers=((8, Terms(waitlist=STRICT, waiting_max=WAITING_MAX)),), temper=GIVE_BACK
    ),
    "holds": Stage(holds_end, offers=((BIG_SEATS, Terms(hold_seconds=HOLD_SECONDS)),), temper=CONFIRM_AT_ONCE),
    "one user": Stage(drainer_late, offers=((BIG_SEATS, Terms(seats_per_user_max=10)),), users=1),
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
    "changes-without-lock": ("seats given back to slow drainers", Promise.LOCKED),
    "changes-without-lock,no-guard": ("seats given back to slow drainers", Promise.AUDIT),
    "seats-freed-twice": ("seats given back", Promise.AUDIT),
    "promotion-of-its-own": ("a waiting list", Promise.TURN),
    "expiry-without-looking": ("holds", Promise.HOLD),
    "limit-at-the-door": ("one user", Promise.LIMIT),
    "changes-not-looked-for": ("a change while a drainer is held up", Promise.SETTLED),
}
