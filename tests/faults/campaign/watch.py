"""Looking at the database from beside, while everything happens: what is due, and whether the audit holds."""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from booking_service.domain.models import NOT_DUE
from tests.faults.campaign.stored import Snapshot, read_snapshot

SAMPLE_SECONDS = 0.5
# Bookings, changes, and holds that have ended and are not dealt with; then holds, which are to end by themselves.
DUE = (
    f"SELECT id FROM bookings WHERE due_lane > {NOT_DUE} "  # noqa: S608  a number
    f"UNION ALL SELECT id FROM changes WHERE due_lane > {NOT_DUE} "
    "UNION ALL SELECT booking_id FROM holds WHERE expires_at <= UTC_TIMESTAMP(6)"
)
HELD = "SELECT COUNT(*) FROM holds"


class Periodic:
    """Does something again and again in a thread, and again later when the database is away."""

    def __init__(self, act: Callable[[], None], every_seconds: float, name: str) -> None:
        self._act = act
        self._every_seconds = every_seconds
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End after what is being done now."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping.wait(self._every_seconds):
            with suppress(SQLAlchemyError):
                self._act()


class Sample(NamedTuple):
    """What was due at a moment, and how many holds there were."""

    at: float = 0.0
    due: frozenset[object] = frozenset()
    held: int = 0


class Due:
    """What waits for its decision, as of a moment ago."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._sample = Sample()
        self._sampled = threading.Condition()
        self._periodic = Periodic(self._look, SAMPLE_SECONDS, "due")

    def seconds_until_settled(self, since: float, bound_seconds: float, also: Callable[[], bool]) -> float | None:
        """Wait until all that was due just after ``since`` is settled and ``also`` holds; None beyond the bound."""
        waiting: frozenset[object] | None = None
        while time.time() < since + bound_seconds:
            at, due, _ = self._next_sample()
            if at > since:
                waiting = due if waiting is None else waiting & due
                if not waiting and also():
                    return at - since
        return None

    def nothing_within(self, seconds_max: float) -> bool:
        """Wait until nothing is due, nor will be when holds end."""
        since = time.time()
        while time.time() < since + seconds_max:
            at, due, held = self._next_sample()
            if at > since and not due and not held:
                return True
        return False

    def stop(self) -> None:
        """Look no more."""
        self._periodic.stop()

    def _next_sample(self) -> Sample:
        with self._sampled:
            self._sampled.wait(2 * SAMPLE_SECONDS)  # the database may be away
            return self._sample

    def _look(self) -> None:
        at = time.time()
        with self._engine.connect() as connection:
            due = frozenset(connection.exec_driver_sql(DUE).scalars())
            held = connection.exec_driver_sql(HELD).scalar_one()
        with self._sampled:
            self._sample = Sample(at, due, held)
            self._sampled.notify_all()


class Auditor:
    """Takes snapshots of the database, each of one moment, and audits them."""

    def __init__(self, engine: Engine, every_seconds: float) -> None:
        self._engine = engine
        self.snapshots: list[Snapshot] = []
        self._periodic = Periodic(self.look, every_seconds, "auditor")

    def look(self) -> None:
        """Audit now."""
        at = time.time()
        with self._engine.connect() as connection:
            self.snapshots.append(Snapshot(at, read_snapshot(connection)))

    def stop(self) -> None:
        """Look no more."""
        self._periodic.stop()
