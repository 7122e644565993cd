"""The audit trail: what was done to accounts and sessions, by whom and from where. Rows are added, and never changed.

Nothing of a row is a secret: no password, no token, no address that somebody typed. Whoever is named is named by id.
"""

import json
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

from sqlalchemy import Connection, insert, select

from auth_service.domain.models import ADDRESS_LENGTH_MAX, USER_AGENT_LENGTH_MAX, AuditEntry


class Act(StrEnum):
    """What can be done that is recorded."""

    REGISTERED = "user.registered"
    LOGGED_IN = "session.began"
    LOGIN_FAILED = "login.failed"
    SESSION_ENDED = "session.ended"
    SESSIONS_ENDED = "sessions.ended"
    KEY_ROTATED = "key.rotated"
    KEY_RETIRED = "key.retired"
    ADDRESS_VERIFIED = "address.verified"
    PASSWORD_RESET_ASKED = "password.reset_asked"  # noqa: S105  an act
    PASSWORD_RESET = "password.reset"  # noqa: S105  an act
    TOKEN_REPLAYED = "session.token_replayed"  # noqa: S105  an act
    PASSWORD_REFUSED = "password.refused"  # noqa: S105  an act
    PASSWORD_CHANGED = "password.changed"  # noqa: S105  an act
    RENAMED = "user.renamed"
    ROLE_CHANGED = "user.role_changed"
    DISABLED = "user.disabled"
    ENABLED = "user.enabled"
    ERASED = "user.erased"


class Origin(NamedTuple):
    """Where a request came from."""

    address: str | None
    user_agent: str | None
    request_id: str | None = None

    def cut(self) -> "Origin":
        """Return as much of it as is stored."""
        address, user_agent, request_id = self
        cut = address and address[:ADDRESS_LENGTH_MAX], user_agent and user_agent[:USER_AGENT_LENGTH_MAX]
        return Origin(*cut, request_id)


COMMAND_LINE = Origin(None, None)


class By(NamedTuple):
    """Who does something, by what request and when; ``actor_id`` is None where nobody is logged in."""

    actor_id: int | None
    origin: Origin
    at: datetime

    def record(self, connection: Connection, act: Act, account_id: int | None, **details: object) -> None:
        """Add an entry, in the transaction of what it tells of: ``act`` was done to ``account_id``.

        Not safe to repeat: where a commit may have been lost, what is recorded must know itself again.
        """
        connection.execute(
            insert(AuditEntry).values(
                at=self.at,
                act=act,
                actor_id=self.actor_id,
                account_id=account_id,
                address=self.origin.cut().address,
                request_id=self.origin.request_id,
                details=json.dumps(details) if details else None,
            )
        )


class Recorded(NamedTuple):
    """An entry, as it is read."""

    id: int
    at: datetime
    act: str
    actor_id: int | None
    account_id: int | None
    address: str | None
    request_id: str | None
    details: dict[str, Any]


class Wanted(NamedTuple):
    """Which entries are asked for; None for any."""

    acts: Sequence[str] = ()
    actor_id: int | None = None
    account_id: int | None = None
    at_or_after: datetime | None = None
    before: datetime | None = None


COLUMNS = tuple(getattr(AuditEntry, name) for name in Recorded._fields)


def page(connection: Connection, wanted: Wanted, behind: int | None, count_max: int) -> list[Recorded]:
    """Return up to ``count_max`` entries, the newest first, from the one behind ``behind`` on."""
    query = select(*COLUMNS).order_by(AuditEntry.id.desc()).limit(count_max)
    if behind is not None:
        query = query.where(AuditEntry.id < behind)
    if wanted.acts:
        query = query.where(AuditEntry.act.in_(wanted.acts))
    if wanted.actor_id is not None:
        query = query.where(AuditEntry.actor_id == wanted.actor_id)
    if wanted.account_id is not None:
        query = query.where(AuditEntry.account_id == wanted.account_id)
    if wanted.at_or_after is not None:
        query = query.where(AuditEntry.at >= wanted.at_or_after)
    if wanted.before is not None:
        query = query.where(AuditEntry.at < wanted.before)
    rows = (row._asdict() for row in connection.execute(query))
    return [Recorded(**row | {"details": json.loads(row["details"] or "{}")}) for row in rows]
