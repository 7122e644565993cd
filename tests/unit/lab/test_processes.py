"""Processes end in good order, or are killed and named; and what they left behind ends with them."""

import os
from pathlib import Path

from lab.processes import end, launch
from lab.waiting import wait_for

PATIENT_SECONDS, IMPATIENT_SECONDS = 30, 0.1
# Each says that it is ready, once it is.
OBEDIENT = "echo ready; exec sleep 600"
DEAF = "trap '' TERM; echo ready; while :; do sleep 600; done"
PARENT = "sleep 600 & echo $!; echo ready; wait"


def started(script: str, log: Path) -> str:
    """Wait until what runs ``script`` is ready; return all that it said before."""
    wait_for(lambda: "ready" in log.read_text(), f"{script} runs")
    return log.read_text()


def is_running(pid: int) -> bool:
    # One that has ended stays in the table, as a zombie, until somebody asks for its exit code.
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_who_obeys_is_not_late(tmp_path: Path) -> None:
    process = launch(["sh", "-c", OBEDIENT], tmp_path / "log")
    started(OBEDIENT, tmp_path / "log")
    assert end([process], PATIENT_SECONDS) == []
    assert process.returncode is not None


def test_who_does_not_obey_is_killed_and_named(tmp_path: Path) -> None:
    obedient = launch(["sh", "-c", OBEDIENT], tmp_path / "obedient")
    deaf = launch(["sh", "-c", DEAF], tmp_path / "deaf")
    started(OBEDIENT, tmp_path / "obedient")
    started(DEAF, tmp_path / "deaf")
    obedient.terminate()
    obedient.wait(PATIENT_SECONDS)
    assert end([obedient, deaf], IMPATIENT_SECONDS) == [deaf]
    assert deaf.returncode is not None


def test_a_child_that_is_left_behind_by_one_apart_ends_too(tmp_path: Path) -> None:
    process = launch(["sh", "-c", PARENT], tmp_path / "log", apart=True)
    child = int(started(PARENT, tmp_path / "log").split()[0])
    assert os.getpgid(child) == process.pid
    end([process], PATIENT_SECONDS)
    wait_for(lambda: not is_running(child), "the child has ended")
