"""A Redis of the campaign's own, which comes back empty."""

from pathlib import Path

from redis import Redis

from lab.ports import free_port
from lab.programs import find_program
from lab.server import Mortal
from tests.fixtures.servers import redis_answers


class PrivateRedis(Mortal):
    """Redis without persistence."""

    def __init__(self, folder: Path) -> None:
        """Prepare to run it in ``folder``."""
        program = find_program("redis-server", "valkey-server")
        if program is None:
            msg = "the campaign kills a Redis of its own, so redis-server or valkey-server must be installed"
            raise RuntimeError(msg)
        self.port = free_port()
        url = f"redis://127.0.0.1:{self.port}/0"
        command = [program, "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
        super().__init__("redis", command, folder / "redis.log", lambda: redis_answers(url))

    def client(self) -> Redis:
        """Connect to it, not through any proxy."""
        return Redis(port=self.port, socket_timeout=2, socket_connect_timeout=2)
