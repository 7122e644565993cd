"""supervisord and the tether, with programs that do nothing."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.embedded import tether
from deploy.embedded.processes import Program, write_configuration
from tests.deploy.linux import children, is_alive
from tests.fixtures.servers import wait_until

SLEEPER = Program("sleeper", ("sleep", "600"))
DIES_YOUNG = Program("dies-young", ("false",))


def test_a_path_that_supervisor_would_cut_off_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="comment"):
        write_configuration(tmp_path / "number #1", [SLEEPER])


@pytest.fixture
def supervisord(tmp_path: Path) -> Iterator["subprocess.Popen[bytes]"]:
    # A percent sign and a space mean something to supervisor, and stand in real paths.
    data = tmp_path / "100% da ta"
    (data / "logs").mkdir(parents=True)
    configuration = write_configuration(data, [SLEEPER, DIES_YOUNG])
    command = tether.command(str(os.getpid()), "SIGTERM", sys.executable, "-m", "supervisor.supervisord", "-c")
    process = subprocess.Popen([*command, str(configuration)], start_new_session=True)
    try:
        wait_until(lambda: _sleepers(process.pid), "the program runs")
        yield process
    finally:
        process.kill()
        process.wait()


def _sleepers(pid: int) -> list[int]:
    return [child for child in children(pid) if Path(f"/proc/{child}/cmdline").read_bytes() == b"sleep\000600\000"]


def test_what_is_killed_is_started_again(supervisord: "subprocess.Popen[bytes]") -> None:
    (first,) = _sleepers(supervisord.pid)
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: _sleepers(supervisord.pid) not in ([], [first]), "a successor runs")


def test_what_keeps_dying_young_is_never_given_up(supervisord: "subprocess.Popen[bytes]", tmp_path: Path) -> None:
    log = next(tmp_path.glob("*/logs/supervisord.log"))
    # By default supervisor gives up after four.
    wait_until(lambda: log.read_text().count("spawned: 'dies-young'") == 5, "a fifth try")
    assert supervisord.poll() is None
    assert "FATAL" not in log.read_text()


def test_a_killed_supervisor_leaves_no_orphan(supervisord: "subprocess.Popen[bytes]") -> None:
    (sleeper,) = _sleepers(supervisord.pid)
    supervisord.kill()
    wait_until(lambda: not is_alive(sleeper), "the program is gone")


def test_sigterm_stops_everything(supervisord: "subprocess.Popen[bytes]") -> None:
    (sleeper,) = _sleepers(supervisord.pid)
    supervisord.terminate()
    assert supervisord.wait(30) == 0
    assert not is_alive(sleeper)


def test_what_has_lost_its_parent_already_is_not_started() -> None:
    stranger = str(os.getppid())
    finished = subprocess.run(tether.command(stranger, "SIGKILL", "echo", "started"), check=False, capture_output=True)
    assert finished.returncode != 0
    assert not finished.stdout
