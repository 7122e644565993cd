"""The auth service on each kind of database."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from auth_service.domain.models import VERSION_TABLE, Base
from auth_service.settings import AuthSettings
from tests.fixtures.accounts import ADA, accounts_database, add_admin, auth_settings, bearer, log_in, running
from tests.fixtures.databases import differences

RACERS = 20


@pytest.fixture
def settings(database_url: str) -> AuthSettings:
    found = auth_settings(database_url, database_threads=8, argon2_threads=2)
    with accounts_database(found):
        return found


def test_migrations_equal_the_models(settings: AuthSettings) -> None:
    with accounts_database(settings) as database:
        assert database.read(lambda connection: differences(connection, Base.metadata, VERSION_TABLE)) == []


def test_a_user_registers_logs_in_and_is_welcomed(settings: AuthSettings) -> None:
    with running(settings) as client:
        created = client.post("/users", json={**ADA, "name": "Ada 😀 Лавлейс"})
        me = client.get("/users/me", headers=bearer(client, " ADA@example.com"))

    assert created.status_code == 201
    assert me.json() == {**created.json(), "message": "Welcome, Ada 😀 Лавлейс!"}


def test_a_service_that_starts_again_knows_its_users(settings: AuthSettings) -> None:
    with running(settings) as client:
        client.post("/users", json=ADA)
        headers = bearer(client)

    with running(settings) as client:
        assert client.get("/users/me", headers=headers).status_code == 200
        assert log_in(client).status_code == 200


def test_an_admin_makes_an_admin(settings: AuthSettings) -> None:
    add_admin(settings, "root@example.com")

    with running(settings) as client:
        headers = bearer(client, "root@example.com")
        assert client.post("/users", json={**ADA, "role": "admin"}).status_code == 403
        assert client.post("/users", json={**ADA, "role": "admin"}, headers=headers).status_code == 201


def test_of_many_who_register_one_address_at_once_one_gets_it(settings: AuthSettings) -> None:
    with running(settings) as client, ThreadPoolExecutor(RACERS) as threads:
        spellings = ["ada@example.com" if number % 2 else "ADA@Example.com" for number in range(RACERS)]
        answers = list(threads.map(lambda email: client.post("/users", json={**ADA, "email": email}), spellings))

    assert Counter(answer.status_code for answer in answers) == {201: 1, 409: RACERS - 1}


@pytest.mark.parametrize(
    ("one", "other", "status"),
    [
        ("ada@example.com", "ADA@EXAMPLE.COM", 409),
        ("straße@example.com", "strasse@example.com", 409),  # Unicode's caseless match holds them equal
        ("josé@example.com", "jose@example.com", 201),
        ("josé@example.com", "jose\u0301@example.com", 409),  # composed or not, it is the same letter
        ("😀@example.com", "😁@example.com", 201),
    ],
)
def test_databases_agree_on_which_addresses_are_the_same(
    settings: AuthSettings, one: str, other: str, status: int
) -> None:
    with running(settings) as client:
        client.post("/users", json={**ADA, "email": one})

        assert client.post("/users", json={**ADA, "email": other}).status_code == status
