"""Starting and ending processes, each by its id."""

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]


def launch(
    command: Sequence[str], log: Path, environment: Mapping[str, str] | None = None, *, apart: bool = False
) -> subprocess.Popen[bytes]:
    """Run ``command`` in the repository's folder and add what it writes to ``log``; None: our own environment.

    ``apart``: in a group of its own. Ctrl-C is then for us alone, who must end it in good order; and what it leaves
    behind when it is killed can be ended by the id of its group.
    """
    with log.open("ab") as output:
        return subprocess.Popen(  # noqa: S603  our own processes, and servers that the callers looked up
            command,
            env=environment,
            cwd=REPOSITORY,
            stdout=output,
            stderr=output,
            start_new_session=apart,
        )


def end(processes: Sequence[subprocess.Popen[bytes]], seconds_max: float) -> list[subprocess.Popen[bytes]]:
    """End those of ``processes`` that run; and what they leave behind, if they were launched apart.

    Who does not end in good order within ``seconds_max`` is killed, and returned.
    """
    running = [process for process in processes if process.poll() is None]
    for process in running:
        process.terminate()
    late = []
    for process in running:
        try:
            process.wait(seconds_max)
        except subprocess.TimeoutExpired:
            late.append(process)
            process.kill()
            process.wait()
        end_group(process.pid)
    return late


def end_group(leader: int) -> None:
    """Kill what the process ``leader`` left behind, which was launched apart and is dead."""
    with suppress(ProcessLookupError):
        os.killpg(leader, signal.SIGKILL)
