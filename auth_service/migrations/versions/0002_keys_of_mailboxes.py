"""Spellings of one mailbox share a key: the domain as A-labels (UTS 46), where the text as such was compared before.

Both rules stand here as they were at this version: a migration must do the same for ever. (`idna` brings the tables of
Unicode, which change for characters only that were nobody's before.)
"""

import logging
import unicodedata
from collections.abc import Callable, Iterator
from typing import Any

import idna
import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

ROWS_AT_ONCE = 1_000
KEY_LENGTH_MAX = 320
# No address has a key with capital letters in it, so nobody can type these.
ASIDE, DUPLICATE, TOO_LONG = "ASIDE ", "DUPLICATE OF ", "TOO LONG "

users = sa.table("users", sa.column("id", sa.BigInteger), sa.column("email", sa.Text), sa.column("email_key", sa.Text))
log = logging.getLogger("auth_service.migrations")

Rule = Callable[[str], str]


def upgrade() -> None:
    """Apply. Stop the auth service first: the one of before finds nobody by the new keys, and writes old ones."""
    _give_keys(op.get_bind(), _by_mailbox)


def downgrade() -> None:
    """Take back; who had lost a key gets it again, and who registered since may lose one."""
    _give_keys(op.get_bind(), _by_text)


def _give_keys(connection: sa.Connection, rule: Rule) -> None:
    """Give each account the key that ``rule`` makes of its address; of several with one key, the oldest gets it.

    In two steps, as a key that one account is to get may still be that of another, which is to get a third.
    """
    for account in _in_batches(connection, sa.true()):
        if account.email_key != rule(account.email):
            _set(connection, account.id, f"{ASIDE}{account.id}")
    for account in _in_batches(connection, sa.func.substr(users.c.email_key, 1, len(ASIDE)) == ASIDE):
        _claim(connection, account.id, rule(account.email))


def _in_batches(connection: sa.Connection, which: sa.ColumnElement[bool]) -> Iterator[sa.Row[Any, Any, Any]]:
    """Go through the accounts by age, with ROWS_AT_ONCE of them in memory."""
    page = sa.select(users.c.id, users.c.email, users.c.email_key).where(which).order_by(users.c.id).limit(ROWS_AT_ONCE)
    last = 0
    while rows := connection.execute(page.where(users.c.id > last)).all():
        yield from rows
        last = rows[-1].id


def _claim(connection: sa.Connection, account_id: int, key: str) -> None:
    if len(key) > KEY_LENGTH_MAX:
        log.warning("the address of account %d is too long: it needs another", account_id)
        _set(connection, account_id, f"{TOO_LONG}{account_id}")
        return
    holder = connection.scalar(sa.select(users.c.id).where(users.c.email_key == key))
    if holder is not None:
        older, younger = sorted((holder, account_id))
        log.warning(
            "accounts %d and %d have one mailbox: %d keeps it, and %d needs another", older, younger, older, younger
        )
        _set(connection, younger, f"{DUPLICATE}{older}, ACCOUNT {younger}")
        if older == holder:
            return
    _set(connection, account_id, key)


def _set(connection: sa.Connection, account_id: int, key: str) -> None:
    connection.execute(sa.update(users).where(users.c.id == account_id).values(email_key=key))


def _by_text(email: str) -> str:
    return _caseless(email.strip())


def _by_mailbox(email: str) -> str:
    local, at, domain = email.strip().rpartition("@")
    return f"{_caseless(local)}{at}{_a_labels(domain)}"


def _caseless(text: str) -> str:
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


def _a_labels(domain: str) -> str:
    try:
        return idna.encode(domain, uts46=True, std3_rules=True).decode().removesuffix(".")
    except idna.IDNAError:
        return domain.casefold()
