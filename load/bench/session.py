"""The servers of one run of the benchmark, from start to end."""

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from lab.redis import RedisServer
from load.bench.comparison import tell
from load.bench.contestants import Stand
from load.bench.events import prepared_database
from load.bench.measure import Bench
from load.bench.mysql import Mysql, mysql_server
from load.bench.options import Options


@dataclass(frozen=True, slots=True)
class Session:
    """What is measured on."""

    server: Mysql
    bench: Bench


@contextmanager
def session(options: Options) -> Iterator[Session]:
    """Start the servers, make a database, and end everything afterwards."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with mysql_server(_on_disk(folder)) as server, RedisServer(folder).running() as redis:
            tell(f"MySQL: {server.origin}")
            processes = {"mysqld": server.process} if server.process else {}
            with prepared_database(server) as (url, database):
                stand = Stand(url, redis.url, folder, processes | {"redis": psutil.Process(redis.pid)})
                yield Session(server, Bench(database, stand, options.seconds, options.connections))


def _on_disk(folder: Path) -> Path:
    mounts = [p for p in psutil.disk_partitions(all=True) if folder.is_relative_to(p.mountpoint)]
    if mounts and max(mounts, key=lambda p: len(p.mountpoint)).fstype == "tmpfs":
        sys.exit("the temporary folder is in memory, where durability costs nothing: set TMPDIR to one on a disk")
    return folder
