"""Settlement on each database."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import UUID

import pytest
from sqlalchemy import Connection, update

from booking_service.domain.audit import audit
from booking_service.domain.bookings import lookup
from booking_service.domain.models import CANCEL_EVENT, Booking, Stock
from booking_service.domain.seats import settlement
from booking_service.domain.seats.decision import decide
from booking_service.domain.seats.lanes import lanes_due
from booking_service.domain.seats.settlement import Batch
from booking_service.domain.seats.situation import DueBooking, Situation
from booking_service.domain.seats.statements import SettlementConflictError
from booking_service.domain.seats.writing import write_decided
from shared.database.units import Database
from tests.fixtures.bookings import MakeEvent, accept, new_booking, seats_left, settle, states
from tests.fixtures.changes import change, request
from tests.fixtures.databases import statements_of
from tests.fixtures.settling import settle_all


def test_due_bookings_are_decided_in_order_and_seats_are_taken(
    booking_database: Database, make_event: MakeEvent
) -> None:
    event = make_event(5)
    batch = [new_booking(event, seats) for seats in (3, 4, 2, 1)]
    accept(booking_database, *batch)
    assert settle(booking_database, event) == 4
    assert states(booking_database, *batch) == ["confirmed", "rejected", "confirmed", "rejected"]
    assert seats_left(booking_database, event) == 0


def test_a_settled_booking_says_when_and_why(booking_database: Database, make_event: MakeEvent) -> None:
    event = make_event(1)
    won, lost = new_booking(event), new_booking(event)
    accept(booking_database, won, lost)
    settle(booking_database, event)
    found = booking_database.read(partial(lookup.find_bookings, ids=[won.id, lost.id]))
    assert [(found[b.id].reason, found[b.id].due_lane) for b in (won, lost)] == [(None, None), ("sold_out", None)]
    assert all(
        abs(datetime.now(UTC) - state.settled_at) < timedelta(minutes=1) for state in found.values() if state.settled_at
    )
    assert found[won.id].created_at == won.created_at


def test_what_was_asked_for_after_the_event_began_is_rejected(
    booking_database: Database, make_event: MakeEvent
) -> None:
    begins = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)
    events = [make_event(9, starts_at=begins), make_event(9, starts_at=begins), make_event(9), make_event(9)]
    events.sort(key=lambda event: event.lane)
    early = [new_booking(event) for event in events]
    moment = int(begins.timestamp() * 1_000).to_bytes(6)
    late = [
        replace(new_booking(event), id=UUID(bytes=moment + bytes(8) + bytes([0, n]))) for n, event in enumerate(events)
    ]
    accept(booking_database, *early, *late)
    for event in events:
        settle(booking_database, event)
    assert states(booking_database, *early) == ["confirmed"] * 4
    expected = ["rejected" if event.starts_at == begins else "confirmed" for event in events]
    assert states(booking_database, *late) == expected


def test_a_batch_takes_the_oldest_and_leaves_the_rest(booking_database: Database, make_event: MakeEvent) -> None:
    event = make_event(10)
    batch = [new_booking(event) for _ in range(5)]
    accept(booking_database, *batch)
    assert settle(booking_database, event, batch_max=2) == 2
    assert states(booking_database, *batch) == ["confirmed"] * 2 + ["pending"] * 3
    assert booking_database.read(partial(lanes_due, lanes=[event.lane])) == [event.lane]


def test_settling_an_empty_lane_changes_nothing(booking_database: Database, make_event: MakeEvent) -> None:
    event = make_event(1)
    assert settle(booking_database, event) == 0
    assert booking_database.read(partial(lanes_due, lanes=[event.lane])) == []


def test_many_events_of_a_lane_are_settled_together(booking_database: Database, make_event: MakeEvent) -> None:
    events = [make_event(2) for _ in range(40)]
    batch = [new_booking(event, 1 + n % 2) for n in range(3) for event in events]
    accept(booking_database, *batch)
    for event in events[:4]:  # one in each lane
        settle(booking_database, event)
    assert set(states(booking_database, *batch[:40])) == {"confirmed"}
    assert set(states(booking_database, *batch[40:80])) == {"rejected"}
    assert [seats_left(booking_database, event) for event in events] == [0] * 40


def test_many_lanes_are_settled_in_one_transaction(booking_database: Database, make_event: MakeEvent) -> None:
    events = [make_event(capacity) for capacity in (1, 2, 3, 9)]  # one in each lane
    batch = [new_booking(event, seats) for event in events for seats in (1, 2)]
    accept(booking_database, *batch)
    settle = partial(settlement.settle_batch, lanes=[e.lane for e in events], batch_max=99)
    settled = booking_database.write(settle, repeat_lost=True)
    assert settled == Batch(sorted(event.lane for event in events), 8)
    assert states(booking_database, *batch) == ["confirmed", "rejected"] * 2 + ["confirmed"] * 4
    assert [seats_left(booking_database, event) for event in events] == [0, 1, 0, 6]


def test_a_full_batch_names_the_lanes_that_it_did_not_reach(booking_database: Database, make_event: MakeEvent) -> None:
    events = sorted((make_event(9) for _ in range(4)), key=lambda event: event.lane)
    batch = [new_booking(event) for event in events for _ in range(2)]
    accept(booking_database, *batch)
    lanes = [event.lane for event in events]
    settle = partial(settlement.settle_batch, lanes=lanes, batch_max=3)
    assert booking_database.write(settle, repeat_lost=True) == Batch(lanes, 3, lanes[2:], has_more=True)
    assert states(booking_database, *batch) == ["confirmed"] * 3 + ["pending"] * 5


def test_a_settlement_is_six_statements_however_many_events_and_lanes_it_touches(
    booking_database: Database, make_event: MakeEvent
) -> None:
    events = [make_event(2) for _ in range(40)]
    accept(booking_database, *[new_booking(event, seats) for event in events for seats in (1, 1, 1)])
    lanes = sorted({event.lane for event in events})
    settle = partial(settlement.settle_batch, lanes=lanes, batch_max=999)
    statements: list[str] = []
    with statements_of(booking_database, statements):
        booking_database.write(settle, repeat_lost=True)
    assert [statement.lstrip("(").split()[0] for statement in statements] == (
        # The lanes and whether anything else is due; SQLite has no locks, and is asked for changes and holds.
        (["SELECT", "SELECT"] if booking_database.engine.dialect.name == "sqlite" else ["SELECT"])
        + ["SELECT", "SELECT", "UPDATE", "UPDATE", "UPDATE"]  # what is due, its stock; confirmed, rejected, stock
    )


def test_a_row_written_without_the_lock_stops_the_settlement(booking_database: Database, make_event: MakeEvent) -> None:
    event = make_event(3)
    accept(booking_database, booking := new_booking(event, 3))
    booking_database.write(lambda c: c.execute(update(Stock).values(capacity=4, available=4)), repeat_lost=False)

    def settle_over_a_vanished_stock(connection: Connection) -> None:
        due = [DueBooking(booking.id.bytes, event.id, 3)]
        situation = Situation(datetime.now(UTC), due, {event.id: 3})
        for _ in range(2):
            write_decided(connection, situation, {}, decide(situation))

    with pytest.raises(SettlementConflictError):
        booking_database.write(settle_over_a_vanished_stock, repeat_lost=False)
    assert states(booking_database, booking) == ["pending"]
    settle(booking_database, event)


def test_reading_a_booking_ignores_those_that_are_not_there(booking_database: Database, make_event: MakeEvent) -> None:
    event = make_event(1)
    accept(booking_database, here := new_booking(event))
    found = booking_database.read(partial(lookup.find_bookings, ids=[here.id, new_booking(event).id]))
    assert list(found) == [here.id]


def test_times_are_kept_to_the_microsecond(booking_database: Database, make_event: MakeEvent) -> None:
    event = make_event(1)
    moment = datetime(2026, 5, 4, 3, 2, 1, 999_999, tzinfo=UTC)
    accept(booking_database, booking := new_booking(event))
    booking_database.write(lambda c: c.execute(update(Booking).values(created_at=moment)), repeat_lost=False)
    assert booking_database.read(partial(lookup.find_bookings, ids=[booking.id]))[booking.id].created_at == moment


def test_a_decided_booking_that_is_due_is_set_aside_and_holds_up_nobody(
    booking_database: Database, make_event: MakeEvent, caplog: pytest.LogCaptureFixture
) -> None:
    event = make_event(2)
    accept(booking_database, decided := new_booking(event))
    settle(booking_database, event)
    # Somebody has written to the table by hand.
    due_again = update(Booking).where(Booking.id == decided.id).values(due_lane=event.lane)
    booking_database.write(lambda c: c.execute(due_again), repeat_lost=False)
    accept(booking_database, waiting := new_booking(event))
    assert settle(booking_database, event, batch_max=2) == 1
    assert states(booking_database, decided, waiting) == ["confirmed", "confirmed"]
    assert seats_left(booking_database, event) == 0
    assert str(decided.id) in caplog.text
    assert booking_database.read(partial(lanes_due, lanes=[event.lane])) == []


def test_an_event_that_is_called_off_lets_others_of_its_lane_have_their_turn(
    booking_database: Database, make_event: MakeEvent
) -> None:
    off = make_event(2_500)
    other = next(event for event in iter(partial(make_event, 1), None) if event.lane == off.lane)
    bookings = [new_booking(off, user=user) for user in range(2_500)]
    accept(booking_database, *bookings)
    while settle(booking_database, off):
        pass
    request(booking_database, change(off, None, CANCEL_EVENT))
    accept(booking_database, booking := new_booking(other))
    settle(booking_database, off, batch_max=100)
    assert states(booking_database, booking) == ["confirmed"]
    assert states(booking_database, *bookings) == ["cancelled"] * 100 + ["confirmed"] * 2_400
    settle_all(booking_database, batch_max=100)
    assert set(states(booking_database, *bookings)) == {"cancelled"}
    assert booking_database.read(partial(audit, now=datetime.now(UTC), overdue=None)) == []
