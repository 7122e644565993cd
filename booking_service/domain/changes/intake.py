"""Intake of changes: those of a moment become one insert, and what is asked for already becomes no further row."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from uuid import UUID

from sqlalchemy import Connection, insert, select, update

from booking_service.domain.changes.lookup import COLUMNS, ChangeState, standing_of_bookings, standing_of_events
from booking_service.domain.models import CANCEL_BOOKING, CANCEL_EVENT, Change, Event
from booking_service.domain.repeatable import Answers, Key, Table
from shared.errors import IdempotencyKeyReused, Problem

# Once one of these is asked for, nothing that is asked for later makes asking again mean anything else.
FINAL = frozenset({CANCEL_BOOKING, CANCEL_EVENT})

Subject = tuple[int, UUID | None]  # an event, and the booking if it is about one


@dataclass(frozen=True, slots=True)
class NewChange:
    """A change to ask for. ``id`` is a UUIDv7: its order is the order of the queue, and its moment counts."""

    id: UUID
    kind: str
    event_id: int
    booking_id: UUID | None
    argument: int | None
    lane: int
    requested_by: int
    idempotency_key: str | None
    created_at: datetime

    @property
    def key(self) -> Key | None:
        """By which a repetition is known again."""
        return None if self.idempotency_key is None else (self.requested_by, self.idempotency_key)

    @property
    def subject(self) -> Subject:
        """What it is about."""
        return self.event_id, self.booking_id


def request(connection: Connection, batch: Sequence[NewChange]) -> list[ChangeState | Problem]:
    """Store ``batch`` as due and answer for each what is stored now, or why nothing is.

    Safe to repeat after a commit of unknown outcome: a row with the same id is the same change. A row with the same
    user and Idempotency-Key is answered in its place; when that asked for something else the answer is
    IdempotencyKeyReused. What is asked for already and not decided yet is answered by that. EventNotFound when there is
    no such event. The door of an event whose cancellation is stored closes in the same transaction.
    """
    _lock_events_to_cancel(connection, batch)
    keyed = [new for new in batch if new.key is not None]
    answers: dict[UUID, ChangeState | Problem] = {}
    if keyed:
        stored = _CHANGES.find(connection, keyed)
        answers = {new.id: _answer(new, stored[new.id]) for new in keyed if new.id in stored}
    asked = [new for new in batch if new.id not in answers]
    same = _asked_already(connection, asked)
    leading = [new for new in asked if new.id not in same]
    answers |= dict(zip((new.id for new in leading), _CHANGES.store(connection, leading), strict=True))
    _close_doors(connection, [new for new in leading if not isinstance(answers[new.id], Problem)])
    # What was asked for twice in this batch is answered as the first of them was.
    answers |= {new_id: answers.get(state.id, state) for new_id, state in same.items()}
    return [answers[new.id] for new in batch]


def part_keys(idempotency_key: str | None) -> tuple[str | None, str | None]:
    """Make a key for each of the two parts that a request may have; the key itself is that of the last part.

    No caller can send the other one: it begins with a blank.
    """
    if idempotency_key is None:
        return None, None
    return f" {sha256(idempotency_key.encode()).hexdigest()}", idempotency_key


def find_repeated(connection: Connection, parts: Sequence[NewChange]) -> list[ChangeState]:
    """Return what an earlier request with the key of this one asked for; nothing when there was none.

    ``parts`` are all that this one asks for. Raises IdempotencyKeyReused when the earlier one asked for something else.
    """
    user_id, keys = parts[0].requested_by, part_keys(parts[-1].idempotency_key)
    rows = connection.execute(select(*COLUMNS).where(Change.requested_by == user_id, Change.idempotency_key.in_(keys)))
    found = {state.idempotency_key: state for state in (ChangeState(*row) for row in rows)}
    if not found:
        return []
    if len(found) != len(parts):
        raise IdempotencyKeyReused
    for new in parts:
        if new.idempotency_key not in found or not _is_same(new, found[new.idempotency_key]):
            raise IdempotencyKeyReused
    return [found[new.idempotency_key] for new in parts]


def _asked_already(connection: Connection, batch: Sequence[NewChange]) -> dict[UUID, ChangeState]:
    """Find, for those of ``batch`` that ask for what is asked for already, the change that does."""
    standing = _standing(connection, batch)
    same = {}
    for new in batch:
        before = standing[new.subject]
        if equal := _equal(new, before):
            same[new.id] = equal
        elif new.key is None:
            before.append(_state(new))
        else:
            before.clear()  # whether it is stored its key will tell: whoever comes behind it is not answered by it
    return same


def _standing(connection: Connection, batch: Sequence[NewChange]) -> defaultdict[Subject, list[ChangeState]]:
    bookings = {new.booking_id for new in batch if new.booking_id is not None}
    events = {new.event_id for new in batch if new.booking_id is None}
    found = standing_of_bookings(connection, bookings) if bookings else []
    found += standing_of_events(connection, events) if events else []
    standing: defaultdict[Subject, list[ChangeState]] = defaultdict(list)
    for state in found:
        standing[state.event_id, state.booking_id].append(state)
    return standing


def _equal(new: NewChange, before: Sequence[ChangeState]) -> ChangeState | None:
    if new.kind in FINAL:
        return next((state for state in before if _is_same(new, state)), None)
    # Of the others the last alone: something else may have been asked for in between. And what has a key is stored all
    # the same, so that its repetition is known whatever is asked for until then.
    last = before[-1] if before and new.key is None else None
    return last if last is not None and last.is_due and _is_same(new, last) else None


def _is_same(new: NewChange, state: ChangeState) -> bool:
    asked = (state.kind, state.event_id, state.booking_id, state.argument)
    return asked == (new.kind, new.event_id, new.booking_id, new.argument)


def _answers(_connection: Connection, batch: Sequence[NewChange], stored: Answers[ChangeState]) -> Answers[ChangeState]:
    return [_answer(new, state) for new, state in zip(batch, stored, strict=True)]


def _answer(new: NewChange, stored: ChangeState | Problem) -> ChangeState | Problem:
    return stored if isinstance(stored, Problem) or _is_same(new, stored) else IdempotencyKeyReused()


def _state(new: NewChange) -> ChangeState:
    return ChangeState(
        id=new.id,
        due_lane=new.lane,
        kind=new.kind,
        event_id=new.event_id,
        booking_id=new.booking_id,
        argument=new.argument,
        requested_by=new.requested_by,
        idempotency_key=new.idempotency_key,
        created_at=new.created_at,
    )


def _insert(connection: Connection, batch: list[NewChange]) -> dict[UUID, ChangeState]:
    rows = [{"due_lane": new.lane} | {name: getattr(new, name) for name in _AS_ASKED} for new in batch]
    connection.execute(insert(Change), rows)
    return {new.id: _state(new) for new in batch}


_AS_ASKED = ("id", "kind", "event_id", "booking_id", "argument", "requested_by", "idempotency_key", "created_at")


def _events_to_cancel(batch: Sequence[NewChange]) -> dict[int, datetime]:
    return {new.event_id: new.created_at for new in batch if new.kind == CANCEL_EVENT}


def _lock_events_to_cancel(connection: Connection, batch: Sequence[NewChange]) -> None:
    # Before the insert, whose foreign key takes a shared lock: two who both have that would wait for each other. And
    # whoever comes second finds the change of the first.
    if events := _events_to_cancel(batch):
        connection.execute(select(Event.id).where(Event.id.in_(events)).order_by(Event.id).with_for_update())


def _close_doors(connection: Connection, stored: Sequence[NewChange]) -> None:
    for event_id, asked_at in _events_to_cancel(stored).items():
        open_event = (Event.id == event_id, Event.cancelled_at.is_(None))
        connection.execute(update(Event).where(*open_event).values(cancelled_at=asked_at, has_rules=True))


_CHANGES = Table(
    insert=_insert,
    answers=_answers,
    state=ChangeState,
    columns=COLUMNS,
    id=Change.id,
    user_id=Change.requested_by,
    idempotency_key=Change.idempotency_key,
)
