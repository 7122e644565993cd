"""Processes of ours that end, at any moment or at a named point, and come back."""

import random
import signal
import time
from functools import partial

from tests.faults.campaign import orders as points
from tests.faults.campaign.kinds.registry import kind
from tests.faults.campaign.pointed import CLOCK_SECONDS
from tests.faults.campaign.system import APIS, BEAT, SECOND_BEAT, WORKERS
from tests.faults.campaign.world import NotReachedError, World, reached

AWAY_SECONDS = 60
CLOCK_OFF_SECONDS = 60
BOTH_WORKERS = [(name,) for name in WORKERS]
EVERYTHING = (*APIS, *WORKERS, BEAT)


def _end(world: World, rng: random.Random, name: str, how: signal.Signals) -> None:
    time.sleep(rng.uniform(0, 0.5))
    world.system.kill(name, how)
    time.sleep(rng.uniform(0, 1))
    world.system.start(name)


def _register_ends() -> None:
    for what, names, copies in (("an API process", APIS, 2), ("a worker", WORKERS, 2), ("beat", (BEAT,), 1)):
        kind(f"kill -9 of {what}", names, copies=copies)(partial(_end, how=signal.SIGKILL))
        kind(f"SIGTERM of {what}", names)(partial(_end, how=signal.SIGTERM))


# Here, because the order of the kinds is part of what a seed means.
_register_ends()


@kind("two beats at once", [SECOND_BEAT])
def second_beat(world: World, rng: random.Random, name: str) -> None:
    world.system.start(name)
    time.sleep(world.pause_seconds(rng, 3, 10))
    world.system.kill(name, signal.SIGTERM)


@kind("all workers away", *BOTH_WORKERS)
def all_workers_away(world: World, rng: random.Random, *names: str) -> None:
    how = rng.choice([signal.SIGKILL, signal.SIGTERM])
    for name in names:
        world.system.kill(name, how)
    time.sleep(AWAY_SECONDS * world.patience)
    world.system.start(*names)


@kind("rolling restart of everything", *[(name,) for name in EVERYTHING])
def rolling_restart(world: World, _rng: random.Random, *names: str) -> None:
    for name in names:
        world.system.kill(name, signal.SIGTERM)
        world.system.start(name)


@kind("clock of an API process off by a minute", APIS)
def clock_off(world: World, rng: random.Random, name: str) -> None:
    world.system.kill(name, signal.SIGTERM)
    world.system.start(name, extra={CLOCK_SECONDS: str(rng.choice([-1, 1]) * CLOCK_OFF_SECONDS)})
    time.sleep(world.pause_seconds(rng, 4, 15))
    world.system.kill(name, signal.SIGTERM)
    world.system.start(name)


def _die_at(world: World, name: str, point: str, deed: str) -> None:
    orders = world.orders(name)
    orders.give(point, deed)
    try:
        reached(lambda: orders.is_taken(point), f"{name} at {point}")
    except NotReachedError:
        if orders.withdraw(point):
            raise
    if deed == points.DIE and name in WORKERS:
        return  # one process of the worker's pool, which Celery replaces
    reached(lambda: not world.system.slots[name].is_alive, f"the end of {name}")
    world.system.sweep_up(name)
    world.system.start(name)


def _register_points() -> None:
    def dying_at(point: str) -> None:
        @kind(f"kill -9 at {point}", APIS if point in points.INTAKE_POINTS else WORKERS)
        def die(world: World, rng: random.Random, name: str) -> None:
            deeds = [points.DIE, points.DIE_WITH_PARENT] if name in WORKERS else [points.DIE]
            _die_at(world, name, point, rng.choice(deeds))

    for point in (*points.SETTLEMENT_POINTS, *points.INTAKE_POINTS):
        dying_at(point)


_register_points()
