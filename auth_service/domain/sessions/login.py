"""Logging in."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from auth_service.domain.accounts import COLUMNS, Account
from auth_service.domain.audit_log import Act, By, Origin
from auth_service.domain.errors import WrongCredentials
from auth_service.domain.mailboxes import email_key
from auth_service.domain.models import User


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a login is checked against."""

    account: Account
    password_hash: str
    disabled: bool
    token_version: int


def credentials_of(connection: Connection, email: str) -> Credentials | None:
    """Return what is stored for this address, or None when nobody has it."""
    stored = User.password_hash, User.disabled_at, User.token_version
    query = select(*COLUMNS, *stored).where(User.email_key == email_key(email))
    row = connection.execute(query).one_or_none()
    if row is None:
        return None
    account = Account(*row[: len(COLUMNS)])
    return Credentials(account, row.password_hash, row.disabled_at is not None, row.token_version)


def admit(credentials: Credentials | None, *, password_matches: bool) -> Credentials:
    """Decide a login. Raises WrongCredentials, the same for every reason."""
    if credentials is None or credentials.disabled or not password_matches:
        raise WrongCredentials
    return credentials


def record_failure(connection: Connection, credentials: Credentials | None, origin: Origin, now: datetime) -> None:
    """Record a login that was refused; what was typed for an address is not kept, it may be anything."""
    account_id = None if credentials is None else credentials.account.id
    By(None, origin, now).record(connection, Act.LOGIN_FAILED, account_id)
