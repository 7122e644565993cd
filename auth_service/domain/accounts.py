"""Accounts: how one is made, found and renewed."""

from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, Connection, insert, select, update
from sqlalchemy.exc import IntegrityError

from auth_service.domain.audit_log import COMMAND_LINE, Act, By, Origin
from auth_service.domain.errors import AccountGone, EmailTaken
from auth_service.domain.mailboxes import email_key
from auth_service.domain.models import User
from auth_service.domain.permissions import NOBODY, OPEN_ROLES, require_may_give
from shared.clock import utc_now
from shared.errors import IdempotencyKeyReused, NotFound
from shared.identity.permissions import ROLES, WRITE_USERS

# For so long a registration may be repeated with its Idempotency-Key: a day and more, and no longer, because it is one
# more way to try a password.
KEYS_KEPT: Final = timedelta(hours=48)


@dataclass(frozen=True, slots=True)
class Account:
    """A user, without the password."""

    id: int
    name: str
    email: str
    role: str
    created_at: datetime
    verified_at: datetime | None = None

    @property
    def email_verified(self) -> bool:
        """Whether its owner has shown to read the mailbox."""
        return self.verified_at is not None


# In the order of the fields, so that a row is an Account's arguments.
COLUMNS = tuple(getattr(User, field.name) for field in fields(Account))


@dataclass(frozen=True, slots=True)
class NewAccount:
    """A user to be. ``password_hash`` holds a fresh salt, so no two attempts carry the same."""

    name: str
    email: str
    password_hash: str
    role: str
    idempotency_key: str | None = None


@dataclass(frozen=True, slots=True)
class Registration:
    """An account that a request with an Idempotency-Key has made, and the hash of the password that it had."""

    account: Account
    password_hash: str


def register(connection: Connection, new: NewAccount, creator_id: int | None, origin: Origin) -> Account:
    """Add an account on behalf of ``creator_id``. Raises EmailTaken, RoleNotAllowed or AccountGone."""
    require_creator(connection, new.role, creator_id)
    return add(connection, new, creator_id, origin)


def require_creator(connection: Connection, role: str, creator_id: int | None) -> None:
    """Demand that ``creator_id`` may make accounts with ``role`` now. Raises RoleNotAllowed or AccountGone.

    The creator's role is read here, not believed from a token: an admin who was disabled makes no more admins.
    """
    if role not in OPEN_ROLES:
        require_may_give(role, NOBODY if creator_id is None else ROLES[active(connection, creator_id).role])


def add(
    connection: Connection, new: NewAccount, creator_id: int | None = None, origin: Origin = COMMAND_LINE
) -> Account:
    """Add an account, whoever asks. Raises EmailTaken: the unique index decides, so a race has one winner.

    Safe to repeat after a lost commit: a row with our own freshly salted hash can only be this very attempt's.
    """
    created_at = utc_now()
    row = insert(User).values(
        name=new.name,
        email=new.email,
        email_key=email_key(new.email),
        password_hash=new.password_hash,
        role=new.role,
        created_at=created_at,
        idempotency_key=new.idempotency_key,
    )
    try:
        account_id = connection.execute(row).lastrowid
    except IntegrityError as error:
        return _earlier_attempt(connection, new, error)
    By(creator_id, origin, created_at).record(connection, Act.REGISTERED, account_id, role=new.role)
    return Account(id=account_id, name=new.name, email=new.email, role=new.role, created_at=created_at)


def registration(connection: Connection, email: str, idempotency_key: str, now: datetime) -> Registration | None:
    """Return what a request with this key has made of this mailbox, not longer than KEYS_KEPT before ``now``.

    None for an account that was disabled since: whoever knows its password is told no more than at a login.
    """
    row = connection.execute(
        select(*COLUMNS, User.password_hash).where(
            User.email_key == email_key(email),
            User.idempotency_key == idempotency_key,
            User.created_at > now - KEYS_KEPT,
            User.disabled_at.is_(None),
        )
    ).one_or_none()
    return None if row is None else Registration(Account(*row[: len(COLUMNS)]), row.password_hash)


def repeated(earlier: Registration, name: str, email: str, role: str, *, password_matches: bool) -> Account:
    """Return the account of ``earlier`` to who asks for the same again. Raises IdempotencyKeyReused."""
    account = earlier.account
    if not password_matches or (account.name, account.email, account.role) != (name, email, role):
        raise IdempotencyKeyReused
    return account


def active(connection: Connection, account_id: int) -> Account:
    """Return the account of a token's bearer. Raises AccountGone when it was deleted or disabled."""
    account = _one(connection, User.id == account_id, User.disabled_at.is_(None))
    if account is None:
        raise AccountGone
    return account


def visible(connection: Connection, account_id: int, viewer_id: int) -> Account:
    """Return an account to its owner, or to who may write users. Raises NotFound for all others, or AccountGone."""
    viewer = active(connection, viewer_id)
    if WRITE_USERS not in ROLES[viewer.role] and account_id != viewer.id:
        raise NotFound
    account = _one(connection, User.id == account_id, User.erased_at.is_(None))
    if account is None:
        raise NotFound
    return account


def with_email(connection: Connection, email: str) -> Account | None:
    """Return the account that has this address, disabled or not."""
    return _one(connection, User.email_key == email_key(email))


def renew_hash(connection: Connection, account_id: int, old: str, new: str) -> None:
    """Replace a password hash by a stronger one of the same password, unless the password was changed meanwhile."""
    renewal = update(User).where(User.id == account_id, User.password_hash == old).values(password_hash=new)
    connection.execute(renewal)


def _one(connection: Connection, *conditions: ColumnElement[bool]) -> Account | None:
    row = connection.execute(select(*COLUMNS).where(*conditions)).one_or_none()
    return None if row is None else Account(*row)


def _earlier_attempt(connection: Connection, new: NewAccount, error: IntegrityError) -> Account:
    same_attempt = (User.email_key == email_key(new.email), User.password_hash == new.password_hash)
    account = _one(connection, *same_attempt)
    if account is None:
        raise EmailTaken from error
    return account
