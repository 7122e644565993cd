"""Finding, starting and awaiting the programs that every contestant stands on; and one Redis."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil
from redis import Redis
from redis.exceptions import RedisError

START_SECONDS_MAX = 60
STOP_SECONDS_MAX = 60


def free_port() -> int:
    """Find a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def find_program(*names: str) -> str | None:
    """Return the path of the first of ``names`` that is installed, also where only root's PATH leads."""
    path = os.pathsep.join([os.environ["PATH"], "/usr/sbin", "/usr/local/sbin"])
    found = (shutil.which(name, path=path) for name in names)
    return next((program for program in found if program), None)


def wait_until(
    condition: Callable[[], object], what: str, seconds_max: float = START_SECONDS_MAX, pause_seconds: float = 0.02
) -> None:
    """Poll ``condition``; end the benchmark with ``what`` was waited for when it never holds."""
    deadline = time.monotonic() + seconds_max
    while not condition():
        if time.monotonic() > deadline:
            sys.exit(f"waited {seconds_max:g} s in vain: {what}")
        time.sleep(pause_seconds)


def listener(port: int) -> psutil.Process | None:
    """Return the process of this machine that listens on ``port``, if there is one and we may know."""
    for connection in psutil.net_connections("tcp"):
        # Its local address is a pair, of which the second is the port.
        if connection.status == psutil.CONN_LISTEN and connection.laddr[1:] == (port,) and connection.pid:
            process = psutil.Process(connection.pid)
            # Docker's forwarder is not the server.
            return None if process.name() == "docker-proxy" else process
    return None


@contextmanager
def running(command: Sequence[str], folder: Path, log_name: str) -> Iterator[psutil.Process]:
    """Run a server in ``folder`` for as long as the context lasts."""
    with (folder / f"{log_name}.log").open("ab") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder)  # noqa: S603  the callers looked it up
    try:
        yield psutil.Process(process.pid)
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def fresh_redis(folder: Path) -> Iterator[tuple[str, psutil.Process]]:
    """Start a Redis of the benchmark's own; say where it is and which process."""
    program = find_program("redis-server", "valkey-server")
    if program is None:
        sys.exit("install redis-server or valkey-server")
    port = free_port()
    command = [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
    url = f"redis://127.0.0.1:{port}/0"
    with running(command, folder, "redis") as process:
        wait_until(lambda: _answers(url), "Redis answers")
        yield url, process


def forget_everything(redis_url: str) -> None:
    """Empty Redis, so that no message or flag of one contestant reaches the next."""
    with Redis.from_url(redis_url) as redis:
        redis.flushall()


def redis_version(redis_url: str) -> str:
    """Ask the server which version it is."""
    with Redis.from_url(redis_url) as redis:
        return str(redis.info("server")["redis_version"])


def _answers(url: str) -> bool:
    with Redis.from_url(url) as redis:
        try:
            return bool(redis.ping())
        except RedisError:
            return False
