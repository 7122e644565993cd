"""The audit trail."""

import sqlalchemy as sa
from alembic import op

from shared.database.types import TABLE_OPTIONS, RowId, UtcDateTime

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Apply. Stop nothing: a service of before goes on without it, and records nothing."""
    if "audit_log" in sa.inspect(op.get_bind()).get_table_names():
        return  # MySQL has committed it when this was ended before it had noted its version
    op.create_table(
        "audit_log",
        sa.Column("id", RowId, primary_key=True),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("act", sa.String(48), nullable=False),
        sa.Column("actor_id", RowId),
        sa.Column("account_id", RowId),
        sa.Column("address", sa.String(45)),
        sa.Column("request_id", sa.String(128)),
        sa.Column("details", sa.Text),
        sa.Index("audit_log_of_account", "account_id", "id"),
        sa.Index("audit_log_of_actor", "actor_id", "id"),
        sa.Index("audit_log_of_act", "act", "id"),
        **TABLE_OPTIONS,
    )


def downgrade() -> None:
    """Drop it, with every entry in it."""
    op.drop_table("audit_log")
