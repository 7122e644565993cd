"""Sessions at the same moment, after a lost commit, and migration 0004: on each kind of database."""

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import UUID

import pytest
from alembic import command
from sqlalchemy import Connection, select, text, update
from uuid_utils.compat import uuid7

from auth_service.domain import accounts
from auth_service.domain.accounts import NewAccount
from auth_service.domain.audit_log import By, Origin
from auth_service.domain.errors import WrongCredentials
from auth_service.domain.models import VERSION_TABLE, Base, Session, User
from auth_service.domain.revocations import revoked_since
from auth_service.domain.sessions import records
from auth_service.domain.sessions.records import LOGGED_OUT, NewSession, Terms
from auth_service.domain.sessions.refresh_tokens import RefreshToken
from auth_service.domain.sessions.refreshing import Refreshed, Use, refresh
from auth_service.migrations import MIGRATIONS
from lab.mysql import MYSQL
from shared.database.migrations import upgrade
from shared.database.units import Database
from tests.fixtures.accounts import auth_settings, migrate
from tests.fixtures.databases import REAL, differences

NOW = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
HASH = "a hash"
TERMS = Terms(timedelta(days=1), timedelta(days=9), timedelta(seconds=10), count_max=50)
SEEN = Origin("192.0.2.1", "a browser")
BY = By(None, SEEN, NOW)
RACERS = 8
LIFE = timedelta(minutes=30)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    found = Database.connect(database_url, auth_settings(database_url), pool_size=RACERS)
    upgrade(found, MIGRATIONS)
    yield found
    found.close()


@pytest.fixture
def ada(database: Database) -> int:
    new = NewAccount("Ada", "ada@example.com", HASH, "user")
    return database.write(partial(accounts.add, new=new), repeat_lost=True).id


def begin(database: Database, account_id: int, terms: Terms = TERMS, now: datetime = NOW) -> NewSession:
    new = NewSession(uuid7(), account_id, HASH, RefreshToken.new(), SEEN)
    database.write(partial(records.begin, new=new, terms=terms, now=now), repeat_lost=True)
    return new


def refreshed(database: Database, token: RefreshToken, now: datetime, terms: Terms = TERMS) -> Refreshed | None:
    return database.write(partial(refresh, token=token, use=Use(SEEN, now), terms=terms), repeat_lost=True)


def going_on(database: Database, account_id: int, now: datetime = NOW) -> list[UUID]:
    return [each.id for each in database.read(partial(records.going_on, account_id=account_id, now=now))]


def at_once(act: Callable[[int], object]) -> list[object]:
    with ThreadPoolExecutor(RACERS) as threads:
        return list(threads.map(act, range(RACERS)))


def test_many_refreshes_with_one_token_at_once_get_one_successor(database: Database, ada: int) -> None:
    session = begin(database, ada)
    answers = at_once(lambda _: refreshed(database, session.token, NOW))
    tokens = {answer.token for answer in answers if isinstance(answer, Refreshed)}
    assert len(answers) == RACERS
    assert len(tokens) == 1
    (successor,) = tokens
    assert refreshed(database, successor, NOW + timedelta(hours=1)) is not None


def test_a_replay_at_once_with_a_refresh_ends_the_session_whoever_is_first(database: Database, ada: int) -> None:
    session = begin(database, ada)
    second = refreshed(database, session.token, NOW)
    assert second is not None
    later = NOW + timedelta(minutes=1)
    at_once(lambda n: refreshed(database, session.token if n % 2 else second.token, later))
    assert going_on(database, ada, later) == []


def test_a_session_that_is_ended_at_once_with_a_refresh_is_over(database: Database, ada: int) -> None:
    session = begin(database, ada)

    def act(n: int) -> object:
        if n % 2:
            return refreshed(database, session.token, NOW)
        end = partial(records.end, account_id=ada, session_id=session.id, reason=LOGGED_OUT, by=BY)
        return database.write(end, repeat_lost=True)

    answers = at_once(act)
    assert Counter(answer for answer in answers if isinstance(answer, bool))[True] == 1
    tokens = {answer.token for answer in answers if isinstance(answer, Refreshed)}
    assert [refreshed(database, token, NOW) for token in (session.token, *tokens)] == [None] * (1 + len(tokens))


def test_logins_at_once_never_leave_more_than_the_limit(database: Database, ada: int) -> None:
    few = Terms(TERMS.idle, TERMS.longest, TERMS.grace, count_max=3)
    at_once(lambda n: begin(database, ada, few, NOW + timedelta(seconds=n)))
    assert len(going_on(database, ada)) == 3


def test_a_login_whose_password_was_changed_meanwhile_begins_nothing(database: Database, ada: int) -> None:
    change = update(User).where(User.id == ada).values(password_hash="another")
    database.write(lambda c: c.execute(change), repeat_lost=False)
    with pytest.raises(WrongCredentials):
        begin(database, ada)
    assert going_on(database, ada) == []


def test_what_is_done_again_after_a_lost_commit_is_done_once(database: Database, ada: int) -> None:
    new = NewSession(uuid7(), ada, HASH, RefreshToken.new(), SEEN)
    for _ in range(2):
        database.write(partial(records.begin, new=new, terms=TERMS, now=NOW), repeat_lost=True)
    assert going_on(database, ada) == [new.id]
    strict = Terms(TERMS.idle, TERMS.longest, timedelta(0), TERMS.count_max)
    first, second = (refreshed(database, new.token, NOW, strict) for _ in range(2))
    assert first is not None
    assert first == second


def test_what_was_revoked_is_told_until_the_last_token_has_ended(database: Database, ada: int) -> None:
    kept, ended = begin(database, ada), begin(database, ada)
    end = partial(records.end, account_id=ada, session_id=ended.id, reason=LOGGED_OUT, by=BY)
    database.write(end, repeat_lost=True)
    told = database.read(partial(revoked_since, since=NOW - LIFE, token_life=LIFE))
    (until,) = told.sessions.values()
    assert (set(told.sessions), told.accounts) == ({ended.id.hex}, {})
    assert until - (NOW + LIFE).timestamp() == pytest.approx(60, abs=1)
    database.write(partial(records.end_all, account_id=ada, reason=LOGGED_OUT, by=BY, keep=kept.id), repeat_lost=True)
    assert going_on(database, ada) == [kept.id]
    database.write(partial(records.end_all, account_id=ada, reason=LOGGED_OUT, by=BY), repeat_lost=True)
    told = database.read(partial(revoked_since, since=NOW - LIFE, token_life=LIFE))
    assert set(told.sessions) == {ended.id.hex, kept.id.hex}
    assert {uid: version for uid, (version, _) in told.accounts.items()} == {ada: 1}
    assert database.read(partial(revoked_since, since=NOW, token_life=LIFE)).sessions == {}


@pytest.mark.parametrize("database_kind", REAL)
def test_what_was_revoked_is_found_by_an_index(database: Database, ada: int, database_kind: str) -> None:
    for _ in range(40):
        begin(database, ada)
    plan = "EXPLAIN FORMAT=TREE " if database_kind == MYSQL else "EXPLAIN "
    for statement in (
        select(Session.id, Session.ended_at).where(Session.ended_at > NOW),
        select(User.id, User.token_version).where(User.tokens_revoked_at > NOW),
    ):
        sql = plan + str(statement.compile(database.engine, compile_kwargs={"literal_binds": True}))
        told = str(database.read(lambda c, s=sql: c.execute(text(s)).all()))  # type: ignore[misc]  # bound now
        assert "sessions_ended" in told or "users_tokens_revoked" in told, told


def test_accounts_of_before_have_no_sessions_and_go_on(database_url: str) -> None:
    database = Database.connect(database_url, auth_settings(database_url), pool_size=2)
    migrate(database, command.upgrade, "0003")
    old = text(
        "INSERT INTO users (name,email,email_key,password_hash,role,disabled_at,created_at) "
        "VALUES ('Ada','a@example.com','a@example.com','a hash','user',NULL,'2026-01-02 03:04:05.678901')"
    )
    database.write(lambda c: c.execute(old), repeat_lost=False)
    migrate(database, command.upgrade, "head")
    account_id = database.read(lambda c: c.scalar(select(User.id)))
    assert account_id is not None
    assert going_on(database, account_id) == []
    begin(database, account_id)
    database.write(lambda c: c.execute(text(str(old).replace("a@", "b@"))), repeat_lost=False)  # an old service's

    def check(connection: Connection) -> None:
        assert differences(connection, Base.metadata, VERSION_TABLE) == []
        assert list(connection.scalars(select(User.token_version))) == [0, 0]

    database.read(check)
    migrate(database, command.downgrade, "0003")
    migrate(database, command.upgrade, "head")
    database.close()


@pytest.mark.parametrize("database_kind", REAL)
@pytest.mark.parametrize("missing", ["used_refresh_tokens", "sessions"])
def test_a_migration_that_was_broken_off_is_begun_again(database_url: str, missing: str) -> None:
    database = Database.connect(database_url, auth_settings(database_url), pool_size=2)
    upgrade(database, MIGRATIONS)

    def break_off(connection: Connection) -> None:
        for table in ["used_refresh_tokens", "sessions"][: 1 + (missing == "sessions")]:
            connection.execute(text(f"DROP TABLE {table}"))
        connection.execute(text(f"UPDATE {VERSION_TABLE} SET version_num='0003'"))  # noqa: S608  a constant

    database.write(break_off, repeat_lost=False)
    upgrade(database, MIGRATIONS)
    assert database.read(lambda c: differences(c, Base.metadata, VERSION_TABLE)) == []
    database.close()
