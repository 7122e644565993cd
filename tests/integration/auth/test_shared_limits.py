"""Two processes of the auth service with one Redis, which is killed while they work."""

import os
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from lab.ports import free_port
from lab.redis import RedisServer
from lab.server import NoServerError
from tests.fixtures.accounts import ADA, PASSWORD, accounts_database, auth_settings, private_key_pem
from tests.fixtures.processes import System
from tests.fixtures.servers import missing, wait_until

PER_ADDRESS = 12
SLOW_SECONDS = 10


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    try:
        server = RedisServer(tmp_path)
    except NoServerError as error:
        missing(str(error))
    with server.running():
        yield server


@pytest.fixture
def system(tmp_path: Path, redis: RedisServer) -> Iterator[System]:
    """Two auth services with a Redis."""
    url = f"sqlite:///{tmp_path}/auth.db"
    with accounts_database(auth_settings(url)):
        pass
    (tmp_path / "key.pem").write_text(private_key_pem())
    environment = {
        "AUTH_DATABASE_URL": url,
        "REDIS_URL": redis.url,
        "JWT_PRIVATE_KEY_FILE": str(tmp_path / "key.pem"),
        "AUTH_PORT": str(free_port()),
        "OTHER_PORT": str(free_port()),
        "LOGINS_PER_ADDRESS_MAX": str(PER_ADDRESS),
        "RATE_REDIS_TIMEOUT_SECONDS": "2",  # so that a slow machine is not taken for an absent Redis
        "RATE_REDIS_PAUSE_SECONDS": "1",
    }
    system = System(tmp_path, os.environ | environment)
    system.start_auth()
    system.start_auth("other", environment["OTHER_PORT"])
    yield system
    system.stop()


def log_in(port: str, email: str = "nobody@example.com", password: str = PASSWORD) -> httpx.Response:
    return httpx.post(f"http://127.0.0.1:{port}/login", json={"email": email, "password": password})


def test_processes_count_together_and_go_on_by_themselves_when_redis_dies(system: System, redis: RedisServer) -> None:
    one, other = system.environment["AUTH_PORT"], system.environment["OTHER_PORT"]
    httpx.post(f"http://127.0.0.1:{one}/users", json=ADA)
    together = [log_in(port, f"{number}@example.com").status_code for number in range(7) for port in (one, other)]
    assert together == [401] * PER_ADDRESS + [429] * 2

    redis.freeze()
    frozen = [log_in(port, ADA["email"]) for port in (one, other, one, other)]
    redis.thaw()
    redis.kill()
    killed = [log_in(port, ADA["email"]) for port in (one, other)]
    assert {answer.status_code for answer in (*frozen, *killed)} == {200}
    assert max(answer.elapsed.total_seconds() for answer in (*frozen, *killed)) < SLOW_SECONDS

    redis.start()
    wait_until(lambda: log_in(one).status_code and "Redis answers again" in system.log("auth"), "Redis counts again")
    assert system.log("auth").count("Redis does not answer") in {1, 2}  # once each time: frozen, killed
    assert "Traceback" not in system.log("auth") + system.log("other")


def test_readiness_tells_whether_counts_are_shared(system: System, redis: RedisServer) -> None:
    ready = f"{system.auth_url}/health/ready"
    assert httpx.get(ready).json() == {"status": "ok", "dependencies": {"database": "ok", "redis": "ok", "keys": "ok"}}
    redis.kill()
    answer = httpx.get(ready)
    assert answer.status_code == 200
    assert answer.json() == {
        "status": "degraded",
        "dependencies": {"database": "ok", "redis": "unavailable", "keys": "ok"},
    }
