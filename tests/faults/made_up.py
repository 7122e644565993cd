"""Runs that never were, for the tests of the campaign's checker."""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from booking_service.domain.models import (
    CANCEL_BOOKING,
    CANCELLED,
    CONFIRM_HOLD,
    CONFIRMED,
    DONE,
    EXPIRE_HOLD,
    EXPIRED,
    PROMOTE,
    SEAT_TAKING,
    SET_CAPACITY,
    SET_SEATS,
)
from tests.faults.campaign.checker import judge
from tests.faults.campaign.history import BOOK, NO_BOOKING, POLL, Act, Answer, Asked, History
from tests.faults.campaign.stored import ChangeRow, EventRow, Row, Snapshot, Stored
from tests.faults.campaign.verdict import Verdict

EVENT, LANE, CAPACITY = 1, 3, 4
USER, OTHER_USER, KEYLESS_USER, ADMIN = 1, 2, 1_000_000, 999_999
START = 1_800_000_000.0
LEAVES = {CANCEL_BOOKING: CANCELLED, CONFIRM_HOLD: CONFIRMED}
DECIDED_SECONDS = 0.1  # after it was asked for


def uuid7_at(seconds: float, order: int = 0) -> str:
    """Make an id of this moment."""
    return str(UUID(int=(int(seconds * 1000) << 80) | (0x7 << 76) | (0b10 << 62) | order))


def taken(status: str | None, seats: int | None) -> int:
    """Count the seats that a booking takes."""
    return (seats or 0) if status in SEAT_TAKING else 0


@dataclass
class Run:
    """A run of bookings and changes, each asked, accepted and shown in good order, to be spoilt by a test.

    ``rules`` are the columns of the event. Bookings are told apart by their ids, for their rows become others.
    """

    history: History = field(default_factory=History)
    rows: list[Row] = field(default_factory=list)
    changes: list[ChangeRow] = field(default_factory=list)
    snapshots: list[Snapshot] = field(default_factory=list)
    capacity: int = CAPACITY
    rules: dict[str, Any] = field(default_factory=dict)
    clock: float = START

    def book(  # noqa: PLR0913  what a booking may be
        self,
        seats: int = 1,
        status: str = CONFIRMED,
        *,
        user: int = USER,
        settled: float | None = None,
        reason: str | None = None,
        given: int | None = None,
        seats_min: int | None = None,
    ) -> Row:
        """One booking from its first request to its decision; the next begins a second later."""
        number, at = len(self.history.asked), self.clock
        key = None if user == KEYLESS_USER else f"k{number}"
        settled_at = at + DECIDED_SECONDS if settled is None else settled
        if status == "rejected" and reason is None:
            reason = "sold_out"
        row = Row(uuid7_at(at + 0.01, number), EVENT, user, given or seats, status, key, settled_at, reason, seats_min)
        self.history.asked.append(Asked(number, user, key, EVENT, seats, at, seats_min))
        self.rows.append(row)
        self.answer(row, BOOK, at, 202, "pending", seats)
        self.answer(row, POLL, at + 0.03, 200, "pending", seats)
        self.answer(row, POLL, max(at, settled_at) + 0.1, 200, status)
        self.clock += 1
        return row

    def answer(  # noqa: PLR0913, PLR0917  what an answer may be
        self, row: Row, kind: str, began: float, status: int, state: str | None = None, seats: int | None = None
    ) -> None:
        """Answer a request about a booking."""
        booking_id = row.booking_id if state else None
        shown = (row.seats if seats is None else seats) if state else None
        self.history.answers.append(
            Answer(self._number(row), kind, began, began + 0.02, status, booking_id, state, shown)
        )

    def act(  # noqa: PLR0913  what a change may be
        self,
        row: Row,
        kind: str,
        *,
        seats: int | None = None,
        outcome: str = DONE,
        at: float | None = None,
        user: int | None = None,
    ) -> Row:
        """Have a booking cancelled, confirmed or given other ``seats``, or refused that; the next is a second later."""
        row = self._now(row)
        asker = user or (ADMIN if kind == CONFIRM_HOLD else row.user)
        argument = seats if kind == SET_SEATS else 0 if kind == CANCEL_BOOKING else None
        change = self._ask(kind, asker, row.booking_id, argument, at)
        if outcome == DONE:
            row = self._move(change, row, LEAVES.get(kind, row.status), row.seats if seats is None else seats)
            self._tell(self._number(row), kind, Answer(0, kind, 0, 0, 200, row.booking_id, row.status, row.seats))
        else:
            self.changes.append(change._replace(outcome=outcome))
            self._tell(self._number(row), kind, Answer(0, kind, 0, 0, 409, problem=outcome.replace("_", "-")))
        self.clock += 1
        return row

    def organize(self, kind: str, argument: int | None = None, outcome: str = DONE, *, freed: int = 0) -> ChangeRow:
        """Have the event changed, or refused that."""
        change = self._ask(kind, ADMIN, None, argument, None)._replace(outcome=outcome, seats_taken=-freed)
        if kind == SET_CAPACITY and argument is not None and outcome == DONE:
            more = argument - self.capacity
            change = change._replace(seats_before=self.capacity, seats_after=argument, seats_taken=-more)
            self.capacity = argument
        self.changes.append(change)
        refused = Answer(0, kind, 0, 0, 409, problem=outcome.replace("_", "-"))
        self._tell(NO_BOOKING, kind, Answer(0, kind, 0, 0, 200) if outcome == DONE else refused)
        self.clock += 1
        return change

    def promote(self, row: Row, status: str = CONFIRMED, *, seats: int | None = None) -> Row:
        """Promote a booking in the batch of the last change."""
        return self.note(PROMOTE, row, status, seats)

    def expire(self, row: Row, at: float | None = None) -> Row:
        """End a hold in a batch of its own."""
        self.clock += 1
        return self.note(EXPIRE_HOLD, row, EXPIRED, None, self.clock if at is None else at)

    def change(self, row: Row, **values: Any) -> None:  # noqa: ANN401  any column
        """Store something else of a booking."""
        self.rows[self.rows.index(row)] = row._replace(**values)

    def alter(self, index: int, **values: Any) -> None:  # noqa: ANN401  as above
        """Store something else of a change."""
        self.changes[index] = self.changes[index]._replace(**values)

    def judge(self) -> Verdict:
        """Have it judged, with all seats free that nobody has."""
        gone = sum(taken(row.status, row.seats) for row in self.rows)
        event = EventRow(EVENT, LANE, self.capacity, self.capacity - gone, **self.rules)
        return judge(self.history, Stored(self.rows, [event], self.changes), self.snapshots)

    def _ask(self, kind: str, user: int, booking_id: str | None, argument: int | None, at: float | None) -> ChangeRow:
        number, began = len(self.history.acts), self.clock
        key = f"a{number}"
        self.history.acts.append(Act(number, kind, user, key, EVENT, booking_id, argument, began))
        done_at = began + DECIDED_SECONDS if at is None else at
        return ChangeRow(
            uuid7_at(began + 0.01, number), kind, EVENT, booking_id, argument, user, key, DONE, done_at, step=0
        )

    def _tell(self, number: int, kind: str, answer: Answer) -> None:
        began = (self.changes[-1].done_at or 0) + 0.05
        act = self.history.acts[-1].number
        self.history.answers.append(answer._replace(number=number, kind=kind, began=began, ended=began + 0.02, act=act))

    def note(self, kind: str, row: Row, status: str, seats: int | None = None, at: float | None = None) -> Row:
        """Do with a booking what nobody asked for, in the batch of the last change or in one of its own."""
        last = self.changes[-1] if at is None else ChangeRow("", kind, EVENT, done_at=at, step=-1)
        number = 1000 + len(self.changes)
        change = ChangeRow(
            uuid7_at(last.done_at or 0, number),
            kind,
            EVENT,
            row.booking_id,
            outcome=DONE,
            done_at=last.done_at,
            step=(last.step or 0) + 1,
        )
        row = self._now(row)
        return self._move(change, row, status, row.seats if seats is None else seats)

    def _move(self, change: ChangeRow, row: Row, status: str, seats: int) -> Row:
        self.changes.append(
            change._replace(
                status_before=row.status,
                status_after=status,
                seats_before=row.seats,
                seats_after=seats,
                seats_taken=taken(status, seats) - taken(row.status, row.seats),
            )
        )
        moved = row._replace(status=status, seats=seats)
        self.rows[self.rows.index(row)] = moved
        return moved

    def _now(self, row: Row) -> Row:
        return next(stored for stored in self.rows if stored.booking_id == row.booking_id)

    def _number(self, row: Row) -> int:
        return next((a.number for a in self.history.asked if (a.user, a.key) == (row.user, row.key)), 0)
