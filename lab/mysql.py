"""A MySQL or MariaDB of our own, in a folder of its own; and fresh databases on any server.

MySQL is found on the PATH, or inside the folder that MYSQL_SANDBOX_ROOT names: a system of its own, entered by chroot.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

import pymysql
from sqlalchemy import create_engine, text

from lab.ports import free_port
from lab.programs import find_program
from lab.server import NoServerError, Server

MYSQL, MARIADB = "mysql", "mariadb"
SANDBOX_ROOT = "MYSQL_SANDBOX_ROOT"
SANDBOX_MYSQLD = "usr/sbin/mysqld"
INSTALL_SECONDS_MAX = 300
ANSWER_SECONDS_MAX = 2
# What a server must be told so that no commit is lost with the machine.
DURABLE = {"innodb_flush_log_at_trx_commit": "1", "sync_binlog": "1"}
# One statement a line: MariaDB reads no more.
ROOT_OVER_TCP = "CREATE USER IF NOT EXISTS root@'127.0.0.1';\nGRANT ALL ON *.* TO root@'127.0.0.1' WITH GRANT OPTION;\n"


@dataclass(frozen=True)
class Place:
    """A folder of the server's, as this process and as the server sees it."""

    outside: Path
    inside: str


class Programs(NamedTuple):
    """The root folder that a server lives in ("" for our own), and the commands that install it and serve."""

    root: str
    install: Sequence[str]
    serve: Sequence[str]


class MysqlServer(Server):
    """The server. `start` it, the first time into an empty data folder; `remove` deletes its data."""

    def __init__(self, kind: str, folder: Path, variables: Mapping[str, str], *, apart: bool = False) -> None:
        """Prepare a server of ``kind`` with these system variables; its log is in ``folder``. Raises NoServerError."""
        self._programs = _programs(kind)
        root = self._programs.root
        home = Path(root, "var/lib", f"lab-{uuid4().hex[:12]}") if root else folder / kind
        self.kind = kind
        self.port = free_port()
        self._place = Place(home, "/" + str(home.relative_to(root)) if root else str(home))
        command = [*self._programs.serve, *self._options(), *(f"--{name}={value}" for name, value in variables.items())]
        super().__init__(kind, command, folder / f"{kind}.log", lambda: answers(self.port), apart=apart)

    @property
    def home(self) -> Path:
        """The folder that holds its data, as we see it."""
        return self._place.outside

    @property
    def url(self) -> str:
        """Where it answers, not through any proxy."""
        return f"mysql+pymysql://root@127.0.0.1:{self.port}"

    def start(self) -> None:
        """Install the server unless it is, start it unless it runs, and wait until it answers."""
        if not (self.home / "data").exists():
            self._install()
        super().start()

    def program(self, name: str) -> list[str]:
        """Say how to run a program of this server's, such as mysqldump."""
        return ["chroot", self._programs.root, f"/usr/bin/{name}"] if self._programs.root else [name]

    def binary_logs(self, first: str) -> list[str]:
        """List the files of the binary log from ``first`` on, as its own programs find them."""
        found = sorted(path.name for path in (self.home / "data").glob("binlog.[0-9]*"))
        return [f"{self._place.inside}/data/{name}" for name in found if name >= first]

    def remove(self) -> None:
        """End it and delete all it has."""
        self.kill()
        shutil.rmtree(self.home, ignore_errors=True)  # it may not have been installed

    def _install(self) -> None:
        self.home.mkdir(parents=True, exist_ok=True)
        (self.home / "init.sql").write_text(ROOT_OVER_TCP, encoding="utf-8")
        command = [*self._programs.install, *self._common()]
        if self.kind == MYSQL:
            command.append("--initialize-insecure")
        else:
            command += ["--auth-root-authentication-method=normal", "--skip-test-db"]
        if self._programs.root:
            Path(self._programs.root, "tmp").mkdir(exist_ok=True)
        subprocess.run(command, check=True, capture_output=True, timeout=INSTALL_SECONDS_MAX)  # noqa: S603  looked up

    def _common(self) -> list[str]:
        user = ["--user=root"] if os.geteuid() == 0 else []
        return ["--no-defaults", f"--datadir={self._place.inside}/data", *user]

    def _options(self) -> list[str]:
        here = self._place.inside
        listen = [f"--port={self.port}", "--bind-address=127.0.0.1", f"--socket={here}/s.sock", f"--pid-file={here}/p"]
        mysql_only = ["--mysqlx=OFF", "--secure-file-priv=NULL"] if self.kind == MYSQL else []
        return [*self._common(), *listen, *mysql_only, f"--init-file={here}/init.sql"]


def _programs(kind: str) -> Programs:
    if kind == MARIADB:
        installer, server = find_program("mariadb-install-db"), find_program("mariadbd")
        if installer is None or server is None:
            msg = "no MariaDB: mariadbd and mariadb-install-db are not installed"
            raise NoServerError(msg)
        return Programs("", [installer], [server])
    program = find_program("mysqld")
    if program is not None and "MariaDB" not in subprocess.check_output([program, "--version"], text=True):  # noqa: S603  looked up
        return Programs("", [program], [program])
    root = os.environ.get(SANDBOX_ROOT, "")
    if root and os.geteuid() == 0 and Path(root, SANDBOX_MYSQLD).exists():
        command = ["chroot", root, f"/{SANDBOX_MYSQLD}"]
        return Programs(root, command, command)
    msg = f"no MySQL: mysqld is not on the PATH, and {SANDBOX_ROOT} names no folder that root could enter"
    raise NoServerError(msg)


def preferred(kinds: Sequence[str] = (MYSQL, MARIADB)) -> str:
    """Return the first of ``kinds`` that can run here. Raises NoServerError."""
    reasons = []
    for kind in kinds:
        try:
            _programs(kind)
        except NoServerError as error:
            reasons.append(str(error))
        else:
            return kind
    raise NoServerError("; ".join(reasons))


def answers(port: int) -> bool:
    """Tell whether the server at ``port`` of this machine, where root needs no password, can be used."""
    at_most = ANSWER_SECONDS_MAX
    try:
        pymysql.connect(host="127.0.0.1", port=port, user="root", connect_timeout=at_most, read_timeout=at_most).close()
    except (pymysql.Error, OSError):
        return False
    return True


def version(url: str) -> str:
    """Ask the server which version it is."""
    engine = create_engine(url)
    with engine.connect() as connection:
        found = str(connection.scalar(text("SELECT VERSION()")))
    engine.dispose()
    return found


@contextmanager
def fresh_database(server_url: str, purpose: str) -> Iterator[str]:
    """Make a database that is named after its ``purpose``, say its URL, and drop it at the end."""
    name = f"{purpose}_{uuid4().hex}"
    _execute(server_url, f"CREATE DATABASE {name}")
    try:
        yield f"{server_url}/{name}"
    finally:
        _execute(server_url, f"DROP DATABASE {name}")


def _execute(url: str, statement: str) -> None:
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(statement))
    engine.dispose()
