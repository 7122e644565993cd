"""The servers that every contestant stands on: one MySQL, durable, and one Redis."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from redis import Redis
from redis.exceptions import RedisError
from sqlalchemy import create_engine, text

START_SECONDS_MAX = 60
DURABLE = {"innodb_flush_log_at_trx_commit": "1", "sync_binlog": "1"}


def free_port() -> int:
    """Find a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(condition: Callable[[], object], what: str, seconds_max: float = START_SECONDS_MAX) -> None:
    """Poll ``condition``; end the benchmark with ``what`` was waited for when it never holds."""
    deadline = time.monotonic() + seconds_max
    while not condition():
        if time.monotonic() > deadline:
            sys.exit(f"waited {seconds_max:g} s in vain: {what}")
        time.sleep(0.02)


@contextmanager
def fresh_database() -> Iterator[str]:
    """Make a database on the server that MYSQL_URL names, and drop it at the end."""
    server = os.environ.get("MYSQL_URL")
    if server is None:
        sys.exit(
            "set MYSQL_URL to a MySQL 8.4 or later whose account may create databases: mysql+pymysql://user@host:port"
        )
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    name = f"bench_{uuid4().hex}"
    with engine.connect() as connection:
        _require_durable({n: str(connection.scalar(text(f"SELECT @@{n}"))) for n in DURABLE})
        connection.execute(text(f"CREATE DATABASE {name}"))
        yield f"{server}/{name}"
        connection.execute(text(f"DROP DATABASE {name}"))
    engine.dispose()


def mysql_version(url: str) -> str:
    """Ask the server which version it is."""
    engine = create_engine(url)
    with engine.connect() as connection:
        version = str(connection.scalar(text("SELECT VERSION()")))
    engine.dispose()
    return version


@contextmanager
def fresh_redis(folder: Path) -> Iterator[str]:
    """Start a Redis of the benchmark's own."""
    program = shutil.which("redis-server") or shutil.which("valkey-server")
    if program is None:
        sys.exit("install redis-server or valkey-server")
    port = free_port()
    process = subprocess.Popen(  # noqa: S603  the program was looked up
        [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)],
        stdout=subprocess.DEVNULL,
    )
    url = f"redis://127.0.0.1:{port}/0"
    wait_until(lambda: _answers(url), "Redis answers")
    try:
        yield url
    finally:
        process.terminate()
        process.wait()


def _answers(url: str) -> bool:
    with Redis.from_url(url) as redis:
        try:
            return bool(redis.ping())
        except RedisError:
            return False


def _require_durable(found: dict[str, str]) -> None:
    if found != DURABLE:
        sys.exit(f"the server must be durable, {DURABLE}; it has {found}")
