"""The job that makes every secret of the containers."""

from pathlib import Path

import pytest
from sqlalchemy import make_url

from auth_service.settings import KEY_ENCRYPTION_SECRET_BYTES_MIN
from deploy.compose import secrets_job


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for reader in secrets_job.FOLDERS:
        (tmp_path / reader).mkdir()
    secrets_job.main(tmp_path)
    return tmp_path


def _secrets(folder: Path) -> dict[str, str]:
    return {str(file): file.read_text() for file in folder.rglob("*") if file.is_file()}


def test_a_second_start_changes_no_secret(folder: Path) -> None:
    before = _secrets(folder)
    secrets_job.main(folder)
    assert _secrets(folder) == before


def test_a_secret_of_the_operator_is_left_as_it_is(folder: Path) -> None:
    (folder / "auth" / "admin_password").write_text("mine\n")
    secrets_job.main(folder)
    assert (folder / "auth" / "admin_password").read_text() == "mine\n"


@pytest.mark.parametrize("service", ["auth", "booking"])
def test_a_service_is_given_the_password_that_its_servers_are_given(folder: Path, service: str) -> None:
    database = make_url((folder / service / "database_url").read_text().strip())
    assert database.password == (folder / "mysql" / "user_password").read_text().strip()
    assert database.database == service


@pytest.mark.parametrize("service", ["auth", "booking"])
def test_a_service_is_given_the_password_that_redis_is_given(folder: Path, service: str) -> None:
    redis_password = (folder / "redis" / "password").read_text().strip()
    assert f":{redis_password}@redis:" in (folder / service / "redis_url").read_text()
    assert (folder / "redis" / "redis.conf").read_text().strip() == f"requirepass {redis_password}"


def test_the_auth_service_is_given_a_secret_to_store_keys_under(folder: Path) -> None:
    secret = (folder / "auth" / "key_encryption_secret").read_text().strip()
    assert len(secret) >= KEY_ENCRYPTION_SECRET_BYTES_MIN


def test_the_booking_service_never_sees_the_private_key_nor_the_admins_password(folder: Path) -> None:
    assert {file.name for file in (folder / "booking").iterdir()} == {"database_url", "redis_url"}


def test_those_who_deliver_mail_see_the_accounts_and_neither_the_private_key_nor_the_bookings(folder: Path) -> None:
    assert {file.name for file in (folder / "deliveries").iterdir()} == {
        "database_url",
        "mail_token_secret",
        "redis_url",
    }
    assert make_url((folder / "deliveries" / "database_url").read_text().strip()).database == "auth"


def test_links_are_made_with_the_secret_that_they_are_checked_with(folder: Path) -> None:
    ours, theirs = (folder / name / "mail_token_secret" for name in ("auth", "deliveries"))
    assert ours.read_text() == theirs.read_text()
