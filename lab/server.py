"""Servers of our own, to be killed, frozen and started again on the same data."""

import signal
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from lab.processes import end, launch
from lab.waiting import wait_for

START_SECONDS_MAX = 90
STOP_SECONDS_MAX = 60


class NoServerError(Exception):
    """The server is not installed here; says what was looked for."""


class Server:
    """One server process."""

    def __init__(
        self, name: str, command: Sequence[str], log: Path, answers: Callable[[], bool], *, apart: bool = False
    ) -> None:
        """Run ``command`` under ``name``, as `launch` does; ``answers`` tells whether the server can be used."""
        self.name = name
        self._command = list(command)
        self._log = log
        self._answers = answers
        self._apart = apart
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def is_alive(self) -> bool:
        """Tell whether the process runs, be it frozen."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int | None:
        """The id of the process that was started last."""
        return self._process.pid if self._process is not None else None

    def start(self) -> None:
        """Start the process unless it runs, and wait until it answers."""
        if not self.is_alive:
            self._process = launch(self._command, self._log, apart=self._apart)
        wait_for(lambda: self._answers() or not self.is_alive, f"{self.name} answers", START_SECONDS_MAX)
        if not self.is_alive:
            msg = f"{self.name} ended at once: {self._log.read_text(encoding='utf-8', errors='replace')[-2000:]}"
            raise RuntimeError(msg)

    @contextmanager
    def running(self) -> Iterator[Self]:
        """Start it, and stop it in the end."""
        try:
            self.start()
            yield self
        finally:
            self.stop()

    def stop(self) -> None:
        """End the process in good order, or, when that takes too long, all the same."""
        if self._process is not None:
            self.thaw()  # or it would not hear of it
            end([self._process], STOP_SECONDS_MAX)

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
