"""Registrations that are repeated, and migration 0003, which makes room for their keys: on each kind of database."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from alembic import command
from sqlalchemy import text

from auth_service.domain.accounts import NewAccount, add, registration
from auth_service.domain.models import VERSION_TABLE, Base
from auth_service.migrations import MIGRATIONS
from auth_service.process import configured_hasher
from auth_service.settings import AuthSettings
from lab.mysql import fresh_database
from shared.clock import utc_now
from shared.database.migrations import upgrade
from shared.database.units import Database
from tests.fixtures.accounts import ADA, PASSWORD, accounts_database, auth_settings, log_in, migrate, running
from tests.fixtures.databases import REAL, differences, statements_of
from tests.fixtures.servers import Servers

KEY = {"Idempotency-Key": "first try"}
REPLAYED = "Idempotency-Replayed"
RACERS = 12
# What the version before says, column for column: it runs beside the migration, and for a while after it.
INSERT_USER = text(
    "INSERT INTO users (name,email,email_key,password_hash,role,disabled_at,created_at) "
    "VALUES ('Ada',:email,:email,:password_hash,'user',NULL,'2026-01-02 03:04:05.678901')"
)


@pytest.fixture
def settings(database_url: str) -> AuthSettings:
    return auth_settings(database_url, database_threads=8, argon2_threads=2)


@pytest.fixture
def database(settings: AuthSettings) -> Iterator[Database]:
    """The users' database as it was before."""
    database = Database.connect(settings.database_url.get_secret_value(), settings, pool_size=1)
    migrate(database, command.upgrade, "0002")
    yield database
    database.close()


def register_as_before(database: Database, settings: AuthSettings, email: str) -> None:
    row = {"email": email, "password_hash": configured_hasher(settings).hash(PASSWORD)}
    database.write(lambda connection: connection.execute(INSERT_USER, row), repeat_lost=False)


def test_accounts_of_before_and_after_go_on(database: Database, settings: AuthSettings) -> None:
    register_as_before(database, settings, "ada@example.com")
    migrate(database, command.upgrade, "head")
    register_as_before(database, settings, "bob@example.com")  # by a process that was not replaced yet
    assert database.read(lambda connection: differences(connection, Base.metadata, VERSION_TABLE)) == []
    with running(settings) as client:
        assert [log_in(client, f"{name}@example.com").status_code for name in ("ada", "bob")] == [200, 200]
        # They have no key, so nobody repeats their registration.
        assert client.post("/users", json=ADA, headers=KEY).status_code == 409


def test_one_that_was_broken_off_is_begun_again(database: Database) -> None:
    # As MySQL leaves it: the column is there, and the version is not noted yet.
    migrate(database, command.upgrade, "head")
    with database.engine.begin() as connection:
        connection.exec_driver_sql(f"UPDATE {VERSION_TABLE} SET version_num='0002'")  # noqa: S608  a constant
    upgrade(database, MIGRATIONS)
    assert database.read(lambda connection: differences(connection, Base.metadata, VERSION_TABLE)) == []


def test_it_can_be_taken_back(database: Database, settings: AuthSettings) -> None:
    migrate(database, command.upgrade, "head")
    register_as_before(database, settings, "ada@example.com")
    migrate(database, command.downgrade, "0002")
    register_as_before(database, settings, "bob@example.com")
    migrate(database, command.upgrade, "head")
    assert database.read(lambda c: c.exec_driver_sql("SELECT COUNT(*) FROM users").scalar()) == 2


@pytest.mark.parametrize("database_kind", REAL)
def test_the_column_is_added_at_once(database: Database, servers: Servers, database_kind: str) -> None:
    statements: list[str] = []
    with statements_of(database, statements):
        migrate(database, command.upgrade, "0003")
    (alter,) = [statement for statement in statements if statement.startswith("ALTER")]
    server = servers.mysql() if database_kind == "mysql" else servers.mariadb()
    with fresh_database(server, "instant") as url:
        other = Database.connect(url, auth_settings(url), pool_size=1)
        migrate(other, command.upgrade, "0002")
        with other.engine.begin() as connection:
            connection.exec_driver_sql(f"{alter}, ALGORITHM=INSTANT")  # refused, if it would copy the table
        other.close()


def test_the_same_request_many_times_at_once_is_one_account(settings: AuthSettings) -> None:
    with accounts_database(settings), running(settings) as client, ThreadPoolExecutor(RACERS) as threads:
        answers = list(threads.map(lambda _: client.post("/users", json=ADA, headers=KEY), range(RACERS)))
    assert Counter(answer.status_code for answer in answers) == {201: RACERS}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert Counter(REPLAYED in answer.headers for answer in answers) == {False: 1, True: RACERS - 1}


def test_a_registration_is_found_by_its_very_key_and_any_spelling_of_its_mailbox(settings: AuthSettings) -> None:
    new = NewAccount("Ada", "Ada@Example.com", "hash", "user", "Key")
    with accounts_database(settings) as database:
        account = database.write(lambda connection: add(connection, new), repeat_lost=True)

        def found(email: str, key: str) -> int | None:
            earlier = database.read(lambda connection: registration(connection, email, key, utc_now()))
            return None if earlier is None else earlier.account.id

        assert found("ada@example.com", "Key") == account.id
        assert [found("ada@example.com", key) for key in ("key", "Ke", "Keys")] == [None] * 3
        assert found("eve@example.com", "Key") is None
