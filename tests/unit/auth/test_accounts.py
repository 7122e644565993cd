"""The domain of accounts, on a SQLite file."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from auth_service.domain.accounts import NewAccount, add, renew_hash
from auth_service.domain.errors import EmailTaken, RoleNotAllowed
from auth_service.domain.passwords import Passwords, argon2
from auth_service.domain.permissions import NOBODY, require_may_give
from auth_service.domain.sessions.login import credentials_of
from shared.database.units import Database
from shared.identity.permissions import ROLES, Permissions
from tests.fixtures.accounts import accounts_database, auth_settings

ADA = NewAccount("Ada", "ada@example.com", "hash with salt 1", "user")


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with accounts_database(auth_settings(f"sqlite:///{tmp_path}/auth.db")) as database:
        yield database


def test_an_attempt_repeated_after_a_lost_commit_finds_its_own_account(database: Database) -> None:
    first = database.write(lambda connection: add(connection, ADA), repeat_lost=True)

    assert database.write(lambda connection: add(connection, ADA), repeat_lost=True) == first


def test_another_attempt_with_the_same_email_does_not(database: Database) -> None:
    database.write(lambda connection: add(connection, ADA), repeat_lost=True)
    other = NewAccount("Ada", "ADA@example.com", "hash with salt 2", "user")

    with pytest.raises(EmailTaken):
        database.write(lambda connection: add(connection, other), repeat_lost=True)


def test_a_hash_that_was_changed_meanwhile_is_not_replaced(database: Database) -> None:
    ada = database.write(lambda connection: add(connection, ADA), repeat_lost=True)

    database.write(lambda connection: renew_hash(connection, ada.id, "an older hash", "new"), repeat_lost=True)

    stored = database.read(lambda connection: credentials_of(connection, ADA.email))
    assert stored is not None
    assert stored.password_hash == ADA.password_hash


@pytest.mark.parametrize("granted", [NOBODY, ROLES["public"], ROLES["user"]])
def test_only_an_admin_makes_an_admin(granted: Permissions) -> None:
    require_may_give("user", granted)
    require_may_give("admin", ROLES["admin"])
    with pytest.raises(RoleNotAllowed):
        require_may_give("admin", granted)


@pytest.mark.parametrize("stored", ["", "plain text", "$argon2id$v=19$broken", "$2b$12$" + "a" * 53])
def test_a_stored_hash_that_nobody_can_read_matches_nothing(stored: str) -> None:
    passwords = Passwords(argon2(memory_kib=19_456, time_cost=2, parallelism=1))

    assert not passwords.matches("plain text", stored)


@pytest.mark.parametrize("password", ["\ud800", "p" * 5_000])
def test_what_cannot_be_a_password_matches_nothing(password: str) -> None:
    passwords = Passwords(argon2(memory_kib=19_456, time_cost=2, parallelism=1))

    assert not passwords.matches(password, passwords.hash("correct horse battery"))


def test_hashes_are_argon2id_with_the_given_parameters() -> None:
    hashed = argon2(memory_kib=19_456, time_cost=2, parallelism=1).hash("correct horse battery")

    assert hashed.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
