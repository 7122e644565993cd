"""Processor time and memory of those who take part, each process with those that it forked."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import psutil

OWN = ("api", "worker")
QUIET_LOOK_SECONDS = 0.3
QUIET_CPU_SECONDS_MAX = 0.02


@dataclass(frozen=True, slots=True)
class Crew:
    """The processes of a run, by what they are."""

    by_name: Mapping[str, Sequence[psutil.Process]]

    def cpu_seconds(self) -> dict[str, float]:
        """Add up the processor time that each has used so far."""
        return {name: sum(map(_cpu_seconds, _families(members))) for name, members in self.by_name.items()}

    def is_quiet(self) -> bool:
        """Tell whether the contestant's own processes had nothing to do for a moment.

        A synchronous endpoint goes on with requests whose clients are gone.
        """
        before = self.cpu_seconds()
        time.sleep(QUIET_LOOK_SECONDS)
        after = self.cpu_seconds()
        return sum(after[name] - before[name] for name in OWN if name in after) <= QUIET_CPU_SECONDS_MAX

    def memory_mib(self) -> dict[str, float]:
        """Add up the memory that each has in use, counting what is shared once a process."""
        return {name: sum(map(_memory_bytes, _families(members))) / 2**20 for name, members in self.by_name.items()}


def _families(members: Sequence[psutil.Process]) -> list[psutil.Process]:
    return [relative for process in members for relative in (process, *process.children(recursive=True))]


def _cpu_seconds(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:  # it ended since it was listed
        return 0.0
    return float(times.user + times.system)


def _memory_bytes(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.NoSuchProcess:  # as above
        return 0
