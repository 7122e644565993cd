"""Mail: the outbox, links that were mailed, who has shown to read an address, and a name for the queue."""

import secrets

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

from shared.database.types import TABLE_OPTIONS, BinaryUuid, RowId, UtcDateTime

revision = "0008"
down_revision = "0007"

HASH = sa.LargeBinary(32).with_variant(mysql.BINARY(32), "mysql", "mariadb")
NAME_BYTES = 6


def upgrade() -> None:
    """Apply. Stop nothing: a service of before goes on without all this."""
    # MySQL commits at each step: a migration that was ended in between is begun again.
    inspector = sa.inspect(op.get_bind())
    columns, tables = {column["name"] for column in inspector.get_columns("users")}, inspector.get_table_names()
    if "verified_at" not in columns:
        op.add_column("users", sa.Column("verified_at", UtcDateTime()))
    if "locale" not in columns:
        op.add_column("users", sa.Column("locale", sa.String(35)))
    if "one_time_tokens" not in tables:
        _create_tokens()
    if "outbox" not in tables:
        _create_outbox()
    if "auth_installation" not in tables:
        _create_installation()
    if op.get_bind().exec_driver_sql("SELECT COUNT(*) FROM auth_installation").scalar() == 0:
        op.execute(f"INSERT INTO auth_installation VALUES (1, '{secrets.token_hex(NAME_BYTES)}')")  # noqa: S608  digits


def downgrade() -> None:
    """Take back; mail that waits is not sent, and links that were sent are good for nothing."""
    for table in ("auth_installation", "outbox", "one_time_tokens"):
        op.drop_table(table)
    for column in ("locale", "verified_at"):
        op.drop_column("users", column)


def _create_installation() -> None:
    op.create_table(
        "auth_installation",
        sa.Column("id", sa.SmallInteger, primary_key=True, autoincrement=False),
        sa.Column("name", sa.CHAR(12), nullable=False),
        sa.CheckConstraint("id = 1", name="auth_installation_one"),
        **TABLE_OPTIONS,
    )


def _create_tokens() -> None:
    op.create_table(
        "one_time_tokens",
        sa.Column("id", BinaryUuid(), primary_key=True),
        sa.Column("token_hash", HASH, nullable=False),
        sa.Column("account_id", RowId),
        sa.Column("purpose", sa.String(16), nullable=False),
        sa.Column("email_key", sa.String(320), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("used_at", UtcDateTime()),
        sa.UniqueConstraint("token_hash", name="uq_one_time_tokens_token_hash"),
        sa.Index("one_time_tokens_of_account", "account_id", "purpose"),
        sa.Index("one_time_tokens_expire", "expires_at"),
        **TABLE_OPTIONS,
    )


def _create_outbox() -> None:
    op.create_table(
        "outbox",
        sa.Column("id", BinaryUuid(), primary_key=True),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("payload", sa.Text),
        sa.Column("reply", sa.String(500)),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("due_at", UtcDateTime()),
        sa.Column("deliver_until", UtcDateTime()),
        sa.Column("done_at", UtcDateTime()),
        sa.Index("outbox_due", "due_at"),
        sa.Index("outbox_done", "done_at"),
        **TABLE_OPTIONS,
    )
