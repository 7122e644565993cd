"""Changes of accounts at the same moment, on each kind of database."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial

import pytest
from sqlalchemy import func, insert, select
from uuid_utils.compat import uuid7

from auth_service.domain import account_changes, accounts
from auth_service.domain.account_changes import Replacement
from auth_service.domain.accounts import NewAccount
from auth_service.domain.audit_log import Act, By, Origin
from auth_service.domain.errors import AccountGone, WrongPassword
from auth_service.domain.models import AuditEntry, OneTimeToken, User
from auth_service.migrations import MIGRATIONS
from shared.database.migrations import upgrade
from shared.database.units import Database
from shared.errors import Problem
from tests.fixtures.accounts import auth_settings

NOW = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
NOBODY = Origin(None, None)
ROUNDS = 20


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    found = Database.connect(database_url, auth_settings(database_url), pool_size=4)
    upgrade(found, MIGRATIONS)
    yield found
    found.close()


def add(database: Database, email: str, role: str) -> int:
    new = NewAccount("A", email, f"hash of {email}", role)
    return database.write(partial(accounts.add, new=new), repeat_lost=True).id


def test_of_two_admins_who_disable_each_other_at_once_one_is_left(database: Database) -> None:
    for number in range(ROUNDS):
        pair = [add(database, f"{number}{name}@example.com", "admin") for name in "ab"]
        start = threading.Barrier(2)

        def disable(actor: int, other: int, start: threading.Barrier = start) -> str:
            work = partial(account_changes.disable, account_id=other, by=By(actor, NOBODY, NOW))
            start.wait()
            try:
                database.write(work, repeat_lost=False)
            except AccountGone:
                return "gone"
            return "done"

        with ThreadPoolExecutor(2) as threads:
            outcomes = list(threads.map(disable, pair, reversed(pair)))
        assert sorted(outcomes) == ["done", "gone"]
        going_on = select(User.id).where(User.id.in_(pair), User.disabled_at.is_(None))
        (left,) = database.read(lambda c, q=going_on: c.scalars(q).all())  # type: ignore[misc]  # bound now
        # Made way for the next pair by somebody who is no longer needed.
        helper = add(database, f"{number}c@example.com", "admin")
        database.write(partial(account_changes.disable, account_id=left, by=By(helper, NOBODY, NOW)), repeat_lost=False)


def test_two_admins_who_erase_themselves_at_once_leave_one(database: Database) -> None:
    pair = [add(database, f"{name}@example.com", "admin") for name in "ab"]
    start = threading.Barrier(2)

    def erase(account_id: int, name: str) -> str:
        checked = f"hash of {name}@example.com"
        work = partial(account_changes.erase, account_id=account_id, checked=checked, by=By(account_id, NOBODY, NOW))
        start.wait()
        try:
            database.write(work, repeat_lost=False)
        except Problem as problem:
            return problem.code
        return "done"

    with ThreadPoolExecutor(2) as threads:
        assert sorted(threads.map(erase, pair, "ab")) == ["done", "last-admin"]


def test_of_two_new_passwords_at_once_one_counts_and_it_is_recorded_once(database: Database) -> None:
    ada = add(database, "ada@example.com", "user")
    start = threading.Barrier(2)

    def change(new: str) -> str:
        password = Replacement("hash of ada@example.com", new)
        work = partial(
            account_changes.change_password, account_id=ada, password=password, by=By(ada, NOBODY, NOW), keep=None
        )
        start.wait()
        try:
            for _ in range(2):  # as after a commit whose answer was lost
                database.write(work, repeat_lost=True)
        except WrongPassword:
            return "refused"
        return new

    with ThreadPoolExecutor(2) as threads:
        outcomes = list(threads.map(change, ["one", "two"]))
    assert outcomes.count("refused") == 1
    stored = database.read(lambda c: c.scalar(select(User.password_hash).where(User.id == ada)))
    assert stored in outcomes
    entries = select(func.count()).where(AuditEntry.act == Act.PASSWORD_CHANGED)
    assert database.read(lambda c: c.scalar(entries)) == 1


def test_links_that_were_mailed_are_forgotten_with_the_account(database: Database) -> None:
    ada, eve = add(database, "ada@example.com", "user"), add(database, "eve@example.com", "user")
    links = [
        {
            "id": uuid7(),
            "token_hash": bytes([account_id]) * 32,
            "account_id": account_id,
            "purpose": "verification",
            "email_key": f"{account_id}@example.com",
            "created_at": NOW,
            "expires_at": NOW,
        }
        for account_id in (ada, eve)
    ]
    database.write(lambda c: c.execute(insert(OneTimeToken), links), repeat_lost=False)
    erase = partial(account_changes.erase, account_id=ada, checked="hash of ada@example.com", by=By(ada, NOBODY, NOW))
    database.write(erase, repeat_lost=False)
    assert database.read(lambda c: c.scalars(select(OneTimeToken.account_id)).all()) == [eve]
