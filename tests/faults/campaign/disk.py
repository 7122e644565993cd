"""A disk that can be filled, and the campaign's database server on one."""

import os
import shutil
import subprocess
from contextlib import suppress
from pathlib import Path

from lab.mysql import DURABLE, MysqlServer

DISK_BYTES = 3 * 1024**3
VARIABLES = {
    **DURABLE,
    "innodb_buffer_pool_size": "512M",
    # Few of the campaign's connections end in good order, and none must be refused for that.
    "max_connect_errors": "1000000",
    "max_connections": "400",
}


class Disk:
    """The file system below a data folder: a small one of its own where mounting is allowed, else none."""

    def __init__(self, folder: Path, size_bytes: int) -> None:
        self._folder = folder
        folder.mkdir(parents=True)
        mount = ["mount", "-t", "tmpfs", "-o", f"size={size_bytes},mode=755", "tmpfs", str(folder)]
        self.is_small = os.geteuid() == 0 and subprocess.run(mount, check=False, capture_output=True).returncode == 0

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
            subprocess.run(["umount", "--lazy", str(self._folder)], check=True)
        shutil.rmtree(self._folder)


class DatabaseServer(MysqlServer):
    """A durable MySQL or MariaDB, with its disk."""

    def __init__(self, kind: str, folder: Path) -> None:
        """Prepare a server of ``kind``. Raises NoServerError."""
        super().__init__(kind, folder, VARIABLES, apart=True)
        self.disk = Disk(self.home, DISK_BYTES)

    def remove(self) -> None:
        """End it and delete all it has."""
        self.kill()
        self.disk.remove()
