"""Whatever people ask for, in whatever order and batches: the real domain, beside a box office on paper.

After every batch every promise of the audit holds, and both agree on each booking, seat, place and answer.
"""

import os
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test
from sqlalchemy import Connection, Select, delete, select, update

from booking_service.domain import catalogue
from booking_service.domain.audit import audit
from booking_service.domain.bookings.ids import new_id
from booking_service.domain.bookings.intake import ANY_TERMS, NewBooking, Terms
from booking_service.domain.catalogue import NewEvent
from booking_service.domain.changes.intake import NewChange, request
from booking_service.domain.changes.lookup import ChangeState
from booking_service.domain.models import Booking, Change, Event, Hold, Lane, Stock, UserSeats, Waiting
from booking_service.domain.rules import GivenRules
from booking_service.domain.seats import queues
from booking_service.domain.seats.lanes import lanes_due
from booking_service.domain.seats.settlement import settle_batch
from shared.database.units import Database
from tests.fixtures.bookings import STARTS_AT, accept
from tests.fixtures.box import Box, Show, Ticket, Wish
from tests.fixtures.servers import SQLITE

LANES = 2
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
PICK = st.integers(0, 10**6)
SEATS = st.integers(1, 4)
EXAMPLES = int(os.environ.get("SEATS_EXAMPLES", "60"))
EXAMPLES_ON_A_SERVER = 10
STEPS = 40
BATCHES_MAX = 500
MOST_AT_THE_END = 7
WITH_A_NUMBER = ("cancel_booking", "set_seats", "set_capacity")
SHOWS = st.lists(
    st.fixed_dictionaries(
        {
            "capacity": st.integers(0, 8),
            "waitlist": st.sampled_from(["off", "strict", "fit", "strict", "fit"]),
            "waitlist_max": st.sampled_from([1, 3, 100]),
            "seats_per_user_max": st.sampled_from([None, 3, 5]),
            "seats_per_booking_max": st.sampled_from([None, 3]),
            "has_holds": st.booleans(),
            "no_refunds": st.booleans(),
        }
    ),
    min_size=1,
    max_size=3,
)


class Seats(RuleBasedStateMachine):
    """What people and organizers do, each to the real domain and to the box."""

    database: Database

    @initialize(shows=SHOWS)
    def open(self, shows: list[dict[str, object]]) -> None:
        self.database.write(empty, repeat_lost=False)
        self.box = Box()
        for show in shows:
            self._open(**show)  # type: ignore[arg-type]  # as SHOWS has them

    def _open(  # noqa: PLR0913  the rules that there are
        self,
        capacity: int,
        waitlist: str,
        waitlist_max: int,
        seats_per_user_max: int | None,
        seats_per_booking_max: int | None,
        *,
        has_holds: bool,
        no_refunds: bool,
    ) -> None:
        rules = GivenRules(
            seats_per_booking_max,
            seats_per_user_max,
            cancel_until=LONG_AGO if no_refunds else None,
            hold_seconds=3_600 if has_holds else None,
            waitlist=waitlist,
            waitlist_max=None if waitlist == "off" else waitlist_max,
        )
        new = NewEvent("E", "V", STARTS_AT, capacity, rules)
        create = partial(catalogue.create_event, new=new, lanes=LANES, now=datetime.now(UTC))
        event = self.database.write(create, repeat_lost=False)
        show = Show(event.id, event.lane, capacity, waitlist, waitlist_max, holds=has_holds, no_refunds=no_refunds)
        show.per_booking, show.per_user = seats_per_booking_max or show.per_booking, seats_per_user_max or show.per_user
        self.box.shows.append(show)

    @rule(which=PICK, seats=SEATS, user=st.integers(1, 3), at_least=SEATS | st.none(), is_late=st.integers(0, 9))
    def book(self, which: int, seats: int, user: int, at_least: int | None, is_late: int) -> None:
        show = self.box.shows[which % len(self.box.shows)]
        if show.order == "off":
            at_least = None  # the door refuses it where nobody waits
        terms = Terms(at_least, timedelta(0)) if is_late == 0 else Terms(at_least) if at_least else ANY_TERMS
        new = NewBooking(new_id(), show.id, user, seats, show.lane, None, datetime.now(UTC), terms)
        accept(self.database, new)
        show.tickets.append(Ticket(new.id.bytes, show, user, seats, at_least, is_late=is_late == 0))

    @precondition(lambda self: self.box.tickets)
    @rule(which=PICK, kind=st.sampled_from(["cancel_booking", "confirm_hold", "set_seats"]), seats=SEATS)
    def change_a_booking(self, which: int, kind: str, seats: int) -> None:
        ticket = self.box.tickets[which % len(self.box.tickets)]
        number = {"cancel_booking": seats % 2, "confirm_hold": 0, "set_seats": seats}[kind]
        self._ask(Wish(b"", kind, ticket.event, ticket, number))

    @rule(
        which=PICK,
        kind=st.sampled_from(["set_capacity", "set_capacity", "suspend_waitlist", "resume_waitlist"]),
        capacity=st.integers(0, 10),
    )
    def change_an_event(self, which: int, kind: str, capacity: int) -> None:
        show = self.box.shows[which % len(self.box.shows)]
        self._ask(Wish(b"", kind, show, number=capacity if kind == "set_capacity" else 0))

    @precondition(lambda self: len(self.box.tickets) > 4)  # seldom at the beginning, after which little happens
    @rule(which=PICK)
    def call_an_event_off(self, which: int) -> None:
        show = self.box.shows[which % len(self.box.shows)]
        if not show.called_off:
            self._ask(Wish(b"", "cancel_event", show))
            show.called_off = True

    @precondition(lambda self: any(t.status == "held" and t.ended is None for t in self.box.tickets))
    @rule(which=PICK)
    def let_time_pass(self, which: int) -> None:
        held = [t for t in self.box.tickets if t.status == "held" and t.ended is None]
        ticket = held[which % len(held)]
        ticket.ended = next(self.box.endings)
        ended_at = LONG_AGO + timedelta(seconds=ticket.ended)
        end = update(Hold).where(Hold.booking_id == UUID(bytes=ticket.id)).values(expires_at=ended_at)
        self.database.write(lambda c: c.execute(end), repeat_lost=False)

    @rule(lanes=st.sampled_from([[0], [1], [0, 1]]), most=st.sampled_from([1, 2, 100]))
    def settle(self, lanes: list[int], most: int) -> None:
        self._settle(lanes, most)
        self.compare()

    def teardown(self) -> None:
        if not hasattr(self, "box"):
            return
        for _ in range(BATCHES_MAX):
            if not self._settle([0, 1], MOST_AT_THE_END):
                break
        self.compare()
        assert self.database.read(lambda c: lanes_due(c, [0, 1])) == []
        assert all(ticket.status != "pending" for ticket in self.box.tickets)
        assert all(wish.outcome is not None for wish in self.box.wishes)

    def compare(self) -> None:
        """Hold the database against the box, and against its own promises."""
        assert self.database.read(partial(audit, now=datetime.now(UTC), overdue=None)) == []
        rows = select(Booking.id, Booking.status, Booking.seats, Booking.reason)
        assert self._rows(rows) == {(UUID(bytes=t.id), t.status, t.wanted, t.reason) for t in self.box.tickets}
        asked = select(Change.id, Change.outcome).where(Change.requested_by.is_not(None))
        assert self._rows(asked) == {(UUID(bytes=wish.id), wish.outcome) for wish in self.box.wishes}
        columns = (Stock.event_id, Stock.capacity, Stock.available, Stock.waiting, Stock.is_waitlist_suspended)
        assert self._rows(select(*columns, Stock.is_cancelled)) == {
            (show.id, show.capacity, show.free, len(show.queue), show.suspended, show.is_over)
            for show in self.box.shows
        }

    def _settle(self, lanes: list[int], most: int) -> bool:
        there = self.database.read(lambda c: set(c.scalars(select(Lane.lane))))
        mine = [lane for lane in lanes if lane in there]
        if not mine:
            return False
        batch = self.database.write(partial(settle_batch, lanes=mine, batch_max=most), repeat_lost=True)
        self.box.work(lanes, most)
        return batch.has_more

    def _ask(self, wish: Wish) -> None:
        booking_id = None if wish.ticket is None else UUID(bytes=wish.ticket.id)
        argument = wish.number if wish.kind in WITH_A_NUMBER else None
        new = NewChange(
            new_id(), wish.kind, wish.show.id, booking_id, argument, wish.show.lane, 1, None, datetime.now(UTC)
        )
        (stored,) = self.database.write(partial(request, batch=[new]), repeat_lost=True)
        assert isinstance(stored, ChangeState)
        if stored.id == new.id:  # else the same was asked for already
            wish.id = new.id.bytes
            self.box.wishes.append(wish)

    def _rows(self, query: Select[*tuple[Any, ...]]) -> set[tuple[Any, ...]]:
        return {tuple(row) for row in self.database.read(lambda c: c.execute(query).all())}


class SeatsInSmallBatches(Seats):
    """With promotions that are mostly too many for one batch: whoever asks in between is answered otherwise."""

    def compare(self) -> None:
        """Hold the database against its own promises."""
        assert self.database.read(partial(audit, now=datetime.now(UTC), overdue=None)) == []


def empty(connection: Connection) -> None:
    for table in (UserSeats, Waiting, Hold, Change, Booking, Stock, Event, Lane):
        connection.execute(delete(table))


def run(machine: type[Seats], database: Database, kind: str) -> None:
    examples = EXAMPLES if kind == SQLITE else EXAMPLES_ON_A_SERVER
    bound = type(machine.__name__, (machine,), {"database": database})
    run_state_machine_as_test(
        bound,
        settings=settings(
            max_examples=examples,
            stateful_step_count=STEPS,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            # Without shrinking, which takes minutes on a database: what failed is printed as steps to take again.
            phases=[Phase.generate],
            print_blob=False,
        ),
    )


def test_whatever_happens_both_agree(booking_database: Database, database_kind: str) -> None:
    run(Seats, booking_database, database_kind)


def test_every_promise_holds_while_promotions_go_on(
    booking_database: Database, database_kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queues, "PROMOTIONS_MAX", 1)
    run(SeatsInSmallBatches, booking_database, database_kind)
