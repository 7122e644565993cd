"""The tables of the users' database. Changed only together with a migration; a test compares the two."""

from datetime import datetime

from sqlalchemy import String, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from shared.database.types import IDEMPOTENCY_KEY_LENGTH_MAX, TABLE_OPTIONS, RowId, UtcDateTime

VERSION_TABLE = "auth_alembic_version"
NAME_LENGTH_MAX = 200
EMAIL_LENGTH_MAX = 254  # RFC 5321, section 4.5.3.1.3
# `require_address` leaves at most 64 bytes, an @ and the 253 letters of a domain; older addresses may need more.
EMAIL_KEY_LENGTH_MAX = 320


class Base(DeclarativeBase):
    """All tables that this service owns."""


class User(Base):
    """Someone who can log in."""

    __tablename__ = "users"
    __table_args__ = (UniqueConstraint("email_key", name="uq_users_email_key"), TABLE_OPTIONS)

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    name: Mapped[str] = mapped_column(String(NAME_LENGTH_MAX))
    email: Mapped[str] = mapped_column(String(EMAIL_LENGTH_MAX))
    email_key: Mapped[str] = mapped_column(String(EMAIL_KEY_LENGTH_MAX))
    password_hash: Mapped[str] = mapped_column(String(255))
    role: Mapped[str] = mapped_column(String(16))
    disabled_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    created_at: Mapped[datetime] = mapped_column(UtcDateTime())
    # Of the request that made the account. It means something together with the mailbox only: nobody has logged in yet.
    idempotency_key: Mapped[str | None] = mapped_column(String(IDEMPOTENCY_KEY_LENGTH_MAX))
