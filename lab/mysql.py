"""A MySQL or MariaDB of the campaign's own, durable, on a disk that can be filled.

MySQL is found on the PATH, or inside the folder that MYSQL_SANDBOX_ROOT names: a system of its own, entered by chroot.
"""

import os
import shutil
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pymysql

from lab.ports import free_port
from lab.programs import find_program
from lab.server import Mortal
from tests.fixtures.servers import MARIADB, MYSQL

DISK_BYTES = 3 * 1024**3
SANDBOX_ROOT = "MYSQL_SANDBOX_ROOT"
SANDBOX_MYSQLD = "usr/sbin/mysqld"
DURABLE = ["--innodb-flush-log-at-trx-commit=1", "--sync-binlog=1", "--innodb-buffer-pool-size=512M"]
# One statement a line: MariaDB reads no more.
ROOT_OVER_TCP = "CREATE USER IF NOT EXISTS root@'127.0.0.1';\nGRANT ALL ON *.* TO root@'127.0.0.1' WITH GRANT OPTION;\n"


class NoServerError(Exception):
    """The server is not installed here; says what was looked for."""


@dataclass(frozen=True)
class Place:
    """A folder of the server's, as this process and as the server sees it."""

    outside: Path
    inside: str


class Disk:
    """The file system below a data folder: a small one of its own where mounting is allowed, else none."""

    def __init__(self, folder: Path, size_bytes: int) -> None:
        """Mount it at ``folder``."""
        self._folder = folder
        folder.mkdir(parents=True)
        mount = ["mount", "-t", "tmpfs", "-o", f"size={size_bytes},mode=755", "tmpfs", str(folder)]
        self.is_small = os.geteuid() == 0 and subprocess.run(mount, check=False, capture_output=True).returncode == 0  # noqa: S603  looked up, or of the system

    @property
    def _ballast(self) -> Path:
        return self._folder / "ballast"

    def fill(self) -> None:
        """Leave no room."""
        with self._ballast.open("wb") as ballast, suppress(OSError):
            os.posix_fallocate(ballast.fileno(), 0, shutil.disk_usage(self._folder).free)

    def free(self) -> None:
        """Make room again."""
        self._ballast.unlink(missing_ok=True)

    def remove(self) -> None:
        """Unmount and delete."""
        if self.is_small:
            subprocess.run(["umount", "--lazy", str(self._folder)], check=True)  # noqa: S603, S607  looked up, or of the system
        shutil.rmtree(self._folder)


class DatabaseServer(Mortal):
    """The server, with its disk. `start` it; `remove` deletes its data."""

    def __init__(self, kind: str, folder: Path) -> None:
        """Install a server of ``kind`` with an empty data folder. Raises NoServerError."""
        self._root, self._initialize, serve = _programs(kind)
        root = self._root
        home = Path(root, "var/lib", f"campaign-{uuid4().hex[:12]}") if root else folder / kind
        self.kind = kind
        self.disk = Disk(home, DISK_BYTES)
        self.port = free_port()
        self._place = Place(home, "/" + str(home.relative_to(root)) if root else str(home))
        super().__init__(kind, [*serve, *self._options()], folder / f"{kind}.log", self._answers_now)
        self._install(root)

    @property
    def url(self) -> str:
        """Where it answers, not through any proxy."""
        return f"mysql+pymysql://root@127.0.0.1:{self.port}"

    def program(self, name: str) -> list[str]:
        """Say how to run a program of this server's, such as mysqldump."""
        return ["chroot", self._root, f"/usr/bin/{name}"] if self._root else [name]

    def binary_logs(self, first: str) -> list[str]:
        """List the files of the binary log from ``first`` on, as its own programs find them."""
        found = sorted(path.name for path in Path(self._place.outside, "data").glob("binlog.[0-9]*"))
        return [f"{self._place.inside}/data/{name}" for name in found if name >= first]

    def remove(self) -> None:
        """End it and delete all it has."""
        self.thaw()
        self.kill()
        self.disk.remove()

    def _install(self, root: str) -> None:
        Path(self._place.outside, "init.sql").write_text(ROOT_OVER_TCP)
        command = [*self._initialize, *self._common()]
        if self.kind == MYSQL:
            command.append("--initialize-insecure")
        else:
            command += ["--auth-root-authentication-method=normal", "--skip-test-db"]
        if root:
            Path(root, "tmp").mkdir(exist_ok=True)
        subprocess.run(command, check=True, capture_output=True)  # noqa: S603  looked up, or of the system

    def _common(self) -> list[str]:
        user = ["--user=root"] if os.geteuid() == 0 else []
        return ["--no-defaults", f"--datadir={self._place.inside}/data", *user]

    def _options(self) -> list[str]:
        here = self._place.inside
        listen = [f"--port={self.port}", "--bind-address=127.0.0.1", f"--socket={here}/s.sock", f"--pid-file={here}/p"]
        # Few of the campaign's connections end in good order, and none must be refused for that.
        bounds = ["--max-connect-errors=1000000", "--max-connections=400"]
        mysql_only = ["--mysqlx=OFF", "--secure-file-priv=NULL"] if self.kind == MYSQL else []
        return [*self._common(), *listen, *DURABLE, *bounds, *mysql_only, f"--init-file={here}/init.sql"]

    def _answers_now(self) -> bool:
        try:
            pymysql.connect(host="127.0.0.1", port=self.port, user="root", connect_timeout=2, read_timeout=2).close()
        except (pymysql.Error, OSError):
            return False
        return True


def _programs(kind: str) -> tuple[str, Sequence[str], Sequence[str]]:
    """Find the root folder ("" for our own), the command that installs and the one that serves."""
    if kind == MARIADB:
        installer, server = find_program("mariadb-install-db"), find_program("mariadbd")
        if installer is None or server is None:
            msg = "no MariaDB: mariadbd and mariadb-install-db are not installed"
            raise NoServerError(msg)
        return "", [installer], [server]
    program = find_program("mysqld")
    if program is not None and "MariaDB" not in subprocess.check_output([program, "--version"], text=True):  # noqa: S603  looked up, or of the system
        return "", [program], [program]
    root = os.environ.get(SANDBOX_ROOT, "")
    if root and os.geteuid() == 0 and Path(root, SANDBOX_MYSQLD).exists():
        command = ["chroot", root, f"/{SANDBOX_MYSQLD}"]
        return root, command, command
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
