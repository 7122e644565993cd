"""What becomes of an account: another password, another role, disabled, enabled, erased.

Each change takes the account's row lock. Where it could take away the last admin, the rows of all admins are locked
before it, in their order, so that of two admins who disable each other at once only one succeeds.
"""

from typing import Final, NamedTuple
from uuid import UUID

from sqlalchemy import Connection, delete, select, update

from auth_service.domain import account_lists
from auth_service.domain.account_lists import Listed
from auth_service.domain.accounts import COLUMNS, Account, active
from auth_service.domain.audit_log import Act, By
from auth_service.domain.errors import LastAdmin, NotYourself, RoleNotAllowed, WrongPassword
from auth_service.domain.models import OneTimeToken, Session, User
from auth_service.domain.permissions import require_may_give
from auth_service.domain.sessions import records
from shared.errors import NotFound
from shared.identity.permissions import ROLES, WRITE_USERS

# Why sessions end.
PASSWORD_CHANGED: Final = "password_changed"  # noqa: S105  a reason
DISABLED: Final = "account_disabled"
ERASED: Final = "account_erased"

# No address has capital letters in its key, so this is nobody's.
ERASED_KEY = "ERASED ACCOUNT {}"


def password_hash(connection: Connection, account_id: int) -> str:
    """Return the hash of an account's password. Raises AccountGone."""
    active(connection, account_id)
    return str(connection.scalar(select(User.password_hash).where(User.id == account_id)))


class Replacement(NamedTuple):
    """Another password: the hash of the current one, which was checked, and that of the new one, freshly salted."""

    checked: str
    new: str


def change_password(connection: Connection, account_id: int, password: Replacement, by: By, keep: UUID | None) -> None:
    """Replace the password, and end all sessions but the one to ``keep``.

    Raises WrongPassword when somebody was faster. Safe to repeat: the new hash is known again by its salt.
    """
    stored = connection.scalar(select(User.password_hash).where(User.id == account_id).with_for_update())
    if stored == password.new:
        return
    if stored != password.checked:
        raise WrongPassword
    connection.execute(update(User).where(User.id == account_id).values(password_hash=password.new))
    by.record(connection, Act.PASSWORD_CHANGED, account_id)
    records.end_all(connection, account_id, PASSWORD_CHANGED, by, keep)


def rename(connection: Connection, account_id: int, name: str, by: By) -> Account:
    """Give an account another name. Raises AccountGone."""
    account = active(connection, account_id)
    if account.name != name:
        connection.execute(update(User).where(User.id == account_id).values(name=name))
        by.record(connection, Act.RENAMED, account_id)
    return active(connection, account_id)


def manage(connection: Connection, account_id: int, role: str | None, disabled: bool | None, by: By) -> Listed:  # noqa: FBT001  three-valued
    """Give somebody else another role, keep them out or let them in; None leaves it. Return what they are by then.

    Raises NotFound, NotYourself, AccountGone, or RoleNotAllowed for who may no longer, or a role that may do more than
    who gives it. Not safe to repeat.
    """
    if role is not None:
        set_role(connection, account_id, role, by)
    if disabled is not None:
        (disable if disabled else enable)(connection, account_id, by)
    (listed,) = account_lists.page(connection, account_lists.Wanted(ids=[account_id]), 0, 1)
    return listed


def set_role(connection: Connection, account_id: int, role: str, by: By) -> None:
    """Give somebody else another role; tokens that say the old one are revoked.

    Raises NotFound, NotYourself, or RoleNotAllowed for a role that may do more than who gives it.
    """
    actor = _require_other(connection, account_id, by)
    account = _locked(connection, account_id)
    for other in (role, account.role):
        require_may_give(other, ROLES[actor.role])
    if account.role == role:
        return
    connection.execute(update(User).where(User.id == account_id).values(role=role))
    records.revoke_tokens(connection, account_id, by.at)
    by.record(connection, Act.ROLE_CHANGED, account_id, was=account.role, role=role)


def disable(connection: Connection, account_id: int, by: By) -> None:
    """Keep somebody else out, until they are enabled again. Raises NotFound or NotYourself."""
    _require_other(connection, account_id, by)
    _locked(connection, account_id)
    going_on = (User.id == account_id, User.disabled_at.is_(None))
    if connection.execute(update(User).where(*going_on).values(disabled_at=by.at)).rowcount:
        by.record(connection, Act.DISABLED, account_id)
        records.end_all(connection, account_id, DISABLED, by)


def enable(connection: Connection, account_id: int, by: By) -> None:
    """Let somebody in again, who must log in. Raises NotFound or NotYourself."""
    _require_other(connection, account_id, by)
    _locked(connection, account_id)
    kept_out = (User.id == account_id, User.disabled_at.is_not(None))
    if connection.execute(update(User).where(*kept_out).values(disabled_at=None)).rowcount:
        by.record(connection, Act.ENABLED, account_id)


def erase(connection: Connection, account_id: int, checked: str, by: By) -> None:
    """Erase what is personal of an account; its id stays, for its bookings.

    ``checked`` is the hash of the password that was given. Raises WrongPassword, LastAdmin or AccountGone.
    """
    _lock_admins(connection)
    account = active(connection, account_id)
    stored = connection.scalar(select(User.password_hash).where(User.id == account_id).with_for_update())
    if stored != checked:
        raise WrongPassword
    if WRITE_USERS in ROLES[account.role] and _admins(connection) == [account_id]:
        raise LastAdmin
    records.end_all(connection, account_id, ERASED, by)
    nothing = {
        "name": "",
        "email": "",
        "email_key": ERASED_KEY.format(account_id),
        "password_hash": "",
        "idempotency_key": None,
        "locale": None,
        "verified_at": None,
        "disabled_at": by.at,
        "erased_at": by.at,
    }
    connection.execute(update(User).where(User.id == account_id).values(nothing))
    connection.execute(update(Session).where(Session.user_id == account_id).values(address=None, user_agent=None))
    connection.execute(delete(OneTimeToken).where(OneTimeToken.account_id == account_id))
    connection.execute(delete(OneTimeToken).where(OneTimeToken.account_id == account_id))
    by.record(connection, Act.ERASED, account_id)


def _require_other(connection: Connection, account_id: int, by: By) -> Account:
    """Return who acts, who may write users by now and is not the one that is acted upon."""
    _lock_admins(connection)
    assert by.actor_id is not None  # noqa: S101  a route's sender
    actor = active(connection, by.actor_id)
    if WRITE_USERS not in ROLES[actor.role]:
        raise RoleNotAllowed
    if actor.id == account_id:
        raise NotYourself
    return actor


def _locked(connection: Connection, account_id: int) -> Account:
    query = select(*COLUMNS).where(User.id == account_id, User.erased_at.is_(None)).with_for_update()
    row = connection.execute(query).one_or_none()
    if row is None:
        raise NotFound
    return Account(*row)


def _admins(connection: Connection) -> list[int]:
    roles = [role for role, granted in ROLES.items() if WRITE_USERS in granted]
    query = select(User.id).where(User.role.in_(roles), User.disabled_at.is_(None)).order_by(User.id)
    return list(connection.scalars(query))


def _lock_admins(connection: Connection) -> None:
    ids = _admins(connection)
    connection.execute(select(User.id).where(User.id.in_(ids)).order_by(User.id).with_for_update()).all()
