"""Signing keys: those that were rotated in, and what they replaced."""

import sqlalchemy as sa
from alembic import op

from shared.database.types import TABLE_OPTIONS, UtcDateTime

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Create the table, empty: until the first rotation the configured key signs, as before. Stop nothing."""
    # MySQL has made the table when a migration is ended before it has noted its version.
    op.create_table(
        "signing_keys",
        sa.Column("number", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("key_id", sa.String(64), nullable=False),
        sa.Column("algorithm", sa.String(16), nullable=False),
        sa.Column("public_jwk", sa.Text(), nullable=False),
        sa.Column("sealed_private_key", sa.LargeBinary(), nullable=True),
        sa.Column("published_from", UtcDateTime(), nullable=False),
        sa.Column("signs_from", UtcDateTime(), nullable=False),
        sa.Column("retires_at", UtcDateTime(), nullable=True),
        sa.UniqueConstraint("key_id", name="uq_signing_keys_key_id"),
        if_not_exists=True,
        **TABLE_OPTIONS,
    )


def downgrade() -> None:
    """Drop it, with its keys: the configured key signs again, and tokens of all others end."""
    op.drop_table("signing_keys")
