"""What `make run` refuses, in one line, before anything is started."""

import fcntl
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from lab.ports import free_port

REPOSITORY = Path(__file__).resolve().parents[2]


def _refusal(data: Path, *arguments: str, **variables: str) -> str:
    """Start the launcher, expect it to fail, and return the one line that it says."""
    environment = {**os.environ, "DATA_DIR": str(data), "AUTH_PORT": str(free_port()), "BOOKING_PORT": str(free_port())}
    finished = subprocess.run(
        [sys.executable, "-m", "deploy.embedded", *arguments],
        cwd=REPOSITORY,
        env=environment | variables,
        text=True,
        capture_output=True,
        check=False,
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


def test_a_data_directory_that_cannot_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert "DATA_DIR" in _refusal(tmp_path / "file" / "data")


def test_a_wrong_variable_is_named(tmp_path: Path) -> None:
    assert "AUTH_PORT" in _refusal(tmp_path, AUTH_PORT="eighty")


def test_a_database_that_is_away_is_named(tmp_path: Path) -> None:
    url = f"mysql+pymysql://nobody@127.0.0.1:{free_port()}/nothing"
    line = _refusal(tmp_path, DATABASE_URL=url, REDIS_URL="redis://127.0.0.1:1/0")
    assert "nothing was started" in line
