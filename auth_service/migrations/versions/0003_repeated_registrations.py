"""A registration may be repeated: the Idempotency-Key of the request that made an account stays with it."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Apply. Stop nothing: a service of before goes on without the column, and its accounts have no key."""
    # MySQL has committed the column when a migration is ended before it has noted its version.
    if "idempotency_key" not in {column["name"] for column in sa.inspect(op.get_bind()).get_columns("users")}:
        op.add_column("users", sa.Column("idempotency_key", sa.String(255)))


def downgrade() -> None:
    """Take back; registrations are no longer repeated."""
    op.drop_column("users", "idempotency_key")
