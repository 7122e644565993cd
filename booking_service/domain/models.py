"""The tables of the booking database.

What an event is (`events`) and how many seats are left (`stock`) are apart: a new booking's foreign-key check takes a
shared lock on its event, and must never wait for settlement, which writes stock alone.
"""

from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from sqlalchemy import CHAR, CheckConstraint, ForeignKey, Index, Integer, SmallInteger, String, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from shared.database.types import TABLE_OPTIONS, BinaryUuid, NoneAs, RowId, UtcDateTime

VERSION_TABLE: Final = "booking_alembic_version"
NAME_LENGTH_MAX: Final = 200
IDEMPOTENCY_KEY_LENGTH_MAX: Final = 255
INSTALLATION_LENGTH_MAX: Final = 12

PENDING: Final = "pending"
CONFIRMED: Final = "confirmed"
REJECTED: Final = "rejected"
# Bookings in these states hold seats. Waiting lists and cancellations will add theirs.
SEAT_TAKING: Final = (CONFIRMED,)

SOLD_OUT: Final = "sold_out"
SALES_CLOSED: Final = "sales_closed"

# Stored where there is no lane or no moment: see Booking.
NOT_DUE: Final = -1
NOT_SETTLED: Final = datetime(9999, 12, 31, tzinfo=UTC)


class Base(DeclarativeBase):
    """The metadata that migrations are compared with."""


class Event(Base):
    """What is sold. Read by everyone, referred to by bookings, never locked by settlement."""

    __tablename__ = "events"
    __table_args__ = (TABLE_OPTIONS,)

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    name: Mapped[str] = mapped_column(String(NAME_LENGTH_MAX))
    venue: Mapped[str] = mapped_column(String(NAME_LENGTH_MAX))
    starts_at: Mapped[datetime] = mapped_column(UtcDateTime)
    lane: Mapped[int] = mapped_column(SmallInteger)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Stock(Base):
    """How many seats an event has and how many are left. Written by whoever holds the lane's lock, by nobody else."""

    __tablename__ = "stock"
    __table_args__ = (CheckConstraint("available >= 0 AND available <= capacity", name="stock_bounds"), TABLE_OPTIONS)

    event_id: Mapped[int] = mapped_column(RowId, ForeignKey("events.id"), primary_key=True, autoincrement=False)
    capacity: Mapped[int] = mapped_column(Integer)
    available: Mapped[int] = mapped_column(Integer)


class Lane(Base):
    """A row to lock: who holds it may change the seats of the lane's events."""

    __tablename__ = "lanes"
    __table_args__ = (TABLE_OPTIONS,)

    lane: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)


class Installation(Base):
    """The one row that names this installation: see `domain/installation.py`."""

    __tablename__ = "installation"
    __table_args__ = (CheckConstraint("id = 1", name="installation_one"), TABLE_OPTIONS)

    id: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    name: Mapped[str] = mapped_column(CHAR(INSTALLATION_LENGTH_MAX))


class Booking(Base):
    """A request for seats, and what became of it. `due_lane` is its place in the queue, None once settled.

    What a confirmation writes has the same size before and after. Rows come in the order of their ids and fill each
    page to fifteen sixteenths: if a row grew when it is settled, it would be moved, and soon its page split.
    """

    __tablename__ = "bookings"
    __table_args__ = (
        CheckConstraint("seats > 0", name="bookings_seats"),
        UniqueConstraint("user_id", "idempotency_key", name="bookings_idempotency"),
        Index("bookings_due", "due_lane", "id"),
        Index("bookings_event", "event_id"),
        TABLE_OPTIONS | {"sqlite_with_rowid": False},
    )

    id: Mapped[UUID] = mapped_column(BinaryUuid, primary_key=True)
    event_id: Mapped[int] = mapped_column(RowId, ForeignKey("events.id"))
    user_id: Mapped[int] = mapped_column(RowId)
    seats: Mapped[int] = mapped_column(Integer)
    status: Mapped[str] = mapped_column(CHAR(12))
    reason: Mapped[str | None] = mapped_column(String(32))
    due_lane: Mapped[int | None] = mapped_column(
        NoneAs(SmallInteger(), NOT_DUE), nullable=False, server_default=str(NOT_DUE)
    )
    idempotency_key: Mapped[str | None] = mapped_column(String(IDEMPOTENCY_KEY_LENGTH_MAX))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    settled_at: Mapped[datetime | None] = mapped_column(
        NoneAs(UtcDateTime(), NOT_SETTLED), nullable=False, server_default=f"{NOT_SETTLED:%Y-%m-%d %H:%M:%S.%f}"
    )
