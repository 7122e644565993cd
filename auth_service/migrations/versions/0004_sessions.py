"""Sessions: refresh tokens, and access tokens that can be revoked."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

from shared.database.types import TABLE_OPTIONS, BinaryUuid, RowId, UtcDateTime

revision = "0004"
down_revision = "0003"

HASH = sa.LargeBinary(32).with_variant(mysql.BINARY(32), "mysql", "mariadb")


def upgrade() -> None:
    """Apply. Stop nothing: a service of before goes on without them, and its tokens belong to no session.

    MySQL has committed a part of this when it was ended in the middle; the rest is made then.
    """
    inspector = sa.inspect(op.get_bind())
    columns = {column["name"] for column in inspector.get_columns("users")}
    if "token_version" not in columns:
        op.add_column("users", sa.Column("token_version", sa.Integer, nullable=False, server_default="0"))
    if "tokens_revoked_at" not in columns:
        op.add_column("users", sa.Column("tokens_revoked_at", UtcDateTime()))
    if "users_tokens_revoked" not in {index["name"] for index in inspector.get_indexes("users")}:
        op.create_index("users_tokens_revoked", "users", ["tokens_revoked_at"])
    tables = inspector.get_table_names()
    if "sessions" not in tables:
        _create_sessions()
    if "used_refresh_tokens" not in tables:
        op.create_table(
            "used_refresh_tokens",
            sa.Column("session_id", BinaryUuid, sa.ForeignKey("sessions.id"), primary_key=True),
            sa.Column("token_hash", HASH, primary_key=True),
            sa.Column("salt", HASH, nullable=False),
            sa.Column("used_at", UtcDateTime(), nullable=False),
            **TABLE_OPTIONS,
        )


def _create_sessions() -> None:
    op.create_table(
        "sessions",
        sa.Column("id", BinaryUuid, primary_key=True),
        sa.Column("user_id", RowId, sa.ForeignKey("users.id"), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("last_used_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("ended_at", UtcDateTime()),
        sa.Column("end_reason", sa.String(32)),
        sa.Column("address", sa.String(45)),
        sa.Column("user_agent", sa.String(255)),
        sa.Column("family_hash", HASH, nullable=False),
        sa.Column("token_hash", HASH, nullable=False),
        sa.UniqueConstraint("family_hash", name="uq_sessions_family_hash"),
        sa.Index("sessions_of_user", "user_id", "last_used_at"),
        sa.Index("sessions_ended", "ended_at"),
        **TABLE_OPTIONS,
    )


def downgrade() -> None:
    """Take back; whoever has a refresh token must log in again, and nothing is revoked any more."""
    op.drop_table("used_refresh_tokens")
    op.drop_table("sessions")
    op.drop_index("users_tokens_revoked", "users")
    op.drop_column("users", "tokens_revoked_at")
    op.drop_column("users", "token_version")
