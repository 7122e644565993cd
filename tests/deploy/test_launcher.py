"""What `make run` refuses, in one line, before anything is started."""

import fcntl
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab import redis
from lab.ports import free_port
from lab.programs import find_program
from shared.configuration.settings import EXIT_CONFIGURATION
from tests.deploy.embedded import SERVERS
from tests.fixtures.servers import missing, wait_until

REPOSITORY = Path(__file__).resolve().parents[2]
SECONDS_MAX = 60


def _refusal(data: Path, *arguments: str, **variables: str) -> str:
    """Start the launcher, expect it to fail, and return the one line that it says."""
    return _refusal_in(REPOSITORY, data, arguments, variables)


def _refusal_in(folder: Path, data: Path, arguments: tuple[str, ...], variables: dict[str, str]) -> str:
    environment = {**os.environ, "DATA_DIR": str(data), "AUTH_PORT": str(free_port()), "BOOKING_PORT": str(free_port())}
    environment["PYTHONPATH"] = str(REPOSITORY)
    finished = subprocess.run(
        [sys.executable, "-m", "deploy.embedded", *arguments],
        cwd=folder,
        env=environment | variables,
        text=True,
        capture_output=True,
        check=False,
        timeout=SECONDS_MAX,
    )
    assert finished.returncode != 0
    assert not finished.stdout
    assert not (data / "supervisord.conf").exists()
    (line,) = finished.stderr.splitlines()
    return line


@pytest.mark.parametrize("name", ["AUTH_PORT", "BOOKING_PORT"])
def test_a_port_in_use_is_named(tmp_path: Path, name: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
        line = _refusal(tmp_path, **{name: port})
    assert name in line
    assert port in line


def test_two_services_on_one_port_are_refused(tmp_path: Path) -> None:
    port = str(free_port())
    assert "must differ" in _refusal(tmp_path, AUTH_PORT=port, BOOKING_PORT=port)


def test_a_second_run_on_the_same_data_is_refused(tmp_path: Path) -> None:
    with (tmp_path / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert "in use by another" in _refusal(tmp_path)


def test_a_command_on_data_that_are_not_there_is_refused(tmp_path: Path) -> None:
    assert "nothing in" in _refusal(tmp_path, "exec", "true")


def _execute(data: Path, *arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    inherited = {name: value for name, value in os.environ.items() if name not in SERVERS}
    return subprocess.run(
        [sys.executable, "-m", "deploy.embedded", "exec", sys.executable, "-m", *arguments],
        cwd=REPOSITORY,
        env=inherited | {"DATA_DIR": str(data)} | variables,
        text=True,
        capture_output=True,
        check=False,
        timeout=SECONDS_MAX,
    )


@pytest.mark.parametrize(("algorithm", "other"), [("RS256", "ES256"), ("es256", "RS256")])
def test_keys_are_replaced_without_any_preparation(tmp_path: Path, algorithm: str, other: str) -> None:
    (tmp_path / "lock").touch()
    assert _execute(tmp_path, "auth_service", "migrate", ALGORITHM=algorithm).returncode == 0
    rotated = _execute(tmp_path, "auth_service", "keys", "rotate", "--algorithm", other, ALGORITHM=algorithm)
    assert rotated.returncode == 0, rotated.stderr
    _, old, new = _execute(tmp_path, "auth_service", "keys", "list", ALGORITHM=algorithm).stdout.splitlines()
    assert (old.split()[1:3], new.split()[1:3]) == ([algorithm.upper(), "signing"], [other, "next"])


def test_a_command_that_needs_no_redis_runs_where_none_was_kept(tmp_path: Path) -> None:
    """The last `make run` used a Redis of the caller's, and this shell knows nothing of it."""
    (tmp_path / "lock").touch()
    assert _execute(tmp_path, "booking_service", "migrate").returncode == 0
    audit = _execute(tmp_path, "booking_service", "audit")
    assert (audit.returncode, audit.stdout) == (0, "audit: ok\n"), audit.stderr
    serve = _execute(tmp_path, "booking_service", "serve")
    assert serve.returncode == EXIT_CONFIGURATION
    assert serve.stderr == "configuration error: REDIS_URL: Field required\n"


def test_a_data_directory_that_cannot_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert "DATA_DIR" in _refusal(tmp_path, DATA_DIR=str(tmp_path / "file" / "data"))


def test_a_wrong_variable_is_named(tmp_path: Path) -> None:
    assert "AUTH_PORT" in _refusal(tmp_path, AUTH_PORT="eighty")


@pytest.fixture
def redis_address() -> Iterator[str]:
    """A Redis that wants a password and has the usual sixteen databases."""
    program = find_program("redis-server", "valkey-server") or missing("no redis-server")
    port = free_port()
    command = [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--requirepass", "right"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        wait_until(lambda: redis.answers(f"redis://:right@127.0.0.1:{port}"), "redis answers")
        yield f"127.0.0.1:{port}"
        process.kill()


@pytest.mark.parametrize(
    ("url", "says"),
    [("redis://:s3cret@{}/0", "password"), ("redis://{}/0", "auth"), ("redis://:right@{}/16", "out of range")],
)
def test_a_redis_that_does_not_take_us_is_named(tmp_path: Path, redis_address: str, url: str, says: str) -> None:
    line = _refusal(tmp_path, REDIS_URL=url.format(redis_address))
    assert line.startswith("configuration error: REDIS_URL: Redis says: ")
    assert says in line.lower()
    assert "s3cret" not in line


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("LISTEN_HOST", "203.0.113.1"), ("HOST", "[::1"), ("REDIS_URL", "redis://127.0.0.1/0?socket_timeout=30"),
        ("DATABASE_URL", "sqlite://"), ("JWKS_URL", "http://a b"), ("ADMIN_PASSWORD_FILE", "/nowhere"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_named(tmp_path: Path, variable: str, value: str) -> None:
    assert _refusal(tmp_path, **{variable: value}).startswith(f"configuration error: {variable}: ")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "latin-1"])
def test_a_dotenv_that_is_no_text_is_named(tmp_path: Path, encoding: str) -> None:
    (tmp_path / ".env").write_bytes("LOG_LEVEL=INFO # für später\n".encode(encoding))
    line = _refusal_in(tmp_path, tmp_path / "data", (), {})
    assert line.startswith("configuration error: .env: not UTF-8 text")


def test_a_secret_that_is_no_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "admin-password").write_bytes("secret".encode("utf-16"))
    assert "admin-password: not UTF-8 text" in _refusal(tmp_path)


def test_a_database_that_is_away_is_named(tmp_path: Path) -> None:
    url = f"mysql+pymysql://nobody@127.0.0.1:{free_port()}/nothing"
    line = _refusal(tmp_path, DATABASE_URL=url, REDIS_URL="redis://127.0.0.1:1/0")
    assert line.startswith("migrate failed: DATABASE_URL: the database does not answer")
    assert "nothing was started" in line
