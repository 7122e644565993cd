"""Claims: who delivers a row now, and what came of it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, select, update

from shared.database.clock import database_now
from shared.outbox.rows import DELIVERED, DUE, FAILED, REPLY_LENGTH_MAX, Outbox


@dataclass(frozen=True, slots=True)
class Claim:
    """A row that is ours to deliver until its lease ends. ``id`` stays the same however often it is delivered."""

    id: UUID
    kind: str
    payload: str
    attempt: int  # 1 is the first
    created_at: datetime
    is_late: bool  # nobody wants it any more


def claim(connection: Connection, outbox: Outbox, lease: timedelta) -> Claim | None:
    """Take the row that has been due for longest, passing over those that others are taking; None when there is none.

    SQLite, which has no row locks, lets one transaction write at a time.
    """
    now = database_now(connection)
    oldest = (
        select(outbox.id, outbox.kind, outbox.payload, outbox.attempts, outbox.created_at, outbox.deliver_until)
        .where(outbox.due_at <= now)
        .order_by(outbox.due_at)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    row = connection.execute(oldest).one_or_none()
    if row is None:
        return None
    attempt = row.attempts + 1
    connection.execute(update(outbox).where(outbox.id == row.id).values(attempts=attempt, due_at=now + lease))
    is_late = row.deliver_until is not None and row.deliver_until <= now
    return Claim(row.id, row.kind, row.payload or "", attempt, row.created_at, is_late)


def deliver(connection: Connection, outbox: Outbox, claimed: Claim) -> None:
    """Note that it was delivered, whoever has claimed it since, and forget for whom it was."""
    values = {"state": DELIVERED, "payload": None, "reply": None, "due_at": None, "done_at": database_now(connection)}
    connection.execute(update(outbox).where(outbox.id == claimed.id, outbox.state == DUE).values(values))


def postpone(connection: Connection, outbox: Outbox, claimed: Claim, reply: str, pause: timedelta) -> None:
    """Make it due again after ``pause``, unless somebody else has claimed it since."""
    _leave(connection, outbox, claimed, reply, {"due_at": database_now(connection) + pause})


def fail(connection: Connection, outbox: Outbox, claimed: Claim, reply: str) -> None:
    """Give it up, unless somebody else has claimed it since. An operator may send it again."""
    values = {"state": FAILED, "due_at": None, "done_at": database_now(connection)}
    _leave(connection, outbox, claimed, reply, values)


def _leave(connection: Connection, outbox: Outbox, claimed: Claim, reply: str, values: dict[str, Any]) -> None:
    ours = (outbox.id == claimed.id, outbox.state == DUE, outbox.attempts == claimed.attempt)
    connection.execute(update(outbox).where(*ours).values({**values, "reply": reply[:REPLY_LENGTH_MAX]}))
