"""Looking at accounts: many of them for who may, all that is stored of one for its owner."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, select

from auth_service.domain import audit_log
from auth_service.domain.accounts import COLUMNS, Account
from auth_service.domain.mailboxes import email_key
from auth_service.domain.models import Session, User

# What is not told to anybody: secrets, what is made of them, and what means nothing outside.
SECRETS = frozenset({"password_hash", "email_key", "family_hash", "token_hash", "token_version"})
ENTRIES_MAX = 10_000  # of the audit trail, in one export


class Wanted(NamedTuple):
    """Which accounts are asked for; None for any."""

    ids: Sequence[int] = ()
    email_begins: str | None = None
    role: str | None = None
    disabled: bool | None = None


class Listed(NamedTuple):
    """An account, and since when it is disabled."""

    account: Account
    disabled_at: datetime | None


def page(connection: Connection, wanted: Wanted, behind: int, count_max: int) -> list[Listed]:
    """Return up to ``count_max`` accounts in the order of their ids, from the one behind ``behind`` on."""
    query = select(*COLUMNS, User.disabled_at).where(User.id > behind, User.erased_at.is_(None))
    if wanted.ids:
        query = query.where(User.id.in_(wanted.ids))
    if wanted.email_begins is not None:
        query = query.where(User.email_key.startswith(email_key(wanted.email_begins), autoescape=True))
    if wanted.role is not None:
        query = query.where(User.role == wanted.role)
    if wanted.disabled is not None:
        query = query.where(User.disabled_at.is_not(None) if wanted.disabled else User.disabled_at.is_(None))
    rows = connection.execute(query.order_by(User.id).limit(count_max))
    return [Listed(Account(*row[:-1]), row[-1]) for row in rows]


def export(connection: Connection, account_id: int) -> dict[str, Any]:
    """Return everything that is stored of an account, but for secrets."""
    (account,) = _rows(connection, User, User.id == account_id)
    mine = audit_log.Wanted(account_id=account_id)
    entries = audit_log.page(connection, mine, None, ENTRIES_MAX)
    return {
        "account": account,
        "sessions": _rows(connection, Session, Session.user_id == account_id),
        "audit_log": [entry._asdict() for entry in entries],
    }


def _rows(connection: Connection, table: type[User | Session], which: Any) -> list[dict[str, Any]]:  # noqa: ANN401  a condition
    told = [column for column in table.__table__.columns if column.key not in SECRETS]
    return [dict(row._mapping) for row in connection.execute(select(*told).where(which))]  # noqa: SLF001  its public name
