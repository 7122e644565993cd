"""`python -m auth_service keys …`, run as operators run it."""

import re
from pathlib import Path

import pytest

from auth_service.domain.signing import configured_key
from auth_service.settings import AuthSettings
from tests.fixtures.accounts import accounts_database, auth_settings
from tests.fixtures.commands import Outcome, assert_one_line, run_auth
from tests.fixtures.keys import ENCRYPTION_SECRET, OTHER_SECRET, pem_of

SECRET = {"KEY_ENCRYPTION_SECRET": ENCRYPTION_SECRET}


@pytest.fixture
def settings(tmp_path: Path) -> AuthSettings:
    found = auth_settings(f"sqlite:///{tmp_path}/auth.db")
    with accounts_database(found):
        return found


def keys(settings: AuthSettings, *arguments: str, **variables: str) -> Outcome:
    return run_auth(settings.database_url.get_secret_value(), "keys", *arguments, **variables)


def rows(settings: AuthSettings) -> list[list[str]]:
    listed = keys(settings, "list")
    assert listed.returncode == 0, listed.stderr
    return [re.split(" {2,}", line) for line in listed.stdout.splitlines()]


def test_a_key_is_rotated_in_listed_and_the_old_one_retired(settings: AuthSettings) -> None:
    configured = configured_key(settings)
    assert configured is not None
    old = configured.key_id
    assert rows(settings) == [
        ["key", "algorithm", "state", "published from", "signs from", "retires at"],
        [old, "RS256", "signing", "always", "always", "-"],
    ]

    rotated = keys(settings, "rotate", "--algorithm", "ES256", **SECRET)
    told = re.fullmatch(r"key (\S{43}) is published now and signs from (\S+Z)\n", rotated.stdout)
    assert told, rotated.stderr
    new, signs_from = told.groups()
    _, first, second = rows(settings)
    assert first[:5] == [old, "RS256", "signing", "always", "always"]
    assert (second[:3], second[4:]) == ([new, "ES256", "next"], [signs_from, "-"])

    again = keys(settings, "rotate", **SECRET)
    assert again.returncode == 1
    assert_one_line(again, f"key {new} signs from {signs_from}; nothing was made")

    retired = keys(settings, "retire", old, "--now")
    assert re.fullmatch(rf"key {old} is published until \S+Z\n", retired.stdout), retired.stderr
    assert [row[2] for row in rows(settings)[1:]] == ["retired", "signing"]
    refused = keys(settings, "retire", new, "--now")
    assert refused.returncode == 1
    assert_one_line(refused, "keys refused: ")


def test_rotating_without_the_secret_is_a_configuration_error(settings: AuthSettings) -> None:
    refused = keys(settings, "rotate")
    assert refused.returncode == 2
    assert_one_line(refused, "KEY_ENCRYPTION_SECRET_FILE (or KEY_ENCRYPTION_SECRET) must be set")


def test_a_short_secret_is_a_configuration_error(settings: AuthSettings) -> None:
    refused = keys(settings, "list", KEY_ENCRYPTION_SECRET="x" * 31)
    assert refused.returncode == 2
    assert_one_line(refused, "KEY_ENCRYPTION_SECRET")


def test_rotating_with_another_secret_than_before_is_a_configuration_error(settings: AuthSettings) -> None:
    assert keys(settings, "rotate", **SECRET).returncode == 0
    refused = keys(settings, "rotate", KEY_ENCRYPTION_SECRET=OTHER_SECRET)
    assert refused.returncode == 2
    assert_one_line(refused, "KEY_ENCRYPTION_SECRET_FILE: does not open the stored key")


def test_a_shared_secret_has_no_keys(settings: AuthSettings) -> None:
    refused = keys(settings, "list", ALGORITHM="HS256", SECRET_KEY="s" * 32)
    assert refused.returncode == 2
    assert_one_line(refused, "ALGORITHM: HS256 has one shared secret and no keys")


def test_an_unknown_key_is_named(settings: AuthSettings) -> None:
    refused = keys(settings, "retire", "nobody")
    assert refused.returncode == 1
    assert_one_line(refused, "there is no key nobody")


def test_the_configured_key_must_fit_the_algorithm(settings: AuthSettings) -> None:
    refused = keys(settings, "list", ALGORITHM="ES256")
    assert refused.returncode == 2
    assert_one_line(refused, "P-256")
    assert keys(settings, "list", ALGORITHM="es256", JWT_PRIVATE_KEY=pem_of("a")).returncode == 0


@pytest.mark.parametrize("order", [("-abc", "--now"), ("--now", "-abc"), ("--now", "--", "-abc")])
def test_a_key_whose_id_begins_with_a_dash_can_be_named(settings: AuthSettings, order: tuple[str, ...]) -> None:
    outcome = keys(settings, "retire", *order, **SECRET)
    assert_one_line(outcome, "-abc")
