"""A ledger replays to the stock, whatever was done: against a till that kept the truth."""

from collections import defaultdict
from dataclasses import replace
from uuid import UUID

from hypothesis import given, settings

from booking_service.domain.bookings.lookup import BookingState
from booking_service.domain.journal import Entry
from booking_service.domain.ledger.acts import Line, Settled, Stand, act_of_decision, act_of_entry, replay
from booking_service.domain.models import CANCEL_EVENT, EVENT_CANCELLED
from tests.fixtures.lives import booking, story, telling
from tests.fixtures.till import Sold, Till, tills


def entries_of(till: Till) -> dict[UUID, list[Entry]]:
    entries: dict[UUID, list[Entry]] = defaultdict(list)
    for entry in till.entries:
        if entry.booking_id is not None:
            entries[entry.booking_id].append(entry)
    return entries


def ledger(till: Till, capacity: int) -> tuple[list[Line], Stand]:
    """Put the ledger together from the rows alone."""
    entries = entries_of(till)
    decisions = [
        act_of_decision(
            Settled(booking.id, booking.settled_at, booking.status, booking.reason, booking.seats),
            telling(entries[booking.id]),
            has_holds=till.has_holds,
        )
        for booking in till.bookings
        if booking.settled_at is not None
    ]
    acts = [act for act in decisions if act is not None]
    acts += [act_of_entry(entry) for entry in till.entries if entry.seats_taken]
    lines, stand = replay(sorted(acts, key=lambda act: act.place), Stand(capacity, capacity))
    return list(lines), stand


@settings(max_examples=400, deadline=None)
@given(tills())
def test_a_ledger_tells_what_happened_and_comes_to_the_stock(sold: tuple[int, Till]) -> None:
    capacity, till = sold
    lines, stand = ledger(till, capacity)
    assert lines == till.lines
    assert stand == Stand(till.available, till.capacity)
    assert all(0 <= line.seats_left <= line.capacity for line in lines)


@settings(max_examples=300, deadline=None)
@given(tills())
def test_stories_begin_with_the_first_decision_and_end_with_what_the_booking_is(sold: tuple[int, Till]) -> None:
    _, till = sold
    entries = entries_of(till)
    off = next((entry for entry in till.entries if entry.kind == CANCEL_EVENT), None)
    for sold_booking in till.bookings:
        lines = story(
            state(sold_booking),
            *entries[sold_booking.id],
            has_holds=till.has_holds,
            calling_off=off if sold_booking.reason == EVENT_CANCELLED else None,
        )
        decided = [(line.status, line.seats) for line in lines if line.what == "decided"]
        assert decided == ([] if sold_booking.first is None else [sold_booking.first])
        assert (lines[-1].status, lines[-1].seats) == (sold_booking.status, sold_booking.seats)
        assert [line.at for line in lines] == sorted(line.at for line in lines)


def state(sold: Sold) -> BookingState:
    return replace(booking(sold.status, sold.seats, reason=sold.reason), id=sold.id, settled_at=sold.settled_at)
