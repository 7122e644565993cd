"""The contestants, each as the processes that it runs."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import httpx
import psutil
from redis import Redis

from booking_service.settings import BookingSettings
from deploy.commands import BEAT, BOOKING, WORKER, celery_worker
from lab.ports import free_port
from lab.processes import end, launch
from lab.waiting import wait_for
from load.bench.processes import Crew
from shared.identity.jwk import hmac_key
from shared.identity.tokens import TokenRules, TokenSigner

STOP_SECONDS_MAX = 30
TOKEN_SECONDS = 86_400
SECRET = "only for the benchmark, where nobody else can reach it"  # noqa: S105  as it says


@dataclass(frozen=True, slots=True)
class Contestant:
    """A way to sell seats: the arguments of its API process and of its worker and beat, if it has any."""

    name: str
    api: tuple[str, ...] | None
    worker: tuple[str, ...] | None = None
    beat: tuple[str, ...] | None = None
    instances: int = 1  # API processes, and as many workers; each API has a port of its own
    environment: Mapping[str, str] = field(default_factory=dict)


OURS = Contestant("ours", BOOKING, WORKER, BEAT)
ROW_LOCK = Contestant("row lock", ("-m", "load.bench.baselines.row_lock"))
TASK_PER_BOOKING = Contestant(
    "task per booking",
    ("-m", "load.bench.baselines.task_per_booking"),
    celery_worker("load.bench.baselines.task_per_booking"),
)
EMPTY = Contestant("empty endpoint", ("-m", "load.bench.baselines.empty"))


@dataclass(frozen=True, slots=True)
class Stand:
    """What a contestant stands on: the addresses of the servers, those of them that run here, a folder for logs."""

    database_url: str
    redis_url: str
    folder: Path
    servers: Mapping[str, psutil.Process]


@dataclass(frozen=True, slots=True)
class Running:
    """A contestant at work: the addresses of its API processes, and all processes with the servers beneath them."""

    urls: list[str]
    crew: Crew


@contextmanager
def running(contestant: Contestant, stand: Stand) -> Iterator[Running]:
    """Start ``contestant``, wait until each API process answers, and end it."""
    _forget_everything(stand.redis_url)
    ports = [free_port() for _ in range(contestant.instances)]
    started: list[tuple[str, subprocess.Popen[bytes]]] = []
    try:
        for name, port, arguments in _commands(contestant, ports):
            log = stand.folder / f"{contestant.name} {name}.log".replace("/", "-")
            command = [sys.executable, *arguments]
            started.append((name, launch(command, log, _environment(contestant, stand, port), apart=True)))
        urls = [f"http://127.0.0.1:{port}" for port in ports] if contestant.api else []
        for url in urls:
            wait_for(lambda url=url: _answers(url), f"{contestant.name} answers; see its log")  # type: ignore[misc]
        members: dict[str, list[psutil.Process]] = {}
        for name, process in started:
            members.setdefault(name, []).append(psutil.Process(process.pid))
        yield Running(urls, Crew(members | {name: [process] for name, process in stand.servers.items()}))
    finally:
        end([process for _, process in started], STOP_SECONDS_MAX)


def user_token(user_id: int = 1) -> str:
    """Sign a token of a user that every contestant accepts."""
    fields = BookingSettings.model_fields
    rules = TokenRules("HS256", fields["token_issuer"].default, fields["token_audience"].default)
    return TokenSigner(rules, hmac_key(SECRET), None, TOKEN_SECONDS).sign(user_id, "bench@example.com", "user")


@cache
def user_tokens(count: int) -> tuple[str, ...]:
    """Sign tokens of the first ``count`` users, once."""
    return tuple(map(user_token, range(1, count + 1)))


def _commands(contestant: Contestant, ports: list[int]) -> Iterator[tuple[str, int, tuple[str, ...]]]:
    for port in ports:
        if contestant.api is not None:
            yield "api", port, tuple(argument.replace("{port}", str(port)) for argument in contestant.api)
        if contestant.worker is not None:
            yield "worker", port, contestant.worker
    if contestant.beat is not None:
        yield "beat", ports[0], contestant.beat


def _environment(contestant: Contestant, stand: Stand, port: int) -> dict[str, str]:
    own = {
        "BOOKING_DATABASE_URL": stand.database_url,
        "REDIS_URL": stand.redis_url,
        "ALGORITHM": "HS256",
        "SECRET_KEY": SECRET,
        "BOOKING_PORT": str(port),
        "WORKER_CONCURRENCY": "1",
        "LOG_LEVEL": "WARNING",
        "RATE_LIMITS": "off",
    }
    return {**os.environ, **own, **contestant.environment}


def _forget_everything(redis_url: str) -> None:
    # So that no message or flag of one contestant reaches the next.
    with Redis.from_url(redis_url) as redis:
        redis.flushall()


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/openapi.json").is_success
    except httpx.HTTPError:
        return False
