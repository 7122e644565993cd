"""Orders from the campaign to its processes, as files: who reaches the named point first takes the order and obeys."""

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

BEFORE_LOCK = "settlement-before-the-lock"
AFTER_DECISION = "settlement-after-the-decision"
BEFORE_SETTLEMENT_COMMIT = "settlement-before-commit"
AFTER_SETTLEMENT_COMMIT = "settlement-after-commit"
BEFORE_FLAGS_FREED = "settlement-before-the-flags-are-freed"
BEFORE_INSERT = "intake-before-insert"
BEFORE_INTAKE_COMMIT = "intake-before-commit"
AFTER_INTAKE_COMMIT = "intake-after-commit"
BEFORE_REQUEST = "request-before-insert"
BEFORE_REQUEST_COMMIT = "request-before-commit"
AFTER_REQUEST_COMMIT = "request-after-commit"

SETTLEMENT_POINTS = (
    BEFORE_LOCK,
    AFTER_DECISION,
    BEFORE_SETTLEMENT_COMMIT,
    AFTER_SETTLEMENT_COMMIT,
    BEFORE_FLAGS_FREED,
)
INTAKE_POINTS = (
    BEFORE_INSERT,
    BEFORE_INTAKE_COMMIT,
    AFTER_INTAKE_COMMIT,
    BEFORE_REQUEST,
    BEFORE_REQUEST_COMMIT,
    AFTER_REQUEST_COMMIT,
)

# The process that was started, also in those that it forks: never a stranger who adopted an orphan.
LEADER = os.getpid()

DIE = "die"
DIE_WITH_PARENT = "die-with-parent"
STALL = "stall"

LOOK_SECONDS = 0.02  # between two looks whether a stall is over


@dataclass(frozen=True)
class Orders:
    """The orders to the processes that share a ``folder``; at most one a point at a time."""

    folder: Path

    def give(self, point: str, deed: str, seconds: float = 0) -> None:
        """Have the first who reaches ``point`` do ``deed``; STALL lasts ``seconds``, or until `release`."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._taken(point).unlink(missing_ok=True)
        draft = self.folder / f"{point}.draft"
        draft.write_text(f"{deed} {seconds}")
        draft.rename(self.folder / point)

    def is_taken(self, point: str) -> bool:
        """Tell whether somebody has begun to obey."""
        return self._taken(point).exists()

    def release(self, point: str) -> None:
        """Let whoever stalls at ``point`` go on."""
        self._taken(point).unlink(missing_ok=True)

    def withdraw(self, point: str) -> bool:
        """Take the order back; False when it was obeyed already."""
        try:
            (self.folder / point).unlink()
        except FileNotFoundError:
            return False
        return True

    def obey(self, point: str) -> None:
        """Do what is ordered at ``point``, if anything is. The processes call this."""
        # Renaming is what makes one of many the one who obeys.
        mine = self.folder / f"{point}.{uuid4().hex}"
        try:
            (self.folder / point).rename(mine)
        except FileNotFoundError:
            return
        deed, seconds = mine.read_text().split()
        mine.rename(self._taken(point))
        if deed == STALL:
            deadline = time.monotonic() + float(seconds)
            while time.monotonic() < deadline and self.is_taken(point):
                time.sleep(LOOK_SECONDS)
            return
        if deed == DIE_WITH_PARENT and os.getppid() == LEADER:
            os.kill(LEADER, signal.SIGKILL)
        os.kill(os.getpid(), signal.SIGKILL)

    def _taken(self, point: str) -> Path:
        return self.folder / f"{point}.taken"
