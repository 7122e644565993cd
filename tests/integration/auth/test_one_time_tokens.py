"""Links that are good once, on each kind of database."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Connection, select, update

from auth_service.domain import one_time_tokens, recovery, verification
from auth_service.domain.accounts import NewAccount, add
from auth_service.domain.audit_log import COMMAND_LINE, Act, By
from auth_service.domain.errors import UnusableLink
from auth_service.domain.models import AuditEntry, OneTimeToken, User
from auth_service.domain.one_time_tokens import KEPT, token_of
from auth_service.domain.outbox import PASSWORD_CHANGED
from shared.clock import utc_now
from shared.database.units import Database
from tests.fixtures import outbox
from tests.fixtures.accounts import ADA, accounts_database, auth_settings
from tests.fixtures.databases import settings

SECRET = "a secret of thirty-two characters or more"
HALF_AN_HOUR = timedelta(minutes=30)
RACERS = 4


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    with accounts_database(auth_settings(database_url)) as migrated:
        new = NewAccount("Ada", ADA["email"], "hash of before", "user")
        migrated.write(lambda connection: add(connection, new), repeat_lost=False)
    database = Database.connect(database_url, settings(), RACERS)
    yield database
    database.close()


@pytest.fixture
def token(database: Database) -> str:
    """The token of a link for a new password."""
    ask = partial(
        recovery.ask,
        email=ADA["email"],
        accept_language="de",
        by=nobody(),
        secret=SECRET,
        lifetime=HALF_AN_HOUR,
    )
    database.write(ask, repeat_lost=False)
    return token_of(SECRET, stored(database, OneTimeToken).id)


def stored(database: Database, table: type[Any]) -> Any:  # noqa: ANN401  a row of any table
    return database.read(lambda connection: connection.execute(select(table)).one())


def acts(database: Database) -> list[str]:
    """Return what the audit trail has, the oldest first."""
    query = select(AuditEntry.act).order_by(AuditEntry.id)
    return list(database.read(lambda connection: connection.scalars(query).all()))


def nobody() -> By:
    """Act now, as somebody who is not logged in."""
    return By(None, COMMAND_LINE, utc_now())


def reset(token: str, password_hash: str, by: By | None = None) -> Callable[[Connection], None]:
    return partial(recovery.reset, token=token, password_hash=password_hash, accept_language="", by=by or nobody())


def test_a_new_password_is_set_once_by_whoever_is_first(database: Database, token: str) -> None:
    def attempt(number: int) -> int | None:
        try:
            database.write(reset(token, f"hash {number}"), repeat_lost=True)
        except UnusableLink:
            return None
        return number

    with ThreadPoolExecutor(RACERS) as threads:
        (winner,) = filter(lambda number: number is not None, threads.map(attempt, range(RACERS)))

    account = stored(database, User)
    assert account.password_hash == f"hash {winner}"
    assert account.token_version == 1  # all tokens of before are revoked
    assert account.verified_at is not None


def test_an_attempt_whose_commit_was_in_doubt_is_repeated_and_tells_the_owner_once(
    database: Database, token: str
) -> None:
    by = nobody()
    for _ in range(2):
        database.write(reset(token, "hash of now", by), repeat_lost=True)

    assert stored(database, User).password_hash == "hash of now"
    assert [row.kind for row in outbox.rows(database)].count(PASSWORD_CHANGED) == 1
    assert acts(database).count(Act.PASSWORD_RESET) == acts(database).count(Act.SESSIONS_ENDED) == 1
    with pytest.raises(UnusableLink):
        database.write(reset(token, "hash of later"), repeat_lost=True)


def test_verifying_is_repeated_likewise(database: Database) -> None:
    account_id = stored(database, User).id
    ask = partial(
        verification.ask, account_id=account_id, accept_language="", secret=SECRET, lifetime=timedelta(hours=24)
    )
    database.write(ask, repeat_lost=False)
    token = token_of(SECRET, stored(database, OneTimeToken).id)
    verify = partial(verification.verify, token=token, by=nobody())
    for _ in range(2):
        database.write(verify, repeat_lost=True)

    assert stored(database, User).verified_at is not None
    assert acts(database).count(Act.ADDRESS_VERIFIED) == 1


def test_a_token_is_made_of_its_id_and_the_secret_alone(database: Database, token: str) -> None:
    row = stored(database, OneTimeToken)
    assert token == token_of(SECRET, row.id) != token_of(SECRET + "!", row.id)
    assert row.token_hash == one_time_tokens.hash_of(token)


def test_links_that_ended_long_ago_are_forgotten(database: Database, token: str) -> None:
    assert token
    assert database.write(one_time_tokens.forget, repeat_lost=True) == 0
    long_ago = update(OneTimeToken).values(expires_at=utc_now() - KEPT - timedelta(minutes=1))
    database.write(lambda connection: connection.execute(long_ago), repeat_lost=False)

    assert database.write(one_time_tokens.forget, repeat_lost=True) == 1
