"""Going on with a session: each refresh token is good once (RFC 9700, section 4.14.2)."""

import os
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Connection, Row, delete, insert, select, update

from auth_service.domain.accounts import COLUMNS, Account
from auth_service.domain.audit_log import By, Origin
from auth_service.domain.models import Session, UsedRefreshToken, User
from auth_service.domain.sessions import records
from auth_service.domain.sessions.records import TOKEN_REPLAYED, Terms
from auth_service.domain.sessions.refresh_tokens import SALT_BYTES, RefreshToken, hashed

Stored = Row[*tuple[Any, ...]]  # of the table of sessions


class Refreshed(NamedTuple):
    """A session that goes on, and the token that it goes on with."""

    account: Account
    token_version: int
    session_id: UUID
    token: RefreshToken


class Use(NamedTuple):
    """A request with a refresh token: from where, and when. At a second attempt it is the same."""

    origin: Origin
    at: datetime


def refresh(connection: Connection, token: RefreshToken, use: Use, terms: Terms) -> Refreshed | None:
    """Take a refresh token for its successor; None when it is not good.

    A used one is answered with the same successor within the grace. After it, somebody has a token that is not theirs,
    the thief or the one who was robbed, and the session ends. Safe to repeat: after a lost commit the token was used at
    this very moment.
    """
    session = connection.execute(
        select(Session).where(Session.family_hash == hashed(token.family)).with_for_update()
    ).one_or_none()
    if session is None or session.ended_at is not None or session.expires_at <= use.at:
        return None
    owner = connection.execute(
        select(*COLUMNS, User.token_version).where(User.id == session.user_id, User.disabled_at.is_(None))
    ).one_or_none()
    if owner is None:
        return None
    is_new = hashed(token.once) == session.token_hash
    successor = (
        _use(connection, session, token, use, terms) if is_new else _used(connection, session, token, use, terms)
    )
    if successor is None:
        records.end(connection, session.user_id, session.id, TOKEN_REPLAYED, By(None, use.origin, use.at))
        return None
    *account, token_version = owner
    return Refreshed(Account(*account), token_version, session.id, successor)


def _use(connection: Connection, session: Stored, token: RefreshToken, use: Use, terms: Terms) -> RefreshToken:
    salt = os.urandom(SALT_BYTES)
    successor = token.successor(salt)
    of_this = UsedRefreshToken.session_id == session.id
    connection.execute(delete(UsedRefreshToken).where(of_this, UsedRefreshToken.used_at < use.at - terms.grace))
    used = {"token_hash": session.token_hash, "session_id": session.id, "salt": salt, "used_at": use.at}
    connection.execute(insert(UsedRefreshToken).values(used))
    address, user_agent, _ = use.origin.cut()
    going_on = {
        "token_hash": hashed(successor.once),
        "last_used_at": use.at,
        "expires_at": terms.end(session.created_at, use.at),
        "address": address,
        "user_agent": user_agent,
    }
    connection.execute(update(Session).where(Session.id == session.id).values(going_on))
    return successor


def _used(connection: Connection, session: Stored, token: RefreshToken, use: Use, terms: Terms) -> RefreshToken | None:
    salt = connection.scalar(
        select(UsedRefreshToken.salt).where(
            UsedRefreshToken.token_hash == hashed(token.once),
            UsedRefreshToken.session_id == session.id,
            UsedRefreshToken.used_at >= use.at - terms.grace,
        )
    )
    return None if salt is None else token.successor(salt)
