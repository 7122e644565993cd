"""Migration 0002 of the auth service: what becomes of the accounts that are there, on each kind of database."""

import logging
import os
import subprocess
import sys
import unicodedata
from collections.abc import Iterator

import pytest
from alembic import command
from sqlalchemy import BigInteger, DateTime, Text, column, insert, table

from auth_service.domain.mailboxes import email_key
from auth_service.process import configured_hasher
from auth_service.settings import AuthSettings
from shared.clock import utc_now
from shared.database.units import Database
from tests.fixtures.accounts import ADA, PASSWORD, auth_settings, log_in, migrate, private_key_pem, running

ROWS_AT_ONCE = 1_000  # as the migration has it
SHARP = ("u@fa\u00df.example", "u@fass.example")  # one key before, two domains since IDNA 2008
# Address and the key that it had before, in the order of age.
BEFORE = [
    ("Ada@Example.com", "ada@example.com"),
    ("u@b\u00fccher.example", "u@b\u00fccher.example"),
    (
        "u@xn--bcher-kva.example",
        "u@xn--bcher-kva.example",
    ),  # the same mailbox, and the key that the one before is to get
    ("U@B\u00dcCHER\u3002example", "u@b\u00fccher\u3002example"),  # and once more
    ("x@xn--bcher-kva.example", "x@xn--bcher-kva.example"),  # here the one that keeps its key is the older
    ("x@b\u00fccher.example", "x@b\u00fccher.example"),
    ("u@fass\u3002example", "u@fass\u3002example"),  # is to get a key that the next one gives up
    (SHARP[0], SHARP[1]),
    ("stra\u00dfe@example.com", "strasse@example.com"),
    ("no address", "no address"),
]
KEEPS = [0, 1, 4, 6, 7, 8]
LOSES = {2: 1, 3: 1, 5: 4}  # who gives way to whom


@pytest.fixture
def settings(database_url: str) -> AuthSettings:
    return auth_settings(database_url)


@pytest.fixture
def database(settings: AuthSettings) -> Iterator[Database]:
    database = Database.connect(settings.database_url.get_secret_value(), settings, pool_size=1)
    migrate(database, command.upgrade, "0001")
    yield database
    database.close()


def add(database: Database, accounts: list[tuple[str, str]], hashed: str = "?") -> None:
    # As version 0001 had them: the models of today may not.
    texts = (column(name, Text) for name in ("name", "email", "email_key", "password_hash", "role"))
    users = table("users", column("id", BigInteger), column("created_at", DateTime), *texts)
    common = {
        "name": "Ada",
        "password_hash": hashed,
        "role": "user",
        "created_at": utc_now().replace(tzinfo=None),
    }
    rows = [
        {**common, "id": number, "email": email, "email_key": key} for number, (email, key) in enumerate(accounts, 1)
    ]
    with database.engine.begin() as connection:
        connection.execute(insert(users), rows)


def keys(database: Database) -> dict[int, str]:
    query = "SELECT id, email_key FROM users ORDER BY id"
    return {int(number): key for number, key in database.read(lambda c: c.exec_driver_sql(query).all())}


def test_of_accounts_with_one_mailbox_the_oldest_keeps_it_and_none_is_lost(
    database: Database, settings: AuthSettings, caplog: pytest.LogCaptureFixture
) -> None:
    add(database, BEFORE, configured_hasher(settings).hash(PASSWORD))
    with caplog.at_level(logging.WARNING, "auth_service.migrations"):
        migrate(database, command.upgrade, "head")

    after = keys(database)
    assert len(after) == len(BEFORE)
    assert {number: after[number + 1] for number in KEEPS} == {number: email_key(BEFORE[number][0]) for number in KEEPS}
    assert {number: after[number + 1] for number in LOSES} == {
        number: f"DUPLICATE OF {older + 1}, ACCOUNT {number + 1}" for number, older in LOSES.items()
    }
    assert len(caplog.messages) == len(LOSES)
    assert not any("@" in line for line in caplog.messages)
    with running(settings) as client:
        # Whoever kept the mailbox logs in under every spelling, also under those of the others.
        emails = {number: log_in(client, BEFORE[number][0]).json() for number in [*KEEPS, *LOSES]}
        assert all("access_token" in answer for answer in emails.values())
        for key in after.values():
            if "DUPLICATE" in key:
                assert log_in(client, key).status_code == 401
        assert client.post("/users", json={**ADA, "email": BEFORE[3][0]}).status_code == 409
        assert client.post("/users", json={**ADA, "email": SHARP[1]}).status_code == 409


def test_the_command_prints_a_line_for_each_account_that_needs_another_address(
    database: Database, settings: AuthSettings
) -> None:
    add(database, BEFORE)

    url = settings.database_url.get_secret_value()
    needed = {"AUTH_DATABASE_URL": url, "JWT_PRIVATE_KEY": private_key_pem()}
    command = [sys.executable, "-m", "auth_service", "migrate"]
    done = subprocess.run(command, env=os.environ | needed, capture_output=True, text=True, timeout=60, check=True)

    assert done.stdout + done.stderr == "".join(
        f"accounts {older} and {younger} have one mailbox: {older} keeps it, and {younger} needs another\n"
        for older, younger in ((LOSES[number] + 1, number + 1) for number in LOSES)
    )


def test_an_account_whose_key_would_be_too_long_is_kept_and_named(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    domain = ".".join(["\u00fc" * 20] * 3)  # A-labels are longer, and the ligature has eighteen letters
    add(database, [("\ufdfa" * 14 + f"@{domain}.de", unicodedata.normalize("NFKC", "\ufdfa" * 14) + f"@{domain}.de")])
    before = keys(database)

    with caplog.at_level(logging.WARNING, "auth_service.migrations"):
        migrate(database, command.upgrade, "head")
    assert keys(database) == {1: "TOO LONG 1"}
    assert caplog.messages == ["the address of account 1 is too long: it needs another"]

    migrate(database, command.downgrade, "0001")
    assert keys(database) == before


def test_taken_back_everybody_has_the_former_key_again(database: Database) -> None:
    add(database, BEFORE)
    before = keys(database)

    migrate(database, command.upgrade, "head")
    assert keys(database) != before
    migrate(database, command.downgrade, "0001")

    assert keys(database) == before


def test_many_accounts_are_gone_through_in_batches(database: Database) -> None:
    # Each pair is more than a batch apart.
    count = ROWS_AT_ONCE + 50
    older = [(f"u{number}@b\u00fccher.example",) * 2 for number in range(count)]
    younger = [(f"u{number}@xn--bcher-kva.example",) * 2 for number in range(count)]
    add(database, older + younger)

    migrate(database, command.upgrade, "head")

    after = keys(database)
    assert [after[number + 1] for number in range(count)] == [key for _, key in younger]
    assert all(after[count + number + 1].startswith(f"DUPLICATE OF {number + 1},") for number in range(count))


def test_an_account_whose_address_needs_no_other_key_is_not_written(database: Database) -> None:
    add(database, [(f"U{number}@example.com", f"u{number}@example.com") for number in range(10)])
    before = keys(database)

    migrate(database, command.upgrade, "head")

    assert keys(database) == before
