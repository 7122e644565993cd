"""A Redis of our own, which comes back empty."""

from pathlib import Path

from redis import Redis
from redis.exceptions import RedisError

from lab.ports import free_port
from lab.programs import find_program
from lab.server import NoServerError, Server

CLIENT_SECONDS_MAX = 2


class RedisServer(Server):
    """Redis without persistence."""

    def __init__(self, folder: Path, *, apart: bool = False) -> None:
        """Prepare to run it in ``folder``. Raises NoServerError."""
        program = find_program("redis-server", "valkey-server")
        if program is None:
            msg = "no Redis: neither redis-server nor valkey-server is installed"
            raise NoServerError(msg)
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        command = [program, "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
        super().__init__("redis", command, folder / "redis.log", lambda: answers(self.url), apart=apart)

    def client(self) -> Redis:
        """Connect to it, not through any proxy."""
        return Redis(port=self.port, socket_timeout=CLIENT_SECONDS_MAX, socket_connect_timeout=CLIENT_SECONDS_MAX)


def answers(url: str) -> bool:
    """Tell whether the server can be used."""
    try:
        return bool(version(url))
    except RedisError:
        return False


def version(url: str) -> str:
    """Ask the server which version it is. Raises RedisError."""
    with Redis.from_url(url) as redis:
        return str(redis.info("server")["redis_version"])
