"""What a closed terminal means to the launcher: the end in the foreground, and nothing to who asked to outlive it."""

import os
import pty
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.deploy.embedded import REPOSITORY
from tests.fixtures.servers import wait_until

STOP_SECONDS_MAX = 30
# Writes down what becomes of it: after the terminal was closed it looks that often before it believes to go on.
LAUNCHER = """
import pathlib, sys
from deploy.embedded.stop import Stop
said = pathlib.Path(sys.argv[1])
stop = Stop()
said.write_text("listening")
looks_left = 20
while not stop.wait(0.05):
    looks_left -= said.with_suffix(".closed").exists()
    if looks_left == 0:
        said.write_text("goes on")
        stop.wait(60)
        break
else:
    said.write_text("stopped")
"""
# Leaders of a session: `make` waits for what it runs although it was told of the closed terminal, as this shell does.
LIKE_MAKE = ("sh", "-c", 'trap : HUP; "$@"; true', "sh")
LIKE_A_SHELL = ("sh", "-c", '"$@"; true', "sh")
DISOWNED = ("sh", "-c", 'set -m; "$@" & wait', "sh")


@dataclass
class Running:
    leader: int
    terminal: int
    said: Path

    def close_terminal(self) -> None:
        os.close(self.terminal)
        self.said.with_suffix(".closed").touch()

    def says(self) -> str:
        return self.said.read_text() if self.said.exists() else ""


@contextmanager
def in_a_terminal(said: Path, *wrapper: str) -> Iterator[Running]:
    """Run the launcher below ``wrapper``, which leads a session with a terminal of its own."""
    command = [*wrapper, sys.executable, "-c", LAUNCHER, str(said)]
    leader, terminal = pty.fork()
    if leader == 0:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)  # the tests themselves may run under nohup
        os.chdir(said.parent)
        environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
        os.execvpe(command[0], command, environment)  # noqa: S606  no shell: the arguments are a list
    running = Running(leader, terminal, said)
    try:
        wait_until(lambda: running.says() == "listening", "the launcher listens")
        yield running
    finally:
        for pid in _launchers(said):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        os.waitpid(leader, 0)


def _launchers(said: Path) -> list[int]:
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if str(said).encode() in (process / "cmdline").read_bytes().split(b"\0"):
                found.append(int(process.name))
    return found


@pytest.mark.parametrize("leader", [(), LIKE_MAKE, LIKE_A_SHELL])
def test_a_closed_terminal_stops_what_is_in_its_foreground(tmp_path: Path, leader: tuple[str, ...]) -> None:
    with in_a_terminal(tmp_path / "said", *leader) as running:
        running.close_terminal()
        wait_until(lambda: running.says() != "listening", "it has noticed", STOP_SECONDS_MAX)
        assert running.says() == "stopped"


@pytest.mark.parametrize("leader", [("nohup",), ("nohup", *LIKE_MAKE), DISOWNED, (*LIKE_MAKE, "setsid", "--wait")])
def test_who_asked_to_outlive_the_terminal_does(tmp_path: Path, leader: tuple[str, ...]) -> None:
    with in_a_terminal(tmp_path / "said", *leader) as running:
        running.close_terminal()
        wait_until(lambda: running.says() != "listening", "it has looked often enough", STOP_SECONDS_MAX)
        assert running.says() == "goes on"
