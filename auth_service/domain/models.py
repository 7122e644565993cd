"""The tables of the users' database. Changed only together with a migration; a test compares the two."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    CHAR,
    CheckConstraint,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy.dialects import mysql
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from shared.database.types import IDEMPOTENCY_KEY_LENGTH_MAX, TABLE_OPTIONS, BinaryUuid, RowId, UtcDateTime
from shared.languages import TAG_LENGTH_MAX
from shared.outbox.rows import OutboxRow, indexes

VERSION_TABLE = "auth_alembic_version"
NAME_LENGTH_MAX = 200
EMAIL_LENGTH_MAX = 254  # RFC 5321, section 4.5.3.1.3
# `require_address` leaves at most 64 bytes, an @ and the 253 letters of a domain; older addresses may need more.
EMAIL_KEY_LENGTH_MAX = 320
PURPOSE_LENGTH_MAX = 16
INSTALLATION_LENGTH_MAX = 12
USER_AGENT_LENGTH_MAX = 255
REQUEST_ID_LENGTH_MAX = 128  # as `shared/http/edge.py` has it
ADDRESS_LENGTH_MAX = 45  # an IPv6 address with an IPv4 address in it

# What SHA-256 makes, and a salt as long.
Hash = LargeBinary(32).with_variant(mysql.BINARY(32), "mysql", "mariadb")
KEY_ID_LENGTH_MAX = 64  # of our own: a thumbprint has 43 characters


class Base(DeclarativeBase):
    """All tables that this service owns."""


class User(Base):
    """Someone who can log in."""

    __tablename__ = "users"
    __table_args__ = (
        UniqueConstraint("email_key", name="uq_users_email_key"),
        Index("users_tokens_revoked", "tokens_revoked_at"),
        TABLE_OPTIONS,
    )

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    name: Mapped[str] = mapped_column(String(NAME_LENGTH_MAX))
    email: Mapped[str] = mapped_column(String(EMAIL_LENGTH_MAX))
    email_key: Mapped[str] = mapped_column(String(EMAIL_KEY_LENGTH_MAX))
    password_hash: Mapped[str] = mapped_column(String(255))
    role: Mapped[str] = mapped_column(String(16))
    disabled_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    created_at: Mapped[datetime] = mapped_column(UtcDateTime())
    # By its owner: what is left is the id, for what refers to it.
    erased_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    # Of the request that made the account. It means something together with the mailbox only: nobody has logged in yet.
    idempotency_key: Mapped[str | None] = mapped_column(String(IDEMPOTENCY_KEY_LENGTH_MAX))
    # Access tokens with a lower one are revoked, as of that moment.
    token_version: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    tokens_revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    verified_at: Mapped[datetime | None] = mapped_column(UtcDateTime())  # when the address was shown to be read
    locale: Mapped[str | None] = mapped_column(String(TAG_LENGTH_MAX))  # BCP 47; without one, as the request asks


class Session(Base):
    """What began with a login, and goes on by refresh tokens until it is ended or left alone for too long."""

    __tablename__ = "sessions"
    __table_args__ = (
        UniqueConstraint("family_hash", name="uq_sessions_family_hash"),
        Index("sessions_of_user", "user_id", "last_used_at"),
        Index("sessions_ended", "ended_at"),
        TABLE_OPTIONS,
    )

    id: Mapped[UUID] = mapped_column(BinaryUuid, primary_key=True)
    user_id: Mapped[int] = mapped_column(RowId, ForeignKey("users.id"))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime())
    last_used_at: Mapped[datetime] = mapped_column(UtcDateTime())
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime())  # unless it is used before
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    end_reason: Mapped[str | None] = mapped_column(String(32))
    address: Mapped[str | None] = mapped_column(String(ADDRESS_LENGTH_MAX))
    user_agent: Mapped[str | None] = mapped_column(String(USER_AGENT_LENGTH_MAX))
    # Of the two secrets of the one refresh token that is good now.
    family_hash: Mapped[bytes] = mapped_column(Hash)
    token_hash: Mapped[bytes] = mapped_column(Hash)


class UsedRefreshToken(Base):
    """A refresh token that was used a moment ago, and what makes its successor of it."""

    __tablename__ = "used_refresh_tokens"
    __table_args__ = (TABLE_OPTIONS,)

    session_id: Mapped[UUID] = mapped_column(BinaryUuid, ForeignKey("sessions.id"), primary_key=True)
    token_hash: Mapped[bytes] = mapped_column(Hash, primary_key=True)
    salt: Mapped[bytes] = mapped_column(Hash)
    used_at: Mapped[datetime] = mapped_column(UtcDateTime())


class AuditEntry(Base):
    """Something that was done to an account. Added, never changed; so there is no foreign key that could forbid it."""

    __tablename__ = "audit_log"
    __table_args__ = (
        Index("audit_log_of_account", "account_id", "id"),
        Index("audit_log_of_actor", "actor_id", "id"),
        Index("audit_log_of_act", "act", "id"),
        TABLE_OPTIONS,
    )

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime())
    act: Mapped[str] = mapped_column(String(48))
    actor_id: Mapped[int | None] = mapped_column(RowId)  # None: nobody who was logged in
    account_id: Mapped[int | None] = mapped_column(RowId)
    address: Mapped[str | None] = mapped_column(String(ADDRESS_LENGTH_MAX))
    request_id: Mapped[str | None] = mapped_column(String(REQUEST_ID_LENGTH_MAX))
    details: Mapped[str | None] = mapped_column(Text)  # JSON


class StoredKey(Base):
    """A key that tokens are signed with, or were; every process reads all of them."""

    __tablename__ = "signing_keys"
    __table_args__ = (UniqueConstraint("key_id", name="uq_signing_keys_key_id"), TABLE_OPTIONS)

    # Counted by us: of two rotations at the same moment the second finds its number taken.
    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    key_id: Mapped[str] = mapped_column(String(KEY_ID_LENGTH_MAX))
    algorithm: Mapped[str] = mapped_column(String(16))
    public_jwk: Mapped[str] = mapped_column(Text())
    # Sealed; None for the key of the configuration, whose private half stays there.
    sealed_private_key: Mapped[bytes | None] = mapped_column(LargeBinary())
    published_from: Mapped[datetime] = mapped_column(UtcDateTime())
    signs_from: Mapped[datetime] = mapped_column(UtcDateTime())
    retires_at: Mapped[datetime | None] = mapped_column(UtcDateTime())


class OneTimeToken(Base):
    """A link that was mailed, as far as it is remembered: not its token, which only the mail has."""

    __tablename__ = "one_time_tokens"
    __table_args__ = (
        UniqueConstraint("token_hash", name="uq_one_time_tokens_token_hash"),
        Index("one_time_tokens_of_account", "account_id", "purpose"),
        Index("one_time_tokens_expire", "expires_at"),
        TABLE_OPTIONS,
    )

    id: Mapped[UUID] = mapped_column(BinaryUuid, primary_key=True)
    token_hash: Mapped[bytes] = mapped_column(Hash)
    account_id: Mapped[int | None] = mapped_column(RowId)  # None: nobody's, written so that nobody can tell
    purpose: Mapped[str] = mapped_column(String(PURPOSE_LENGTH_MAX))
    email_key: Mapped[str] = mapped_column(String(EMAIL_KEY_LENGTH_MAX))  # the mailbox for which it is good
    created_at: Mapped[datetime] = mapped_column(UtcDateTime())
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime())
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime())


class Outbox(OutboxRow, Base):
    """Mail that is to be sent: see `shared/outbox`."""

    __tablename__ = "outbox"
    __table_args__ = (*indexes("outbox"), TABLE_OPTIONS)


class Installation(Base):
    """The one row that names this installation, which its queue carries."""

    __tablename__ = "auth_installation"
    __table_args__ = (CheckConstraint("id = 1", name="auth_installation_one"), TABLE_OPTIONS)

    id: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    name: Mapped[str] = mapped_column(CHAR(INSTALLATION_LENGTH_MAX))
