"""The tables of the booking database.

What an event is (`events`) and how many seats are left (`stock`) are apart: a new booking's foreign-key check takes a
shared lock on its event, and must never wait for settlement, which writes stock alone.
"""

from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from sqlalchemy import (
    CHAR,
    Boolean,
    CheckConstraint,
    ForeignKey,
    Index,
    Integer,
    SmallInteger,
    String,
    UniqueConstraint,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from shared.database.types import IDEMPOTENCY_KEY_LENGTH_MAX, TABLE_OPTIONS, BinaryUuid, NoneAs, RowId, UtcDateTime

VERSION_TABLE: Final = "booking_alembic_version"
NAME_LENGTH_MAX: Final = 200
REQUEST_DIGEST_LENGTH: Final = 32
INSTALLATION_LENGTH_MAX: Final = 12

# What a booking is. It moves along these arrows only, and never back:
#   pending → confirmed | held | waitlisted | rejected | cancelled
#   held → confirmed | expired | cancelled
#   waitlisted → confirmed | held | cancelled
#   confirmed → cancelled
PENDING: Final = "pending"
HELD: Final = "held"
WAITLISTED: Final = "waitlisted"
CONFIRMED: Final = "confirmed"
REJECTED: Final = "rejected"
CANCELLED: Final = "cancelled"
EXPIRED: Final = "expired"
STATUSES: Final = (PENDING, HELD, WAITLISTED, CONFIRMED, REJECTED, CANCELLED, EXPIRED)
SEAT_TAKING: Final = (CONFIRMED, HELD)
ACTIVE: Final = (PENDING, HELD, WAITLISTED, CONFIRMED)  # those that can still be cancelled
COUNTED: Final = (CONFIRMED, HELD, WAITLISTED)  # those whose seats count against a user's limit

# Why a booking is rejected, or cancelled by nobody who owns it.
SOLD_OUT: Final = "sold_out"
SALES_CLOSED: Final = "sales_closed"
SALES_NOT_OPEN: Final = "sales_not_open"
BOOKING_LIMIT: Final = "booking_limit"
USER_LIMIT: Final = "user_limit"
WAITLIST_FULL: Final = "waitlist_full"
TOO_LATE: Final = "too_late"
EVENT_CANCELLED: Final = "event_cancelled"

# Who may go first when seats are free and several wait.
OFF: Final = "off"  # nobody waits: what does not fit is rejected
STRICT: Final = "strict"  # in order: nobody overtakes
FIT: Final = "fit"  # the first that fits

# What a change does. The last three are never asked for: settlement writes them, for itself and for the ledger.
CANCEL_BOOKING: Final = "cancel_booking"
CONFIRM_HOLD: Final = "confirm_hold"
SET_SEATS: Final = "set_seats"
SET_CAPACITY: Final = "set_capacity"
SUSPEND_WAITLIST: Final = "suspend_waitlist"
RESUME_WAITLIST: Final = "resume_waitlist"
CANCEL_EVENT: Final = "cancel_event"
PROMOTE: Final = "promote"  # the rest of a promotion that was too long for one batch, or one booking promoted
EXPIRE_HOLD: Final = "expire_hold"

# What came of a change besides DONE and the reasons above.
DONE: Final = "done"
NOT_ACTIVE: Final = "not_active"  # the booking is over
NOT_HELD: Final = "not_held"  # there is nothing to confirm
NOT_UNDERSTOOD: Final = "not_understood"  # by the worker that met it, which is older than who asked
HOLD_EXPIRED: Final = "hold_expired"
CAPACITY_TAKEN: Final = "capacity_taken"  # fewer than are held and confirmed; `detail` says how many that is

# Stored where there is no lane or no moment: see Booking.
NOT_DUE: Final = -1
NOT_SETTLED: Final = datetime(9999, 12, 31, tzinfo=UTC)


class Base(DeclarativeBase):
    """The metadata that migrations are compared with."""


class Event(Base):
    """What is sold, and by which rules. Read by everyone, referred to by bookings, never locked by settlement."""

    __tablename__ = "events"
    __table_args__ = (
        Index("events_idempotency", "created_by", "idempotency_key", unique=True),
        Index("events_cancelled", "cancelled_at"),
        TABLE_OPTIONS,
    )

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    name: Mapped[str] = mapped_column(String(NAME_LENGTH_MAX))
    venue: Mapped[str] = mapped_column(String(NAME_LENGTH_MAX))
    starts_at: Mapped[datetime] = mapped_column(UtcDateTime)
    lane: Mapped[int] = mapped_column(SmallInteger)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    # Whether anything below is set: settlement asks for the rest of an event's rules only then.
    has_rules: Mapped[bool] = mapped_column(Boolean(create_constraint=False), server_default="0")
    seats_per_booking_max: Mapped[int | None] = mapped_column(Integer)
    seats_per_user_max: Mapped[int | None] = mapped_column(Integer)
    sales_open_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    sales_close_at: Mapped[datetime | None] = mapped_column(UtcDateTime)  # None: when it begins
    cancel_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    hold_seconds: Mapped[int | None] = mapped_column(Integer)
    waitlist: Mapped[str] = mapped_column(CHAR(6), server_default=OFF)
    # When its cancellation was asked for: written by the API, together with the change, and closes the door at once.
    cancelled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    created_by: Mapped[int | None] = mapped_column(RowId)
    idempotency_key: Mapped[str | None] = mapped_column(String(IDEMPOTENCY_KEY_LENGTH_MAX))
    # Of the request that had the key: what is asked for stays comparable when capacity or name have changed since.
    request_digest: Mapped[str | None] = mapped_column(CHAR(REQUEST_DIGEST_LENGTH))


class Stock(Base):
    """How many seats an event has and how many are left. Written by whoever holds the lane's lock, by nobody else."""

    __tablename__ = "stock"
    __table_args__ = (CheckConstraint("available >= 0 AND available <= capacity", name="stock_bounds"), TABLE_OPTIONS)

    event_id: Mapped[int] = mapped_column(RowId, ForeignKey("events.id"), primary_key=True, autoincrement=False)
    capacity: Mapped[int] = mapped_column(Integer)
    available: Mapped[int] = mapped_column(Integer)
    waiting: Mapped[int] = mapped_column(Integer, server_default="0")  # bookings on the waiting list
    waiting_max: Mapped[int] = mapped_column(Integer, server_default="0")  # 0 without a list
    is_waitlist_suspended: Mapped[bool] = mapped_column(Boolean(create_constraint=False), server_default="0")
    # The last id that got seats while others waited: those before it were passed over.
    promoted_to: Mapped[UUID | None] = mapped_column(BinaryUuid)
    is_cancelled: Mapped[bool] = mapped_column(Boolean(create_constraint=False), server_default="0")  # to the last one


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
        Index("bookings_user", "user_id", "id"),
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
    # What careful clients ask for. Mostly NULL, which takes no room in a row.
    decide_by: Mapped[datetime | None] = mapped_column(UtcDateTime)
    seats_min: Mapped[int | None] = mapped_column(Integer)


class Change(Base):
    """A rare act upon what is there: its place in the lane's second queue, and what came of it.

    Inserted by the API; those that nobody asked for (a hold's end, a promotion) by settlement. Once done it is what the
    story of a booking and the ledger of an event are read from.
    """

    __tablename__ = "changes"
    __table_args__ = (
        UniqueConstraint("requested_by", "idempotency_key", name="changes_idempotency"),
        Index("changes_due", "due_lane", "id"),
        Index("changes_booking", "booking_id"),
        Index("changes_event", "event_id", "done_at"),
        TABLE_OPTIONS | {"sqlite_with_rowid": False},
    )

    id: Mapped[UUID] = mapped_column(BinaryUuid, primary_key=True)
    due_lane: Mapped[int | None] = mapped_column(
        NoneAs(SmallInteger(), NOT_DUE), nullable=False, server_default=str(NOT_DUE)
    )
    kind: Mapped[str] = mapped_column(CHAR(16))
    event_id: Mapped[int] = mapped_column(RowId, ForeignKey("events.id"))
    booking_id: Mapped[UUID | None] = mapped_column(BinaryUuid)
    # Seats, or capacity; for a cancellation 1 when `cancel_until` does not count for who asked.
    argument: Mapped[int | None] = mapped_column(Integer)
    requested_by: Mapped[int | None] = mapped_column(RowId)
    idempotency_key: Mapped[str | None] = mapped_column(String(IDEMPOTENCY_KEY_LENGTH_MAX))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    outcome: Mapped[str | None] = mapped_column(String(32))
    detail: Mapped[int | None] = mapped_column(Integer)  # the number that a refusal names
    done_at: Mapped[datetime | None] = mapped_column(
        NoneAs(UtcDateTime(), NOT_SETTLED), nullable=False, server_default=f"{NOT_SETTLED:%Y-%m-%d %H:%M:%S.%f}"
    )
    step: Mapped[int | None] = mapped_column(Integer)  # its place among all that was done at `done_at`
    status_before: Mapped[str | None] = mapped_column(String(12))
    status_after: Mapped[str | None] = mapped_column(String(12))
    seats_before: Mapped[int | None] = mapped_column(Integer)  # of the booking; of a capacity, that
    seats_after: Mapped[int | None] = mapped_column(Integer)
    seats_taken: Mapped[int | None] = mapped_column(Integer)  # what the event lost by it; below 0 when it got some back
    progress: Mapped[UUID | None] = mapped_column(BinaryUuid)  # the last booking that a cancelled event has dealt with


class Hold(Base):
    """Seats that are kept for a booking until somebody confirms it, or until `expires_at` by the database's clock."""

    __tablename__ = "holds"
    __table_args__ = (Index("holds_due", "lane", "expires_at"), TABLE_OPTIONS | {"sqlite_with_rowid": False})

    booking_id: Mapped[UUID] = mapped_column(BinaryUuid, primary_key=True)
    lane: Mapped[int] = mapped_column(SmallInteger)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Waiting(Base):
    """A place on an event's waiting list; the order is that of the bookings' ids."""

    __tablename__ = "waiting"
    __table_args__ = (
        Index("waiting_fit", "event_id", "seats_min", "booking_id"),
        TABLE_OPTIONS | {"sqlite_with_rowid": False},
    )

    event_id: Mapped[int] = mapped_column(RowId, primary_key=True, autoincrement=False)
    booking_id: Mapped[UUID] = mapped_column(BinaryUuid, primary_key=True)
    user_id: Mapped[int] = mapped_column(RowId)
    seats: Mapped[int] = mapped_column(Integer)
    seats_min: Mapped[int] = mapped_column(Integer)  # as many as that will do


class UserSeats(Base):
    """How many seats a user has of an event with a limit per user: confirmed, held or waited for."""

    __tablename__ = "user_seats"
    __table_args__ = (CheckConstraint("seats >= 0", name="user_seats_bounds"), TABLE_OPTIONS)

    event_id: Mapped[int] = mapped_column(RowId, primary_key=True, autoincrement=False)
    user_id: Mapped[int] = mapped_column(RowId, primary_key=True, autoincrement=False)
    seats: Mapped[int] = mapped_column(Integer)
