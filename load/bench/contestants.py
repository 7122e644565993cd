"""The contestants, each as the processes that it runs."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil

from load.bench.servers import free_port, wait_until
from shared.settings import BookingSettings
from shared.tokens import TokenRules, TokenSigner, hmac_key

STOP_SECONDS_MAX = 30
TOKEN_SECONDS = 86_400
SECRET = "only for the benchmark, where nobody else can reach it"  # noqa: S105  as it says
CELERY = ("-m", "celery", "-A")
QUIET = ("--without-gossip", "--without-mingle", "--without-heartbeat")


@dataclass(frozen=True, slots=True)
class Contestant:
    """A way to sell seats: the arguments of its API process and of its worker and beat, if it has any."""

    name: str
    api: tuple[str, ...]
    worker: tuple[str, ...] | None = None
    beat: tuple[str, ...] | None = None


OURS = Contestant(
    "ours",
    ("-m", "booking_service", "serve"),
    (*CELERY, "worker.app", "worker", *QUIET),
    (*CELERY, "worker.app", "beat"),
)
ROW_LOCK = Contestant("row lock", ("-m", "load.bench.baselines.row_lock"))
TASK_PER_BOOKING = Contestant(
    "task per booking",
    ("-m", "load.bench.baselines.task_per_booking"),
    (*CELERY, "load.bench.baselines.task_per_booking", "worker", *QUIET),
)
EMPTY = Contestant("empty endpoint", ("-m", "load.bench.baselines.empty"))


@dataclass(frozen=True, slots=True)
class Running:
    """A contestant's processes, each with those that it forked."""

    url: str
    processes: dict[str, psutil.Process]

    def cpu_seconds(self) -> dict[str, float]:
        """Add up the processor time that each has used so far."""
        return {name: sum(map(_cpu_seconds, _family(process))) for name, process in self.processes.items()}

    def memory_mib(self) -> dict[str, float]:
        """Add up the memory that each has in use, counting what is shared once a process."""
        return {
            name: sum(p.memory_info().rss for p in _family(process)) / 2**20 for name, process in self.processes.items()
        }


@contextmanager
def running(contestant: Contestant, database_url: str, redis_url: str, folder: Path) -> Iterator[Running]:
    """Start ``contestant`` with one API process and one worker process, and end it."""
    port = free_port()
    environment = os.environ | {
        "BOOKING_DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "ALGORITHM": "HS256",
        "SECRET_KEY": SECRET,
        "BOOKING_PORT": str(port),
        "WORKER_CONCURRENCY": "1",
        "LOG_LEVEL": "WARNING",
    }
    commands = {"api": contestant.api, "worker": contestant.worker, "beat": contestant.beat}
    started: list[subprocess.Popen[bytes]] = []
    processes: dict[str, psutil.Process] = {}
    for name, arguments in commands.items():
        if arguments is not None:
            with (folder / f"{contestant.name} {name}.log").open("ab") as log:
                started.append(subprocess.Popen([sys.executable, *arguments], env=environment, stdout=log, stderr=log))  # noqa: S603  ours
            processes[name] = psutil.Process(started[-1].pid)
    url = f"http://127.0.0.1:{port}"
    wait_until(lambda: _answers(url), f"{contestant.name} answers")
    try:
        yield Running(url, processes)
    finally:
        for process in started:
            process.terminate()
        for process in started:
            process.wait(STOP_SECONDS_MAX)


def user_token() -> str:
    """Sign a token that every contestant accepts."""
    fields = BookingSettings.model_fields
    rules = TokenRules("HS256", fields["token_issuer"].default, fields["token_audience"].default)
    return TokenSigner(rules, hmac_key(SECRET), None, TOKEN_SECONDS).sign(1, "bench@example.com", "user")


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/openapi.json").is_success
    except httpx.HTTPError:
        return False


def _family(process: psutil.Process) -> list[psutil.Process]:
    return [process, *process.children(recursive=True)]


def _cpu_seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)
