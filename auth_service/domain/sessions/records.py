"""Sessions as they are stored: begun, listed and ended."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, and_, delete, insert, select, update

from auth_service.domain.audit_log import Act, By, Origin
from auth_service.domain.errors import WrongCredentials
from auth_service.domain.models import Session, UsedRefreshToken, User
from auth_service.domain.sessions.refresh_tokens import RefreshToken, hashed

# Why a session ended.
LOGGED_OUT: Final = "logged_out"
TOKEN_REPLAYED: Final = "token_replayed"  # noqa: S105  a reason
TOO_MANY: Final = "too_many"

ENDED_AT_ONCE: Final = 100  # of those above the limit; mostly there is one
KEPT: Final = timedelta(days=30)  # a session that is over, so that it can be looked into


@dataclass(frozen=True, slots=True)
class Terms:
    """How long sessions last, and how many of them one account may have."""

    idle: timedelta  # without a refresh
    longest: timedelta  # whatever is done
    grace: timedelta  # in which a used refresh token is answered with the same successor
    count_max: int

    def end(self, began: datetime, now: datetime) -> datetime:
        """Tell when a session that was used ``now`` ends by itself."""
        return min(began + self.longest, now + self.idle)


class NewSession(NamedTuple):
    """A session to begin; made before its transaction, which may run twice."""

    id: UUID
    account_id: int
    password_hash: str  # that was checked
    token: RefreshToken
    origin: Origin


class SessionState(NamedTuple):
    """A session that goes on."""

    id: UUID
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime
    address: str | None
    user_agent: str | None


COLUMNS = tuple(getattr(Session, name) for name in SessionState._fields)


def begin(connection: Connection, new: NewSession, terms: Terms, now: datetime) -> None:
    """Begin a session. Those of the account above the limit end, the longest unused first. Safe to repeat.

    Raises WrongCredentials when the account was disabled or got another password since it was checked.
    """
    # Locked, so that a change of the password ends this session too, or is seen here.
    good = (User.id == new.account_id, User.password_hash == new.password_hash, User.disabled_at.is_(None))
    if connection.scalar(select(User.id).where(*good).with_for_update()) is None:
        raise WrongCredentials
    if connection.scalar(select(Session.id).where(Session.id == new.id)) is not None:
        return  # an earlier attempt, whose commit went through unheard
    _forget_old(connection, new.account_id, now)
    _end_above_limit(connection, new, terms.count_max, now)
    address, user_agent, _ = new.origin.cut()
    connection.execute(
        insert(Session).values(
            id=new.id,
            user_id=new.account_id,
            created_at=now,
            last_used_at=now,
            expires_at=terms.end(now, now),
            address=address,
            user_agent=user_agent,
            family_hash=hashed(new.token.family),
            token_hash=hashed(new.token.once),
        )
    )
    By(new.account_id, new.origin, now).record(connection, Act.LOGGED_IN, new.account_id, session=new.id.hex)


def going_on(connection: Connection, account_id: int, now: datetime) -> list[SessionState]:
    """List the sessions of an account, the last used first."""
    query = select(*COLUMNS).where(_goes_on(account_id, now)).order_by(Session.last_used_at.desc(), Session.id)
    return [SessionState(*row) for row in connection.execute(query)]


def end(connection: Connection, account_id: int, session_id: UUID, reason: str, by: By) -> bool:
    """End one session of an account; False when it has none of this id that goes on. Its tokens are revoked."""
    ended = _end(connection, and_(_goes_on(account_id, by.at), Session.id == session_id), reason, by.at)
    if ended:
        act = Act.TOKEN_REPLAYED if reason == TOKEN_REPLAYED else Act.SESSION_ENDED
        by.record(connection, act, account_id, reason=reason, session=session_id.hex)
    return ended > 0


def end_all(connection: Connection, account_id: int, reason: str, by: By, keep: UUID | None = None) -> None:
    """End the sessions of an account, but for the one to ``keep``, and revoke their tokens.

    Without one to keep, all access tokens of the account are revoked, those that belong to no session too. Not safe to
    repeat: it is recorded each time.
    """
    others = _goes_on(account_id, by.at)
    ended = _end(connection, others if keep is None else and_(others, Session.id != keep), reason, by.at)
    if keep is None:
        revoke_tokens(connection, account_id, by.at)
    by.record(connection, Act.SESSIONS_ENDED, account_id, reason=reason, count=ended)


def revoke_tokens(connection: Connection, account_id: int, now: datetime) -> None:
    """Revoke the access tokens of an account, and let its sessions go on: the next tokens say what has changed."""
    newer = {"token_version": User.token_version + 1, "tokens_revoked_at": now}
    connection.execute(update(User).where(User.id == account_id).values(newer))


def _goes_on(account_id: int, now: datetime) -> ColumnElement[bool]:
    return and_(Session.user_id == account_id, Session.ended_at.is_(None), Session.expires_at > now)


def _end(connection: Connection, which: ColumnElement[bool], reason: str, now: datetime) -> int:
    return connection.execute(update(Session).where(which).values(ended_at=now, end_reason=reason)).rowcount


def _end_above_limit(connection: Connection, new: NewSession, count_max: int, now: datetime) -> None:
    by = By(None, new.origin, now)
    last_used = (
        select(Session.id).where(_goes_on(new.account_id, now)).order_by(Session.last_used_at.desc(), Session.id)
    )
    for session_id in connection.scalars(last_used.offset(count_max - 1).limit(ENDED_AT_ONCE)).all():
        end(connection, new.account_id, session_id, TOO_MANY, by)


def _forget_old(connection: Connection, account_id: int, now: datetime) -> None:
    over = Session.user_id == account_id, (Session.ended_at < now - KEPT) | (Session.expires_at < now - KEPT)
    old = connection.scalars(select(Session.id).where(*over)).all()
    if old:
        connection.execute(delete(UsedRefreshToken).where(UsedRefreshToken.session_id.in_(old)))
        connection.execute(delete(Session).where(Session.id.in_(old)))
