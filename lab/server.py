"""Servers of the campaign's own, to be killed, frozen and started again on the same data."""

import signal
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from lab.waiting import wait_for

START_SECONDS_MAX = 90
STOP_SECONDS_MAX = 60


class Mortal:
    """One server process."""

    def __init__(self, name: str, command: Sequence[str], log: Path, answers: Callable[[], bool]) -> None:
        """Run ``command`` under ``name``; ``answers`` tells whether the server can be used."""
        self.name = name
        self._command = list(command)
        self._log = log
        self._answers = answers
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def is_alive(self) -> bool:
        """Tell whether the process runs, be it frozen."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start the process unless it runs, and wait until it answers."""
        if not self.is_alive:
            with self._log.open("ab") as log:
                # A session of its own: Ctrl-C is for the campaign, which then ends it in good order.
                self._process = subprocess.Popen(self._command, stdout=log, stderr=log, start_new_session=True)  # noqa: S603  looked up, or of the system
        wait_for(lambda: self._answers() or not self.is_alive, f"{self.name} answers", START_SECONDS_MAX)
        if not self.is_alive:
            msg = f"{self.name} ended at once: {self._log.read_text(errors='replace')[-2000:]}"
            raise RuntimeError(msg)

    def kill(self, how: signal.Signals = signal.SIGKILL) -> None:
        """End the process, and wait until it is gone."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(STOP_SECONDS_MAX)

    def freeze(self) -> None:
        """Let it hang: connections stay, and nothing answers."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def _signal(self, how: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(how)
