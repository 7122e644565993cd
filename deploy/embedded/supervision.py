"""Keeps supervisord running, which keeps everything else running."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from deploy.embedded import tether
from deploy.embedded.stop import Stop
from shared.console import say

CHECK_SECONDS = 0.2
RESTART_PAUSE_SECONDS = 1
# Each process gets its 20 s of stopwaitsecs, one after another.
STOP_SECONDS_MAX = 120


class Supervisor:
    """One supervisord after another, until it is stopped."""

    def __init__(self, configuration: Path, lock: int) -> None:
        """Run the processes of ``configuration``; ``lock`` is an open file that each supervisord keeps open."""
        self._configuration = configuration
        self._lock = lock
        self._process = self._start()

    def died(self) -> bool:
        """Tell whether supervisord is gone."""
        return self._process.poll() is not None

    def keep_running(self, stop: Stop) -> None:
        """Start supervisord again whenever it dies, until a stop is wished."""
        while not stop.wait(CHECK_SECONDS):
            if self.died():
                say("supervisord died; starting everything again")
                stop.wait(RESTART_PAUSE_SECONDS)
                self._process = self._start()

    def stop(self) -> None:
        """Have all processes finish what they are at, then end them."""
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _start(self) -> "subprocess.Popen[bytes]":
        supervisord = (sys.executable, "-m", "supervisor.supervisord", "-c", str(self._configuration))
        # A session of its own: Ctrl-C in the terminal is for the launcher, which then stops things in order.
        return subprocess.Popen(  # noqa: S603  the command is ours
            tether.command(str(os.getpid()), "SIGTERM", *supervisord),
            start_new_session=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            # What it says before it has opened its log, such as that its configuration is wrong.
            stderr=None,
            pass_fds=(self._lock,),
        )
