"""The installation's name, which its queues and keys in Redis carry."""

import secrets

import sqlalchemy as sa
from alembic import op

from shared.database.types import TABLE_OPTIONS

revision = "0003"
down_revision = "0002"

NAME_BYTES = 6


def upgrade() -> None:
    """Apply. What ran before may go on."""
    # MySQL commits when it has made the table: a migration that was ended in between is begun again.
    op.create_table(
        "installation",
        sa.Column("id", sa.SmallInteger, primary_key=True, autoincrement=False),
        sa.Column("name", sa.CHAR(12), nullable=False),
        sa.CheckConstraint("id = 1", name="installation_one"),
        if_not_exists=True,
        **TABLE_OPTIONS,
    )
    if op.get_bind().exec_driver_sql("SELECT COUNT(*) FROM installation").scalar() == 0:
        op.execute(f"INSERT INTO installation VALUES (1, '{secrets.token_hex(NAME_BYTES)}')")  # noqa: S608  digits


def downgrade() -> None:
    """Take back."""
    op.drop_table("installation")
