"""`python -m booking_service …`, run as operators run it, with what they get wrong."""

import os
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from booking_service.domain.models import VERSION_TABLE
from lab.ports import free_port

Outcome = subprocess.CompletedProcess[str]
Command = Callable[..., Outcome]
REPOSITORY = Path(__file__).resolve().parents[3]
SECONDS_MAX = 60


@pytest.fixture
def command(tmp_path: Path) -> Command:
    """Run a command of the service in a folder of its own, with some variables changed."""

    def run(*arguments: str, **variables: str) -> Outcome:
        environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(REPOSITORY),
            "REDIS_URL": "redis://127.0.0.1:1/0",
            "BOOKING_DATABASE_URL": f"sqlite:///{tmp_path}/booking.db",
            "BOOKING_PORT": str(free_port()),
            "ALGORITHM": "HS256",
            "SECRET_KEY": "k" * 32,
            **variables,
        }
        return subprocess.run(
            [sys.executable, "-m", "booking_service", *arguments],
            env={name: value for name, value in environment.items() if value},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=SECONDS_MAX,
        )

    return run


def assert_one_line(outcome: Outcome, status: int, *words: str) -> None:
    assert outcome.returncode == status, outcome
    assert outcome.stderr.count("\n") == 1, outcome.stderr
    assert not [word for word in words if word not in outcome.stderr], outcome.stderr


@pytest.mark.parametrize(
    ("arguments", "url"),
    [
        ("migrate", "mysql+pymysql://u:s3cret@127.0.0.1"),
        ("audit", "mysql+pymysql://u:s3cret@h/d?tls=1"),
        ("serve", "sqlite://tmp/x"),
    ],
)
def test_a_url_that_cannot_be_used_ends_every_command_with_a_line(command: Command, arguments: str, url: str) -> None:
    failed = command(arguments, BOOKING_DATABASE_URL=url)
    assert_one_line(failed, 2, "configuration error: BOOKING_DATABASE_URL: ")
    assert "s3cret" not in failed.stderr


@pytest.mark.parametrize("arguments", ["migrate", "audit"])
def test_a_database_that_is_away_is_named(command: Command, arguments: str) -> None:
    url = f"mysql+pymysql://u:s3cret@127.0.0.1:{free_port()}/d"
    failed = command(arguments, BOOKING_DATABASE_URL="", DATABASE_URL=url)
    assert_one_line(failed, 1, f"{arguments} failed: DATABASE_URL: the database does not answer: ")
    assert "s3cret" not in failed.stderr


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [("migrate", "no database"), ("audit", "no database"), ("audit", "a folder"), ("audit", "nowhere")],
)
def test_a_file_that_is_no_database_is_named(command: Command, tmp_path: Path, arguments: str, kind: str) -> None:
    place = tmp_path / "place"
    if kind == "a folder":
        place.mkdir()
    elif kind == "no database":
        place.write_text("Dear diary, " * 1_000)
    failed = command(arguments, BOOKING_DATABASE_URL=f"sqlite:///{place / 'x' if kind == 'nowhere' else place}")
    assert_one_line(failed, 1, f"{arguments} failed: BOOKING_DATABASE_URL: ")


def test_an_audit_before_the_first_migration_says_what_is_missing(command: Command) -> None:
    assert_one_line(command("audit"), 1, "audit failed: BOOKING_DATABASE_URL: ", "no such table")


def test_a_database_of_another_version_is_named(command: Command, tmp_path: Path) -> None:
    assert command("migrate").returncode == 0
    assert command("audit").stdout == "audit: ok\n"
    with closing(sqlite3.connect(tmp_path / "booking.db")) as connection, connection:
        connection.execute(f"UPDATE {VERSION_TABLE} SET version_num = '9999'")  # noqa: S608  a constant's name
    assert_one_line(command("migrate"), 1, "migrate failed: BOOKING_DATABASE_URL: ", "9999")


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("LISTEN_HOST", "203.0.113.1"),
        ("HOST", "203.0.113.1"),
        ("HOST", "[::1"),
        ("LISTEN_HOST", "no-such-name.invalid"),
    ],
)
def test_an_address_that_cannot_be_listened_on_is_named(command: Command, variable: str, value: str) -> None:
    assert_one_line(command("serve", **{variable: value}), 2, f"configuration error: {variable}: ")


def test_a_port_that_is_taken_is_named(command: Command) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert_one_line(command("serve", BOOKING_PORT=port), 2, "BOOKING_PORT: ", port, "already running")
