"""What settlement writes into a booking has the same size before and after: no NULL, no text of varying length."""

import sqlalchemy as sa
from alembic import op

from shared.database.types import TABLE_OPTIONS, BinaryUuid, RowId, UtcDateTime

revision = "0002"
down_revision = "0001"

NOT_DUE, NOT_SETTLED = "-1", "9999-12-31 00:00:00.000000"

# One statement, so that the table is copied once.
MYSQL = f"""
ALTER TABLE bookings
    MODIFY status CHAR(12) NOT NULL,
    MODIFY due_lane SMALLINT NOT NULL DEFAULT {NOT_DUE},
    MODIFY settled_at DATETIME(6) NOT NULL DEFAULT '{NOT_SETTLED}'
"""
MYSQL_BEFORE = """
ALTER TABLE bookings MODIFY status VARCHAR(12) NOT NULL, MODIFY due_lane SMALLINT, MODIFY settled_at DATETIME(6)
"""
COLUMNS = "id, event_id, user_id, seats, status, reason, due_lane, idempotency_key, created_at, settled_at"


def upgrade() -> None:
    """Apply. Stop the booking service and the workers first: those of before write NULL, and wait here."""
    on_sqlite = op.get_bind().dialect.name == "sqlite"
    if not on_sqlite:
        op.execute("LOCK TABLES bookings WRITE")  # nobody writes NULL again between these statements
    op.execute(f"UPDATE bookings SET due_lane = {NOT_DUE} WHERE due_lane IS NULL")  # noqa: S608  constants
    op.execute(f"UPDATE bookings SET settled_at = '{NOT_SETTLED}' WHERE settled_at IS NULL")  # noqa: S608  constants
    if on_sqlite:
        _replace_table(
            sa.Column("status", sa.CHAR(12), nullable=False),
            sa.Column("due_lane", sa.SmallInteger, nullable=False, server_default=NOT_DUE),
            sa.Column("settled_at", UtcDateTime, nullable=False, server_default=NOT_SETTLED),
        )
    else:
        op.execute(MYSQL)
        op.execute("UNLOCK TABLES")


def downgrade() -> None:
    """Take back."""
    if op.get_bind().dialect.name == "sqlite":
        _replace_table(
            sa.Column("status", sa.String(12), nullable=False),
            sa.Column("due_lane", sa.SmallInteger),
            sa.Column("settled_at", UtcDateTime),
        )
    else:
        op.execute(MYSQL_BEFORE)
    op.execute(f"UPDATE bookings SET due_lane = NULL WHERE due_lane = {NOT_DUE}")  # noqa: S608  constants
    op.execute(f"UPDATE bookings SET settled_at = NULL WHERE settled_at = '{NOT_SETTLED}'")  # noqa: S608  constants


def _replace_table(status: sa.Column[str], due_lane: sa.Column[int], settled_at: sa.Column[object]) -> None:
    """Make the table anew, which is how SQLite changes a column (sqlite.org, "ALTER TABLE", section 7)."""
    op.rename_table("bookings", "bookings_before")
    for index in ("bookings_due", "bookings_event"):
        op.drop_index(index)
    op.create_table(
        "bookings",
        sa.Column("id", BinaryUuid, primary_key=True),
        sa.Column("event_id", RowId, sa.ForeignKey("events.id"), nullable=False),
        sa.Column("user_id", RowId, nullable=False),
        sa.Column("seats", sa.Integer, nullable=False),
        status,
        sa.Column("reason", sa.String(32)),
        due_lane,
        sa.Column("idempotency_key", sa.String(255)),
        sa.Column("created_at", UtcDateTime, nullable=False),
        settled_at,
        sa.CheckConstraint("seats > 0", name="bookings_seats"),
        sa.UniqueConstraint("user_id", "idempotency_key", name="bookings_idempotency"),
        sa.Index("bookings_due", "due_lane", "id"),
        sa.Index("bookings_event", "event_id"),
        **TABLE_OPTIONS,
        sqlite_with_rowid=False,
    )
    op.execute(f"INSERT INTO bookings ({COLUMNS}) SELECT {COLUMNS} FROM bookings_before")  # noqa: S608  constants
    op.drop_table("bookings_before")
