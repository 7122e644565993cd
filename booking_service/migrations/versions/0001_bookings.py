"""Events, stock, lanes and bookings."""

import sqlalchemy as sa
from alembic import op

from shared.database.types import TABLE_OPTIONS, BinaryUuid, RowId, UtcDateTime

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "events",
        sa.Column("id", RowId, primary_key=True),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("venue", sa.String(200), nullable=False),
        sa.Column("starts_at", UtcDateTime, nullable=False),
        sa.Column("lane", sa.SmallInteger, nullable=False),
        sa.Column("created_at", UtcDateTime, nullable=False),
        **TABLE_OPTIONS,
    )
    op.create_table(
        "stock",
        sa.Column("event_id", RowId, sa.ForeignKey("events.id"), primary_key=True, autoincrement=False),
        sa.Column("capacity", sa.Integer, nullable=False),
        sa.Column("available", sa.Integer, nullable=False),
        sa.CheckConstraint("available >= 0 AND available <= capacity", name="stock_bounds"),
        **TABLE_OPTIONS,
    )
    op.create_table(
        "lanes",
        sa.Column("lane", sa.SmallInteger, primary_key=True, autoincrement=False),
        **TABLE_OPTIONS,
    )
    op.create_table(
        "bookings",
        sa.Column("id", BinaryUuid, primary_key=True),
        sa.Column("event_id", RowId, sa.ForeignKey("events.id"), nullable=False),
        sa.Column("user_id", RowId, nullable=False),
        sa.Column("seats", sa.Integer, nullable=False),
        sa.Column("status", sa.String(12), nullable=False),
        sa.Column("reason", sa.String(32)),
        sa.Column("due_lane", sa.SmallInteger),
        sa.Column("idempotency_key", sa.String(255)),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.Column("settled_at", UtcDateTime),
        sa.CheckConstraint("seats > 0", name="bookings_seats"),
        sa.UniqueConstraint("user_id", "idempotency_key", name="bookings_idempotency"),
        sa.Index("bookings_due", "due_lane", "id"),
        sa.Index("bookings_event", "event_id"),
        **TABLE_OPTIONS,
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    """Take back."""
    for table in ("bookings", "lanes", "stock", "events"):
        op.drop_table(table)
