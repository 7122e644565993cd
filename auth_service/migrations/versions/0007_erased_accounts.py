"""Accounts can be erased: when that was."""

import sqlalchemy as sa
from alembic import op

from shared.database.types import UtcDateTime

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Apply. Stop nothing: a service of before erases none."""
    # MySQL has committed the column when a migration is ended before it has noted its version.
    if "erased_at" not in {column["name"] for column in sa.inspect(op.get_bind()).get_columns("users")}:
        op.add_column("users", sa.Column("erased_at", UtcDateTime()))


def downgrade() -> None:
    """Take back; accounts that were erased stay so, and disabled."""
    op.drop_column("users", "erased_at")
