"""`python -m auth_service …`, run as operators run it."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from auth_service.domain.models import Outbox
from auth_service.settings import AuthSettings
from shared.outbox.claims import claim, fail
from tests.fixtures.accounts import ADA, PASSWORD, accounts_database, auth_settings, bearer, private_key_pem, running
from tests.fixtures.commands import Outcome, assert_one_line, run_auth
from tests.fixtures.outbox import put_letter

Command = Callable[..., Outcome]
ROOT = "root@example.com"


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/auth.db"


@pytest.fixture
def command(database_url: str) -> Command:
    """Run a command of the service with some variables changed."""

    return partial(run_auth, database_url)


def test_an_admin_is_made_once_and_can_log_in(command: Command, database_url: str) -> None:
    assert command("migrate").returncode == 0
    made = command("create-admin", ADMIN_EMAIL=ROOT, ADMIN_PASSWORD=PASSWORD)
    again = command("create-admin", "--email", "ROOT@example.com", "--password", "another password")

    assert (made.returncode, made.stdout) == (0, f"admin {ROOT} created\n")
    assert (again.returncode, again.stdout) == (0, "admin ROOT@example.com is already there\n")
    with running(auth_settings(database_url)) as client:
        assert client.get("/users/me", headers=bearer(client, ROOT)).json()["role"] == "admin"


@pytest.mark.parametrize("encoding", ["ascii:strict", "latin-1:strict"])
def test_what_a_terminal_cannot_show_ends_nothing(command: Command, encoding: str) -> None:
    assert command("migrate").returncode == 0
    made = command("create-admin", "--email", "коо@example.com", "--password", PASSWORD, PYTHONIOENCODING=encoding)
    assert (made.returncode, made.stdout) == (0, "admin \\u043a\\u043e\\u043e@example.com created\n")


def test_a_user_does_not_become_an_admin_by_a_restart(command: Command, database_url: str) -> None:
    settings: AuthSettings = auth_settings(database_url)
    with accounts_database(settings), running(settings) as client:
        client.post("/users", json=ADA)

    refused = command("create-admin", "--email", ADA["email"], "--password", PASSWORD)

    assert refused.returncode == 1
    assert_one_line(refused, "is taken by an account with role user")


@pytest.mark.parametrize(
    ("email", "password", "reason"),
    [("nobody", PASSWORD, "email: "), (ROOT, "short", "password: "), (ROOT, "p" * 73, "password: ")],
)
def test_the_admins_address_and_password_follow_everyones_rules(
    command: Command, email: str, password: str, reason: str
) -> None:
    refused = command("create-admin", "--email", email, "--password", password)

    assert refused.returncode == 1
    assert_one_line(refused, reason)


def test_an_admin_without_a_password_is_a_configuration_error(command: Command) -> None:
    refused = command("create-admin", "--email", ROOT)

    assert refused.returncode == 2
    assert_one_line(refused, "ADMIN_PASSWORD")


def test_a_weak_key_is_a_configuration_error(command: Command) -> None:
    refused = command(JWT_PRIVATE_KEY=private_key_pem(1024))

    assert refused.returncode == 2
    assert_one_line(refused, "JWT_PRIVATE_KEY_FILE")


@pytest.mark.parametrize("arguments", [["migrate"], ["create-admin", "--email", ROOT, "--password", PASSWORD]])
def test_an_absent_database_is_told_in_one_line(command: Command, arguments: list[str]) -> None:
    failed = command(*arguments, AUTH_DATABASE_URL="mysql+pymysql://root@127.0.0.1:1/nowhere")

    assert failed.returncode == 1
    assert_one_line(failed, "the database does not answer")


def test_mail_that_failed_is_listed_and_sent_again(command: Command, database_url: str) -> None:
    with accounts_database(auth_settings(database_url)) as database:
        letter_id = put_letter(database, "ada@example.com\r\nevil")
        put_letter(database)
        claimed = database.write(partial(claim, outbox=Outbox, lease=timedelta(seconds=60)), repeat_lost=False)
        assert claimed is not None
        database.write(partial(fail, outbox=Outbox, claimed=claimed, reply="550 no\nsuch user"), repeat_lost=True)

    listed = command("outbox", "list")
    again = command("outbox", "resend", str(letter_id))
    twice = command("outbox", "resend", str(letter_id))

    assert listed.returncode == 0
    (line,) = listed.stdout.splitlines()
    assert line.startswith(str(letter_id))
    assert "verification failed attempts=1 'ada@example.com\\r\\nevil' '550 no\\nsuch user'" in line
    assert (again.returncode, again.stdout) == (0, f"{letter_id} is sent again\n")
    assert twice.returncode == 1
    assert_one_line(twice, "it has not failed")
    assert command("outbox", "list").stdout == "no mail is failed\n"
    assert len(command("outbox", "list", "--state", "due").stdout.splitlines()) == 2
    assert command("outbox", "resend", "--all").stdout == ""
    assert command("outbox", "resend").returncode == 2
