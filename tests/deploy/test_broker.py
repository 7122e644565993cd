"""Which server the embedded run takes as its broker."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import AuthenticationError
from redis.exceptions import ConnectionError as RedisConnectionError

from deploy.embedded import broker
from lab.ports import free_port
from tests.fixtures.servers import wait_until


def _program(folder: Path, name: str, body: str = "exit 0") -> Path:
    folder.mkdir(exist_ok=True)
    program = folder / name
    program.write_text(f"#!/bin/sh\n{body}\n")
    program.chmod(0o755)
    return program


@contextmanager
def _running(command: tuple[str, ...]) -> Iterator["subprocess.Popen[bytes]"]:
    process = subprocess.Popen(command)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def _answers(redis: "Redis") -> bool:
    try:
        return bool(redis.ping())
    except RedisConnectionError:
        return False


def test_redis_is_taken_before_valkey_and_both_before_a_wheel(tmp_path: Path) -> None:
    valkey = _program(tmp_path, "valkey-server")
    assert broker.first_that_runs(str(tmp_path), wheel=Path("/nowhere")) == str(valkey)
    redis = _program(tmp_path, "redis-server")
    assert broker.first_that_runs(str(tmp_path), wheel=Path("/nowhere")) == str(redis)


def test_a_server_that_does_not_run_here_is_passed_over(tmp_path: Path) -> None:
    _program(tmp_path / "system", "redis-server", "exit 127")
    wheel = _program(tmp_path / "wheel", "redis-server")
    assert broker.first_that_runs(str(tmp_path / "system"), wheel) == str(wheel)


def test_without_any_server_there_is_none(tmp_path: Path) -> None:
    assert broker.first_that_runs(str(tmp_path), wheel=None) is None


def test_the_server_in_the_virtual_environment_is_not_one_of_the_system() -> None:
    own = str(Path(sys.prefix, "bin"))
    assert own not in broker.system_path(f"{own}:/usr/bin").split(":")


def test_the_port_is_kept_from_start_to_start(tmp_path: Path) -> None:
    first = broker.prepare(tmp_path, server=None)
    assert broker.prepare(tmp_path, server=None).url == first.url == broker.kept_url(tmp_path)


def test_a_port_that_somebody_took_is_given_up(tmp_path: Path) -> None:
    first = broker.prepare(tmp_path, server=None)
    port = int(first.url.rpartition(":")[2].partition("/")[0])
    with socket.create_server(("127.0.0.1", port)):
        assert broker.prepare(tmp_path, server=None).url != first.url


@pytest.mark.parametrize("content", [b"", b"99999", b"80", "\u00b2".encode(), b"\xff", b"2" * 5_000])
def test_a_port_that_is_none_of_ours_is_given_up(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "broker").mkdir()
    (tmp_path / "broker" / "port").write_bytes(content)
    port = broker.prepare(tmp_path, server=None).url.rpartition(":")[2].partition("/")[0]
    assert int(port) in broker.PORTS


def test_an_imitation_is_announced_with_a_warning(tmp_path: Path) -> None:
    assert "fakeredis" in broker.prepare(tmp_path, server=None).warning
    assert not broker.prepare(tmp_path, server="/usr/bin/redis-server").warning


def test_a_real_server_wants_the_password(tmp_path: Path) -> None:
    server = broker.find_server()
    if server is None and not os.environ.get("CI"):
        pytest.skip("no real redis: neither this machine nor a wheel for this Python has one")
    assert server is not None
    directory = tmp_path / 'a "strange" folder'
    directory.mkdir()
    prepared = broker.prepare(directory, server)
    with _running(prepared.command), Redis.from_url(prepared.url) as redis:
        wait_until(lambda: _answers(redis), "the broker answers")
        assert redis.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
        stranger = Redis.from_url(f"redis://{prepared.url.rpartition('@')[2]}")
        with stranger, pytest.raises(AuthenticationError):
            stranger.ping()


def test_the_imitation_answers_and_ends_at_sigterm() -> None:
    port = free_port()
    command = (sys.executable, "-m", "deploy.embedded.fake_broker", str(port))
    with _running(command) as process, Redis(port=port) as redis:
        wait_until(lambda: _answers(redis), "the broker answers")
        assert redis.set("flag", "1", nx=True, ex=10)
        assert not redis.set("flag", "1", nx=True, ex=10)
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
