"""The load generator: wrk, which costs a tenth of what it loads."""

import json
import resource
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab.programs import find_program

SCRIPT = Path(__file__).parent / "book.lua"
PREFIX = "RESULT "
ENOUGH = "ENOUGH\n"
TIMEOUT_SECONDS = 30  # of one answer
STATUSES = ("200", "202", "409", "cancel", "other")  # "cancel": 200 and 202 of those that cancel


@dataclass(frozen=True, slots=True)
class Load:
    """What to send: ``connections`` clients, each asking again as soon as it is answered, or after a pause."""

    method: str
    path: str  # with %d for an id
    first: int
    count: int
    seconds: int  # at most, when ``answers_max`` is given
    connections: int
    in_turn: bool = False  # the ids one after the other, else at random
    pause_ms: int = 0  # mean
    answers_max: int = 0  # 0: no such end
    polls: bool = False  # every second request asks for a booking that was made
    cancels: bool = False  # every second request cancels one that was made a while ago


@dataclass(frozen=True, slots=True)
class Answers:
    """How many answers of each status came, and how fast."""

    seconds: float
    statuses: dict[str, int]
    failed: int
    p50_ms: float
    p95_ms: float
    p99_ms: float
    generator_cpu_seconds: float = 0.0

    @property
    def count(self) -> int:
        """All answers."""
        return sum(self.statuses.values())

    def per_second(self, status: str) -> float:
        """Answers of ``status`` a second."""
        return self.statuses[status] / self.seconds


def send(urls: Sequence[str], tokens: Sequence[str], load: Load) -> Answers:
    """Send ``load`` and count the answers; the users with these ``tokens`` take turns.

    Several ``urls`` share its connections, each loaded by a wrk of its own.
    """
    program = find_program("wrk")
    if program is None:
        sys.exit("install wrk")
    before = _cpu_seconds_of_children()
    connections = max(1, load.connections // len(urls))
    started: list[subprocess.Popen[str]] = []
    with tempfile.NamedTemporaryFile("w", encoding="ascii") as users:
        users.write("".join(f"{token}\n" for token in tokens))
        users.flush()
        try:
            for url in urls:
                command = [program, *_options(load, connections), url, "--", *_arguments(users.name, load)]
                started.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))  # noqa: S603  looked up
            answers = [_answers(wrk, load.seconds) for wrk in started]
        finally:
            for wrk in started:
                wrk.kill()
                wrk.wait()
    return _together(answers, _cpu_seconds_of_children() - before)


def _options(load: Load, connections: int) -> list[str]:
    numbers = {"threads": 1, "connections": connections, "duration": load.seconds, "timeout": TIMEOUT_SECONDS}
    return [*(f"--{name}={number}" for name, number in numbers.items()), f"--script={SCRIPT}"]


def _arguments(users: str, load: Load) -> list[str]:
    ids = [str(load.first), str(load.count), "in-turn" if load.in_turn else "random"]
    every_second = "polls" * load.polls or "cancels" * load.cancels
    return [load.method, load.path, users, *ids, str(load.pause_ms), str(load.answers_max), every_second]


def _answers(wrk: subprocess.Popen[str], seconds: int) -> Answers:
    watchdog = threading.Timer(seconds + 2 * TIMEOUT_SECONDS, wrk.kill)
    watchdog.start()
    try:
        output = list(_lines(wrk))
    finally:
        watchdog.cancel()
    for line in output:
        if line.startswith(PREFIX):
            result: dict[str, Any] = json.loads(line.removeprefix(PREFIX))
            statuses = {status: int(result[status]) for status in STATUSES}
            times = (result["p50_ms"], result["p95_ms"], result["p99_ms"])
            return Answers(result["seconds"], statuses, result["socket_errors"], *times)
    sys.exit(f"wrk gave no result: {''.join(output)}")


def _lines(wrk: subprocess.Popen[str]) -> Iterator[str]:
    for line in wrk.stdout or ():
        if line == ENOUGH:
            wrk.send_signal(signal.SIGINT)  # upon which it reports at once
        yield line


def _together(answers: Sequence[Answers], cpu_seconds: float) -> Answers:
    return Answers(
        max(a.seconds for a in answers),
        {status: sum(a.statuses[status] for a in answers) for status in STATUSES},
        sum(a.failed for a in answers),
        # Of the slowest: percentiles cannot be added.
        max(a.p50_ms for a in answers),
        max(a.p95_ms for a in answers),
        max(a.p99_ms for a in answers),
        cpu_seconds,
    )


def _cpu_seconds_of_children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
