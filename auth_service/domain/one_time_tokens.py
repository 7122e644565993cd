"""Links that are good once: 256 bits that only a mail has, and a hash of them that only the database has.

A token is made from its id with MAIL_TOKEN_SECRET, by whoever sends the mail, at each attempt the same. So neither the
database nor its backup nor the outbox has anything that somebody could use.
"""

import hashlib
import hmac
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import Connection, delete, insert, select, update
from uuid_utils.compat import uuid7

from auth_service.domain.errors import UnusableLink
from auth_service.domain.models import OneTimeToken, User
from auth_service.domain.outbox import Link
from shared.database.clock import database_now

VERIFY: Final = "verify"
RESET: Final = "reset"
KEPT: Final = timedelta(days=7)  # after their end, for those who ask what became of one
FORGOTTEN_AT_ONCE: Final = 1_000  # rows
DOMAIN: Final = b"event-booking one-time token:"  # separates this use of the secret from any other


@dataclass(frozen=True, slots=True)
class Redeemed:
    """Whose token it was, and the mailbox to which it was sent."""

    account_id: int
    email_key: str
    is_repeated: bool = False  # an earlier attempt of the same caller has used it, and done what follows


def token_of(secret: str, token_id: UUID) -> str:
    """Return the token with this id: 43 characters of base64url. Whoever holds ``secret`` can make all of them."""
    code = hmac.digest(secret.encode(), DOMAIN + token_id.bytes, "sha256")
    return urlsafe_b64encode(code).rstrip(b"=").decode()


def hash_of(token: str) -> bytes:
    """Return what is stored of ``token``. It has 256 random bits, so a fast hash keeps it secret."""
    return hashlib.sha256(token.encode()).digest()


def issue(  # noqa: PLR0913  what a row is made of
    connection: Connection,
    *,
    secret: str,
    account_id: int | None,
    purpose: str,
    email_key: str,
    now: datetime,
    lifetime: timedelta,
) -> Link:
    """Store a token that is good for ``lifetime``, once; nobody's when ``account_id`` is None.

    The earlier ones of the same purpose are no longer good: `redeem` believes the newest alone. So that issuing writes
    one row, whoever asks, and takes as long for an account that is not there.
    """
    token_id = uuid7()
    link = Link(token_id, hash_of(token_of(secret, token_id)))
    row = {
        "id": token_id,
        "token_hash": link.token_hash,
        "account_id": account_id,
        "purpose": purpose,
        "email_key": email_key,
        "created_at": now,
        "expires_at": now + lifetime,
    }
    connection.execute(insert(OneTimeToken).values(row))
    return link


def look(connection: Connection, token: str, purpose: str, now: datetime) -> Redeemed:
    """Return whose ``token`` is, without using it up. Raises UnusableLink, the same for every reason.

    It must be the newest of its account and ``purpose``, not used and not at its end, and the account must be there and
    still have the mailbox that it was sent to.
    """
    stored = connection.execute(
        select(OneTimeToken).where(OneTimeToken.token_hash == hash_of(token), OneTimeToken.purpose == purpose)
    ).one_or_none()
    if stored is None or stored.account_id is None or stored.used_at is not None or stored.expires_at <= now:
        raise UnusableLink
    newest = (
        select(OneTimeToken.id)
        .where(OneTimeToken.account_id == stored.account_id, OneTimeToken.purpose == purpose)
        .order_by(OneTimeToken.created_at.desc(), OneTimeToken.id.desc())
        .limit(1)
    )
    account = select(User.email_key).where(User.id == stored.account_id, User.disabled_at.is_(None))
    if connection.scalar(newest) != stored.id or connection.scalar(account) != stored.email_key:
        raise UnusableLink
    return Redeemed(stored.account_id, stored.email_key)


def redeem(connection: Connection, token: str, purpose: str, now: datetime) -> Redeemed:
    """Use ``token`` up: of several who try at once, one succeeds. Raises UnusableLink.

    Safe to repeat after a lost commit with the same ``now``: a token that was used at that very moment was used by this
    attempt.
    """
    hashed = hash_of(token)
    ours = select(OneTimeToken.account_id, OneTimeToken.email_key).where(
        OneTimeToken.token_hash == hashed, OneTimeToken.purpose == purpose, OneTimeToken.used_at == now
    )
    mine = connection.execute(ours).one_or_none()
    if mine is not None:
        return Redeemed(mine.account_id, mine.email_key, is_repeated=True)
    redeemed = look(connection, token, purpose, now)
    use = update(OneTimeToken).where(OneTimeToken.token_hash == hashed, OneTimeToken.used_at.is_(None))
    if connection.execute(use.values(used_at=now)).rowcount != 1:
        raise UnusableLink
    return redeemed


def forget(connection: Connection) -> int:
    """Delete tokens that ended longer than KEPT ago, at most FORGOTTEN_AT_ONCE; return how many."""
    ended = OneTimeToken.expires_at < database_now(connection) - KEPT
    old = select(OneTimeToken.id).where(ended).limit(FORGOTTEN_AT_ONCE)
    ids = list(connection.scalars(old))
    if ids:
        connection.execute(delete(OneTimeToken).where(OneTimeToken.id.in_(ids)))
    return len(ids)
