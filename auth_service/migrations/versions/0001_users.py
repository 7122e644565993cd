"""Users."""

import sqlalchemy as sa
from alembic import op

from shared.database.types import TABLE_OPTIONS, RowId, UtcDateTime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table of users."""
    op.create_table(
        "users",
        sa.Column("id", RowId, primary_key=True),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("email", sa.String(254), nullable=False),
        sa.Column("email_key", sa.String(320), nullable=False),
        sa.Column("password_hash", sa.String(255), nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("disabled_at", UtcDateTime(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.UniqueConstraint("email_key", name="uq_users_email_key"),
        **TABLE_OPTIONS,
    )


def downgrade() -> None:
    """Drop it, with every user in it."""
    op.drop_table("users")
