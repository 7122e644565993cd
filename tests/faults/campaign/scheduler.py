"""Inflicts the planned faults on a few tracks at a time, each with its recovery measured."""

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import NamedTuple

from tests.faults.campaign.plan import Planned
from tests.faults.campaign.watch import Due
from tests.faults.campaign.world import NotReachedError, World

RECOVERY_SECONDS_MAX = 150
# How long a track leaves the system alone to recover; after that the next fault comes while it still does.
PATIENCE_SECONDS_MAX = 2.5
ACCEPTED_AGAIN = 10  # bookings, before intake counts as recovered
# So often all tracks pause, and one fault comes alone after some quiet: its recovery is its own.
ALONE_EVERY = 25
QUIET_SECONDS = 2
RECOVERED_SECONDS_MAX = 15


class Interval(NamedTuple):
    """A time in which something was done to the system, until it had recovered."""

    began: float
    ended: float


class Inflicted(NamedTuple):
    """A fault that happened."""

    planned: Planned
    began: float
    ended: float
    recovery_seconds: float | None  # None: not within RECOVERY_SECONDS_MAX

    @property
    def interval(self) -> Interval:
        """The time from its begin to the end of its recovery."""
        return Interval(self.began, self.ended + (self.recovery_seconds or RECOVERY_SECONDS_MAX))


@dataclass
class Scheduler:
    """Takes faults from ``plan`` until it ends or `stop`."""

    world: World
    due: Due
    plan: Iterator[Planned]
    tell: Callable[[str], None]
    inflicted: list[Inflicted] = field(default_factory=list)
    not_reached: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._planning = threading.Lock()
        self._tracks = threading.Semaphore(0)  # those that do nothing now
        self._locking = threading.Lock()
        self._locks: dict[str, threading.Lock] = {}
        self._stopping = threading.Event()
        self._recoveries: list[threading.Thread] = []

    def run(self, tracks: int) -> None:
        """Inflict on ``tracks`` tracks; returns when all is inflicted, put right and recovered."""
        threads = [threading.Thread(target=self._run, args=(tracks,), name=f"faults{n}") for n in range(tracks)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.world.mend()
        for recovery in self._recoveries:
            recovery.join()

    def stop(self) -> None:
        """Begin no more faults."""
        self._stopping.set()

    def _run(self, tracks: int) -> None:
        while not self._stopping.is_set():
            self._tracks.release()
            with self._planning:
                self._tracks.acquire()
                planned = next(self.plan, None)
                if planned is None:
                    break
                if planned.number % ALONE_EVERY == 0:
                    self._alone(planned, tracks)
                    continue
            self._inflict(planned)
        self._tracks.release()

    def _alone(self, planned: Planned, tracks: int) -> None:
        """Inflict while all other tracks wait for the plan."""
        for _ in range(tracks - 1):
            self._tracks.acquire()
        deadline = time.monotonic() + RECOVERED_SECONDS_MAX
        for recovery in self._recoveries:
            recovery.join(max(0.0, deadline - time.monotonic()))
        time.sleep(QUIET_SECONDS)
        self._inflict(planned, RECOVERED_SECONDS_MAX)
        for _ in range(tracks - 1):
            self._tracks.release()

    def _inflict(self, planned: Planned, patience_seconds: float = PATIENCE_SECONDS_MAX) -> None:
        if not planned.kind.possible(self.world):
            self.not_reached.append(f"{planned.kind.name}: not possible here")
            return
        with ExitStack() as held:
            # In one order, so that tracks never wait for each other in a ring.
            for name in sorted(planned.picked):
                with self._locking:
                    lock = self._locks.setdefault(name, threading.Lock())
                held.enter_context(lock)
            began = time.time()
            try:
                planned.kind.inflict(self.world, random.Random(planned.seed), *planned.picked)
            except NotReachedError as missed:
                self.not_reached.append(f"{planned.kind.name}: {missed}")
                return
            except Exception as error:  # noqa: BLE001  whatever it is, the verdict must say that something did not come back
                self.errors.append(f"{planned.kind.name} of {planned.picked}: {error!r}")
                return
            ended = time.time()
        recovery = threading.Thread(target=self._recover, args=(planned, began, ended))
        self._recoveries.append(recovery)
        recovery.start()
        recovery.join(patience_seconds)

    def _recover(self, planned: Planned, began: float, ended: float) -> None:
        goal = self.world.driver.accepted + ACCEPTED_AGAIN
        recovery = self.due.seconds_until_settled(
            ended, RECOVERY_SECONDS_MAX, lambda: self.world.driver.accepted >= goal
        )
        self.inflicted.append(Inflicted(planned, began, ended, recovery))
        took = "NOT RECOVERED" if recovery is None else f"recovered in {recovery:.1f} s"
        whom = ", ".join(planned.picked)
        self.tell(f"{planned.number:4} {planned.kind.name} ({whom}): {ended - began:.1f} s, {took}")
