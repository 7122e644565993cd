"""What else people do with seats: rules of events, the queue of changes, holds, waiting lists, limits per user."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from shared.database.types import TABLE_OPTIONS, BinaryUuid, RowId, UtcDateTime

revision = "0004"
down_revision = "0003"

NOT_DUE, NOT_SETTLED = "-1", "9999-12-31 00:00:00.000000"

INDEXES = (
    ("events_idempotency", "events", ["created_by", "idempotency_key"], True),
    ("events_cancelled", "events", ["cancelled_at"], False),
    ("bookings_user", "bookings", ["user_id", "id"], False),
    ("changes_due", "changes", ["due_lane", "id"], False),
    ("changes_booking", "changes", ["booking_id"], False),
    ("changes_event", "changes", ["event_id", "done_at"], False),
    ("holds_due", "holds", ["lane", "expires_at"], False),
    ("waiting_fit", "waiting", ["event_id", "seats_min", "booking_id"], False),
)


def _columns() -> dict[str, list[sa.Column[Any]]]:
    return {
        "events": [
            sa.Column("has_rules", sa.Boolean(create_constraint=False), nullable=False, server_default="0"),
            sa.Column("seats_per_booking_max", sa.Integer),
            sa.Column("seats_per_user_max", sa.Integer),
            sa.Column("sales_open_at", UtcDateTime),
            sa.Column("sales_close_at", UtcDateTime),
            sa.Column("cancel_until", UtcDateTime),
            sa.Column("hold_seconds", sa.Integer),
            sa.Column("waitlist", sa.CHAR(6), nullable=False, server_default="off"),
            sa.Column("cancelled_at", UtcDateTime),
            sa.Column("created_by", RowId),
            sa.Column("idempotency_key", sa.String(255)),
            sa.Column("request_digest", sa.CHAR(32)),
        ],
        "stock": [
            sa.Column("waiting", sa.Integer, nullable=False, server_default="0"),
            sa.Column("waiting_max", sa.Integer, nullable=False, server_default="0"),
            sa.Column("is_waitlist_suspended", sa.Boolean(create_constraint=False), nullable=False, server_default="0"),
            sa.Column("promoted_to", BinaryUuid),
            sa.Column("is_cancelled", sa.Boolean(create_constraint=False), nullable=False, server_default="0"),
        ],
        "bookings": [sa.Column("decide_by", UtcDateTime), sa.Column("seats_min", sa.Integer)],
    }


def upgrade() -> None:
    """Apply. Bookings may go on meanwhile: MySQL adds columns at once and builds the indexes beside the writes.

    Each step is left out when it is there: MySQL commits every one, and a migration that was ended is begun again.
    """
    for table, columns in _columns().items():
        there = {column["name"] for column in sa.inspect(op.get_bind()).get_columns(table)}
        for column in columns:
            if column.name not in there:
                op.add_column(table, column)
    _create_tables()
    for name, table, indexed, unique in INDEXES:
        if name not in {index["name"] for index in sa.inspect(op.get_bind()).get_indexes(table)}:
            op.create_index(name, table, indexed, unique=unique)


def _create_tables() -> None:
    _create_changes()
    op.create_table(
        "holds",
        sa.Column("booking_id", BinaryUuid, primary_key=True),
        sa.Column("lane", sa.SmallInteger, nullable=False),
        sa.Column("expires_at", UtcDateTime, nullable=False),
        if_not_exists=True,
        **TABLE_OPTIONS,
        sqlite_with_rowid=False,
    )
    op.create_table(
        "waiting",
        sa.Column("event_id", RowId, primary_key=True, autoincrement=False),
        sa.Column("booking_id", BinaryUuid, primary_key=True),
        sa.Column("user_id", RowId, nullable=False),
        sa.Column("seats", sa.Integer, nullable=False),
        sa.Column("seats_min", sa.Integer, nullable=False),
        if_not_exists=True,
        **TABLE_OPTIONS,
        sqlite_with_rowid=False,
    )
    op.create_table(
        "user_seats",
        sa.Column("event_id", RowId, primary_key=True, autoincrement=False),
        sa.Column("user_id", RowId, primary_key=True, autoincrement=False),
        sa.Column("seats", sa.Integer, nullable=False),
        sa.CheckConstraint("seats >= 0", name="user_seats_bounds"),
        if_not_exists=True,
        **TABLE_OPTIONS,
    )


def _create_changes() -> None:
    op.create_table(
        "changes",
        sa.Column("id", BinaryUuid, primary_key=True),
        sa.Column("due_lane", sa.SmallInteger, nullable=False, server_default=NOT_DUE),
        sa.Column("kind", sa.CHAR(16), nullable=False),
        sa.Column("event_id", RowId, sa.ForeignKey("events.id"), nullable=False),
        sa.Column("booking_id", BinaryUuid),
        sa.Column("argument", sa.Integer),
        sa.Column("requested_by", RowId),
        sa.Column("idempotency_key", sa.String(255)),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.Column("outcome", sa.String(32)),
        sa.Column("detail", sa.Integer),
        sa.Column("done_at", UtcDateTime, nullable=False, server_default=NOT_SETTLED),
        sa.Column("step", sa.Integer),
        sa.Column("status_before", sa.String(12)),
        sa.Column("status_after", sa.String(12)),
        sa.Column("seats_before", sa.Integer),
        sa.Column("seats_after", sa.Integer),
        sa.Column("seats_taken", sa.Integer),
        sa.Column("progress", BinaryUuid),
        sa.UniqueConstraint("requested_by", "idempotency_key", name="changes_idempotency"),
        if_not_exists=True,
        **TABLE_OPTIONS,
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    """Take back. What was done with the new tables stays in bookings and stock."""
    for table in ("changes", "holds", "waiting", "user_seats"):
        op.drop_table(table)
    for name, table, _, _ in INDEXES:
        if table in _columns():
            op.drop_index(name, table)
    for table, columns in _columns().items():
        for column in reversed(columns):
            op.drop_column(table, str(column.name))
