"""The columns of an outbox, and how operators look at them. Each service has a table of its own, with these columns.

A row is due while it has a `due_at`. Whoever delivers it moves that into the future first, which is its lease: if
nothing is heard of the delivery by then, the row is due again. All moments are those of the database's clock.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Index, String, Text, delete, or_, select, update
from sqlalchemy.orm import Mapped, mapped_column
from uuid_utils.compat import uuid7

from shared.database.clock import database_now
from shared.database.types import BinaryUuid, UtcDateTime

KIND_LENGTH_MAX: Final = 32
STATE_LENGTH_MAX: Final = 16
REPLY_LENGTH_MAX: Final = 500  # of what a receiver said; the rest is cut

DUE: Final = "due"
DELIVERED: Final = "delivered"
FAILED: Final = "failed"  # for good, or until an operator sends it again
VOID: Final = "void"  # never to be delivered: written so that whoever waits cannot tell
STATES: Final = (DUE, DELIVERED, FAILED, VOID)

DONE_KEPT: Final = timedelta(days=7)
FAILED_KEPT: Final = timedelta(days=30)
FORGOTTEN_AT_ONCE: Final = 1_000  # rows


class OutboxRow:
    """The columns. A table that has them needs the indexes of `indexes` too."""

    id: Mapped[UUID] = mapped_column(BinaryUuid, primary_key=True)
    kind: Mapped[str] = mapped_column(String(KIND_LENGTH_MAX))
    state: Mapped[str] = mapped_column(String(STATE_LENGTH_MAX))
    attempts: Mapped[int] = mapped_column()
    # JSON, the sender's own. It names people, so it is gone once it is delivered.
    payload: Mapped[str | None] = mapped_column(Text)
    reply: Mapped[str | None] = mapped_column(String(REPLY_LENGTH_MAX))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime())
    due_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    deliver_until: Mapped[datetime | None] = mapped_column(UtcDateTime())  # later than this it is of no use
    done_at: Mapped[datetime | None] = mapped_column(UtcDateTime())


Outbox = type[OutboxRow]


def indexes(table: str) -> tuple[Index, Index]:
    """Return what claims and `forget` look rows up by."""
    return Index(f"{table}_due", "due_at"), Index(f"{table}_done", "done_at")


def new_row(kind: str, payload: str, now: datetime, deliver_until: datetime | None = None) -> dict[str, Any]:
    """Return the values of a row that is due at ``now``, for an insert."""
    return {
        "id": uuid7(),
        "kind": kind,
        "state": DUE,
        "attempts": 0,
        "payload": payload,
        "created_at": now,
        "due_at": now,
        "deliver_until": deliver_until,
        "done_at": None,
    }


def new_void_row(kind: str, payload: str, now: datetime) -> dict[str, Any]:
    """Return the values of a row that takes as long to write as one that is due, and is never delivered."""
    return {**new_row(kind, payload, now), "state": VOID, "due_at": None, "done_at": now}


@dataclass(frozen=True, slots=True)
class Entry:
    """What an operator sees of a row."""

    id: UUID
    kind: str
    state: str
    attempts: int
    payload: str | None
    reply: str | None
    created_at: datetime
    due_at: datetime | None


def entries(connection: Connection, outbox: Outbox, state: str, limit: int) -> list[Entry]:
    """List the oldest ``limit`` rows in ``state``."""
    columns = [getattr(outbox, name) for name in Entry.__slots__]
    rows = connection.execute(select(*columns).where(outbox.state == state).order_by(outbox.id).limit(limit))
    return [Entry(*row) for row in rows]


def resend(connection: Connection, outbox: Outbox, ids: Sequence[UUID] | None) -> list[UUID]:
    """Make failed rows due again, all of them when ``ids`` is None; return those that were, the oldest first.

    What came too late stays as it is.
    """
    now = database_now(connection)
    wanted: list[ColumnElement[bool]] = [
        outbox.state == FAILED,
        outbox.payload.is_not(None),
        or_(outbox.deliver_until.is_(None), outbox.deliver_until > now),
    ]
    if ids is not None:
        wanted.append(outbox.id.in_(ids))
    found = list(connection.scalars(select(outbox.id).where(*wanted).order_by(outbox.id).with_for_update()))
    if found:
        again = {"state": DUE, "attempts": 0, "due_at": now, "done_at": None}
        connection.execute(update(outbox).where(outbox.id.in_(found)).values(again))
    return found


def is_overdue(connection: Connection, outbox: Outbox, age: timedelta) -> bool:
    """Tell whether something has been due for longer than ``age`` and nobody took it."""
    late = select(outbox.id).where(outbox.due_at < database_now(connection) - age).limit(1)
    return connection.scalar(late) is not None


def forget(connection: Connection, outbox: Outbox) -> int:
    """Delete rows that were done long ago, at most FORGOTTEN_AT_ONCE; return how many."""
    now = database_now(connection)
    old = or_(outbox.done_at < now - FAILED_KEPT, (outbox.done_at < now - DONE_KEPT) & (outbox.state != FAILED))
    # MySQL deletes from no table that the same statement selects from; `done_at` first, for the index.
    found = connection.scalars(select(outbox.id).where(outbox.done_at < now - DONE_KEPT, old).limit(FORGOTTEN_AT_ONCE))
    ids = list(found)
    if ids:
        connection.execute(delete(outbox).where(outbox.id.in_(ids)))
    return len(ids)
