"""Inserts that can be repeated: the ids of rows are made before, so what is stored already is known again.

A commit may be lost together with its answer, and a client sends again what it heard nothing of. So a row with the same
id is the same row, and one with the same user and Idempotency-Key is the earlier one.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar
from uuid import UUID

from sqlalchemy import Connection, and_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import InstrumentedAttribute

from booking_service.domain.errors import EventNotFound
from shared.errors import Problem

ATTEMPTS_EACH = 2

Key = tuple[int, str]  # a user, and the Idempotency-Key they sent
Identity = UUID | Key


class New(Protocol):
    """A row to store. What has no key is known again by its id alone."""

    @property
    def id(self) -> UUID:
        """What it is stored under: a UUIDv7, whose order is the order of the queue."""

    @property
    def key(self) -> Key | None:
        """By which a repetition is known again."""


NewRow = TypeVar("NewRow", bound=New)
State = TypeVar("State")
Answers = list[State | Problem]  # for each of a batch: what is stored now, or why nothing is


def identity(new: New) -> Identity:
    """Tell what makes a repetition of ``new`` the same."""
    return new.id if new.key is None else new.key


@dataclass(frozen=True, slots=True)
class Table(Generic[NewRow, State]):
    """One table: how its new rows are stored, found and compared."""

    insert: Callable[[Connection, list[NewRow]], dict[UUID, State]]  # all of them or, by an IntegrityError, not all
    # Answers a batch by what is stored in the place of each: itself, or what its key came with before.
    answers: Callable[[Connection, Sequence[NewRow], Answers[State]], Answers[State]]
    state: Callable[..., State]
    columns: Sequence[Any]  # the arguments of `state`
    id: InstrumentedAttribute[UUID]
    user_id: InstrumentedAttribute[Any]
    idempotency_key: InstrumentedAttribute[str | None]

    def store(self, connection: Connection, batch: Sequence[NewRow]) -> Answers[State]:
        """Store ``batch`` and answer it. EventNotFound where there is no such event."""
        leaders: dict[Key, NewRow] = {}
        # The first that has the key of each.
        firsts = [new if (key := new.key) is None else leaders.setdefault(key, new) for new in batch]
        stored = self._insert_all(connection, [new for new, first in zip(batch, firsts, strict=True) if new is first])
        return self.answers(connection, batch, [stored[first.id] for first in firsts])

    def find_by_key(self, connection: Connection, key: Key) -> State | None:
        """Return what was stored with ``key``."""
        user_id, idempotency_key = key
        row = connection.execute(
            select(*self.columns).where(self.user_id == user_id, self.idempotency_key == idempotency_key)
        ).one_or_none()
        return None if row is None else self.state(*row)

    def find(self, connection: Connection, batch: Sequence[NewRow]) -> dict[UUID, State]:
        """Find what is stored already of ``batch``, by id or by key; named by the ids in ``batch``."""
        keys = [new.key for new in batch if new.key is not None]
        # Two plain lists rather than pairs, which MariaDB does not look up in the index.
        same_key = and_(
            self.user_id.in_({user_id for user_id, _ in keys}),
            self.idempotency_key.in_({idempotency_key for _, idempotency_key in keys}),
        )
        found: dict[Identity, State] = {}
        columns = (self.id, self.user_id, self.idempotency_key, *self.columns)
        for condition in (self.id.in_([new.id for new in batch]), *([same_key] if keys else [])):
            for row_id, user_id, idempotency_key, *values in connection.execute(select(*columns).where(condition)):
                found[row_id] = state = self.state(*values)
                if idempotency_key is not None:
                    found[user_id, idempotency_key] = state
        matches = {new.id: found.get(new.id) or found.get(identity(new)) for new in batch}
        return {new_id: state for new_id, state in matches.items() if state is not None}

    def _insert_all(self, connection: Connection, batch: list[NewRow]) -> dict[UUID, State | Problem]:
        try:
            return dict(self._insert(connection, batch))
        except IntegrityError:
            # One bad row fails them all (never INSERT IGNORE, which hides it). Set aside what is stored already, try
            # the rest together, and only then one by one.
            stored: dict[UUID, State | Problem] = dict(self.find(connection, batch))
        rest = [new for new in batch if new.id not in stored]
        try:
            return stored | self._insert(connection, rest)
        except IntegrityError:
            return stored | {new.id: self._insert_one(connection, new) for new in rest}

    def _insert_one(self, connection: Connection, new: NewRow) -> State | Problem:
        for _ in range(ATTEMPTS_EACH):
            if found := self.find(connection, [new]):
                return found[new.id]
            try:
                return self.insert(connection, [new])[new.id]
            except IntegrityError:
                continue  # somebody else's equal key was committed meanwhile, or there is no such event
        return EventNotFound()

    def _insert(self, connection: Connection, batch: list[NewRow]) -> dict[UUID, State]:
        return self.insert(connection, batch) if batch else {}
