"""The database that every contestant stands on: one durable MySQL, given, in a container, or of the benchmark's own."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
from sqlalchemy import create_engine, make_url, text

from lab.mysql import DURABLE, MARIADB, MysqlServer, answers
from lab.programs import find_program
from lab.server import NoServerError
from lab.waiting import wait_for

COMPOSE_FILE = Path(__file__).parents[2] / "docker-compose.yml"
DOCKER_SECONDS_MAX = 600  # an image may have to be fetched
CONTAINER_START_SECONDS_MAX = 180
REPORTED = (
    *DURABLE,
    "log_bin",
    "binlog_format",
    "innodb_doublewrite",
    "innodb_flush_method",
    "innodb_buffer_pool_size",
    "innodb_redo_log_capacity",
    "innodb_log_file_size",
)


@dataclass(frozen=True, slots=True)
class Mysql:
    """A server: where it is, where it comes from, and its process when that runs on this machine."""

    url: str  # without a database
    origin: str
    process: psutil.Process | None


@contextmanager
def mysql_server(folder: Path) -> Iterator[Mysql]:
    """Give MYSQL_URL's server, else a container's, else a private MariaDB that lives in ``folder``.

    Ends the benchmark when there is none, or when it is not durable.
    """
    if url := os.environ.get("MYSQL_URL"):
        yield _durable(Mysql(url, "MYSQL_URL", _listener(make_url(url).port or 3306)))
    elif container := _start_container():
        try:
            yield _durable(_in_container(container))
        finally:
            _docker("rm", "--force", "--volumes", container)
    else:
        with _private_mariadb(folder) as server:
            yield _durable(server)


def settings(url: str) -> dict[str, str]:
    """Read the settings that durability and speed depend on, as the server has them."""
    variables = _variables(url)
    return {name: variables[name] for name in REPORTED if name in variables}


def _listener(port: int) -> psutil.Process | None:
    """Return the process of this machine that listens on ``port``, if there is one and we may know."""
    for connection in psutil.net_connections("tcp"):
        # Its local address is a pair, of which the second is the port.
        if connection.status == psutil.CONN_LISTEN and connection.laddr[1:] == (port,) and connection.pid:
            process = psutil.Process(connection.pid)
            # Docker's forwarder is not the server.
            return None if process.name() == "docker-proxy" else process
    return None


def _durable(server: Mysql) -> Mysql:
    found = {name: value for name, value in settings(server.url).items() if name in DURABLE}
    if found != DURABLE:
        sys.exit(f"the server must be durable, {DURABLE}; it has {found}")
    return server


def _variables(url: str) -> dict[str, str]:
    engine = create_engine(url)
    with engine.connect() as connection:
        rows = connection.execute(text("SHOW GLOBAL VARIABLES")).all()
    engine.dispose()
    return {str(name): str(value) for name, value in rows}


def _start_container() -> str | None:
    image = re.search(r"image: (mysql:\S+)", COMPOSE_FILE.read_text(encoding="utf-8"))
    if image is None or _docker("info") is None:
        return None
    environment = "--env=MYSQL_ALLOW_EMPTY_PASSWORD=yes"
    return _docker("run", "--detach", "--rm", environment, "--publish=127.0.0.1::3306", image.group(1))


def _in_container(container: str) -> Mysql:
    published = _docker("port", container, "3306/tcp") or sys.exit("Docker published no port")
    port = int(published.splitlines()[0].rpartition(":")[2])
    wait_for(lambda: answers(port), "MySQL answers in its container", CONTAINER_START_SECONDS_MAX)
    pid = int(_docker("inspect", "--format={{.State.Pid}}", container) or 0)
    # Where Docker runs in a machine of its own, the number means nothing here.
    ours = pid > 0 and psutil.pid_exists(pid) and psutil.Process(pid).name() == "mysqld"
    image = _docker("inspect", "--format={{.Config.Image}}", container)
    url = f"mysql+pymysql://root@127.0.0.1:{port}"
    return Mysql(url, f"a container of {image}", psutil.Process(pid) if ours else None)


def _docker(*arguments: str) -> str | None:
    program = find_program("docker")
    if program is None:
        return None
    try:
        done = subprocess.run(  # noqa: S603  the program was looked up
            [program, *arguments], check=True, capture_output=True, text=True, timeout=DOCKER_SECONDS_MAX
        )
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip()


@contextmanager
def _private_mariadb(folder: Path) -> Iterator[Mysql]:
    try:
        server = MysqlServer(MARIADB, folder, DURABLE | {"log_bin": "binlog"})
    except NoServerError:
        sys.exit(
            "set MYSQL_URL (an account that may create databases), or start Docker, or install mariadb-server-core"
        )
    with server.running():
        yield Mysql(server.url, "a private MariaDB", psutil.Process(server.pid))
