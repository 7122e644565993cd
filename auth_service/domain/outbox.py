"""What is written to people: which letter, to whom, in which language, with which link. Its text is made as it leaves.

A letter has no text that somebody else chose, not even the name of its reader: anybody may register a stranger's
address under the name of an advertisement.
"""

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import Connection, insert

from auth_service.domain.models import Outbox
from shared.outbox.rows import new_row, new_void_row

# The letters.
VERIFICATION: Final = "verification"
PASSWORD_RESET: Final = "password_reset"  # noqa: S105  a letter, not a password
PASSWORD_CHANGED: Final = "password_changed"  # noqa: S105  as above


@dataclass(frozen=True, slots=True)
class Link:
    """Which token a letter carries. The token itself is made from ``token_id`` when the letter leaves."""

    token_id: UUID
    token_hash: bytes


@dataclass(frozen=True, slots=True)
class Letter:
    """A letter to be sent. ``lifetime_minutes`` says for how long its link is good."""

    kind: str
    address: str
    language: str
    link: Link | None = None
    lifetime_minutes: int = 0


def put(connection: Connection, letter: Letter, now: datetime, deliver_until: datetime | None = None) -> None:
    """Have ``letter`` sent once this transaction is committed, and not after ``deliver_until``."""
    connection.execute(insert(Outbox).values(new_row(letter.kind, _payload(letter), now, deliver_until)))


def pretend(connection: Connection, letter: Letter, now: datetime) -> None:
    """Do the same work as `put` for a letter that nobody gets, and keep nothing of the address."""
    # As long as the address was: a longer row would take longer.
    nobodys = _payload(
        Letter(letter.kind, "-" * len(letter.address), letter.language, letter.link, letter.lifetime_minutes)
    )
    connection.execute(insert(Outbox).values(new_void_row(letter.kind, nobodys, now)))


def letter_of(kind: str, payload: str) -> Letter:
    """Read a row of the outbox. Raises ValueError or LookupError for what `put` has not written."""
    values = json.loads(payload)
    link = values.pop("link")
    return Letter(
        kind, **values, link=Link(UUID(link["token_id"]), bytes.fromhex(link["token_hash"])) if link else None
    )


def _payload(letter: Letter) -> str:
    values = asdict(letter)
    del values["kind"]
    if letter.link is not None:
        values["link"] = {"token_id": str(letter.link.token_id), "token_hash": letter.link.token_hash.hex()}
    return json.dumps(values)
