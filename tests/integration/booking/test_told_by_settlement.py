"""Stories and ledgers of what real settlement did, on each database."""

from uuid import UUID

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from booking_service.domain.models import (
    CANCEL_BOOKING,
    CANCEL_EVENT,
    CANCELLED,
    CONFIRM_HOLD,
    CONFIRMED,
    EVENT_CANCELLED,
    EXPIRED,
    FIT,
    HELD,
    OFF,
    PENDING,
    REJECTED,
    SET_CAPACITY,
    SET_SEATS,
    SOLD_OUT,
    STRICT,
    WAITLISTED,
)
from shared.database.units import Database
from tests.fixtures.bookings import MakeEvent
from tests.fixtures.settled import Evening

Told = list[tuple[str, str, int | None]]


def told(evening: Evening, booking_id: UUID) -> Told:
    return [(line.what, line.status, line.seats) for line in evening.story(booking_id)]


def accounted(evening: Evening) -> list[tuple[str, int, int]]:
    """Read the ledger, which must agree and never sell a seat that is not there."""
    lines, total = evening.ledger()
    assert total.agrees
    assert all(0 <= line.seats_left <= line.capacity for line in lines)
    assert (lines[-1].seats_left, lines[-1].capacity) == evening.stock()
    assert evening.ledger(count_max=1)[0] == lines
    return [(line.what, line.seats, line.seats_left) for line in lines]


def test_a_plain_booking_and_one_that_found_no_seats(booking_database: Database, make_event: MakeEvent) -> None:
    evening = Evening.of(booking_database, make_event, 2)
    first, second = evening.book(2), evening.book(1)
    evening.settle()
    assert told(evening, first) == [("requested", PENDING, 2), ("decided", CONFIRMED, 2)]
    assert told(evening, second) == [("requested", PENDING, 1), ("decided", REJECTED, 1)]
    assert evening.story(second)[-1].reason == SOLD_OUT
    assert accounted(evening) == [("opened", 0, 2), ("confirmed", 2, 0)]


def test_seats_that_come_back_go_to_who_waits_in_the_same_moment(
    booking_database: Database, make_event: MakeEvent
) -> None:
    evening = Evening.of(booking_database, make_event, 4, waitlist=STRICT)
    first = evening.book(4)
    evening.settle()
    second, third = evening.book(3), evening.book(1)
    evening.settle()
    evening.ask(CANCEL_BOOKING, first)
    evening.settle()
    evening.ask(SET_SEATS, second, 1)
    evening.settle()
    assert told(evening, first) == [
        ("requested", PENDING, 4),
        ("decided", CONFIRMED, 4),
        ("cancellation_asked", CONFIRMED, 4),
        ("cancelled", CANCELLED, 4),
    ]
    assert told(evening, second) == [
        ("requested", PENDING, 3),
        ("decided", WAITLISTED, 3),
        ("promoted", CONFIRMED, 3),
        ("seats_asked", CONFIRMED, 1),
        ("seats_changed", CONFIRMED, 1),
    ]
    assert told(evening, third)[1:] == [("decided", WAITLISTED, 1), ("promoted", CONFIRMED, 1)]
    assert accounted(evening) == [
        ("opened", 0, 4),
        ("confirmed", 4, 0),
        ("cancelled", -4, 4),
        ("promoted", 3, 1),
        ("promoted", 1, 0),
        ("seats_changed", -2, 2),
    ]


def test_holds_that_are_confirmed_and_that_end(booking_database: Database, make_event: MakeEvent) -> None:
    evening = Evening.of(booking_database, make_event, 5, hold_seconds=600)
    kept, lost = evening.book(2), evening.book(3)
    evening.settle()
    evening.ask(CONFIRM_HOLD, kept)
    evening.settle()
    evening.let_holds_end()
    evening.settle()
    evening.ask(CONFIRM_HOLD, lost)
    evening.ask(CONFIRM_HOLD, kept)
    evening.settle()
    assert told(evening, kept)[1:] == [
        ("decided", HELD, 2),
        ("confirmation_asked", HELD, 2),
        ("confirmed", CONFIRMED, 2),
        ("confirmation_asked", CONFIRMED, 2),
        ("unchanged", CONFIRMED, 2),
    ]
    assert told(evening, lost)[1:] == [
        ("decided", HELD, 3),
        ("hold_expired", EXPIRED, 3),
        ("confirmation_asked", EXPIRED, 3),
        ("confirmation_refused", EXPIRED, 3),
    ]
    assert accounted(evening) == [("opened", 0, 5), ("held", 2, 3), ("held", 3, 0), ("hold_expired", -3, 3)]


def test_what_happens_before_a_decision(booking_database: Database, make_event: MakeEvent) -> None:
    evening = Evening.of(booking_database, make_event, 5)
    gone, other = evening.book(2), evening.book(2)
    evening.ask(CANCEL_BOOKING, gone)
    evening.ask(SET_SEATS, other, 3)
    evening.settle()
    assert told(evening, gone) == [
        ("requested", PENDING, 2),
        ("cancellation_asked", PENDING, 2),
        ("cancelled", CANCELLED, 2),
    ]
    assert told(evening, other) == [
        ("requested", PENDING, 2),
        ("seats_asked", PENDING, 3),
        ("seats_changed", PENDING, 3),
        ("decided", CONFIRMED, 3),
    ]
    assert accounted(evening) == [("opened", 0, 5), ("confirmed", 3, 2)]


def test_capacity_that_changes(booking_database: Database, make_event: MakeEvent) -> None:
    evening = Evening.of(booking_database, make_event, 4, waitlist=FIT)
    evening.book(4)
    waiting = evening.book(4, seats_min=3)
    evening.settle()
    evening.ask(SET_CAPACITY, argument=3)
    evening.ask(SET_CAPACITY, argument=7)
    evening.ask(SET_CAPACITY, argument=11)
    evening.settle()
    assert told(evening, waiting) == [
        ("requested", PENDING, 4),
        ("decided", WAITLISTED, 4),
        ("promoted", CONFIRMED, 3),
    ]
    assert accounted(evening) == [
        ("opened", 0, 4),
        ("confirmed", 4, 0),
        ("capacity_changed", -3, 3),
        ("promoted", 3, 0),
        ("capacity_changed", -4, 4),
    ]


def test_an_event_that_is_called_off_in_several_batches(booking_database: Database, make_event: MakeEvent) -> None:
    evening = Evening.of(booking_database, make_event, 6, hold_seconds=600, waitlist=STRICT)
    held, confirmed, waiting = evening.book(2), evening.book(3), evening.book(4)
    evening.settle()
    evening.ask(CONFIRM_HOLD, confirmed)
    evening.settle()
    pending = evening.book(1)
    evening.ask(CANCEL_EVENT)
    evening.settle_once(batch_max=2)
    lines, total = evening.ledger()
    assert total.agrees
    assert [line.what for line in lines] == ["opened", "held", "held"]
    evening.settle(batch_max=2)
    late = evening.book(1)
    evening.settle(batch_max=2)
    end = ("event_cancelled", CANCELLED)
    assert told(evening, held) == [("requested", PENDING, 2), ("decided", HELD, 2), (*end, 2)]
    assert told(evening, confirmed)[-2:] == [("confirmed", CONFIRMED, 3), (*end, 3)]
    assert told(evening, waiting) == [("requested", PENDING, 4), ("decided", WAITLISTED, 4), (*end, 4)]
    for never_decided in (pending, late):
        assert told(evening, never_decided) == [("requested", PENDING, 1), (*end, 1)]
    assert {evening.story(b)[-1].reason for b in (held, confirmed, waiting, pending, late)} == {EVENT_CANCELLED}
    assert accounted(evening) == [("opened", 0, 6), ("held", 2, 4), ("held", 3, 1), ("event_cancelled", -5, 6)]


ACTS = st.one_of(
    st.tuples(st.just("book"), st.integers(1, 5), st.integers(1, 5)),
    st.tuples(st.sampled_from([CANCEL_BOOKING, CONFIRM_HOLD]), st.integers(0, 9), st.just(0)),
    st.tuples(st.just(SET_SEATS), st.integers(0, 9), st.integers(1, 6)),
    st.tuples(st.sampled_from([SET_CAPACITY]), st.just(0), st.integers(0, 15)),
    st.tuples(st.sampled_from(["settle", "end holds", "settle"]), st.integers(1, 3), st.just(0)),
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    hold_seconds=st.sampled_from([None, 600]),
    waitlist=st.sampled_from([OFF, STRICT, FIT]),
    script=st.lists(ACTS, max_size=25),
    is_called_off=st.booleans(),
)
def test_any_evening_replays_to_its_stock(  # noqa: PLR0913  what is drawn
    booking_database: Database,
    make_event: MakeEvent,
    *,
    hold_seconds: int | None,
    waitlist: str,
    script: list[tuple[str, int, int]],
    is_called_off: bool,
) -> None:
    evening = Evening.of(booking_database, make_event, 8, hold_seconds=hold_seconds, waitlist=waitlist)
    bookings = [evening.book(3), evening.book(4)]
    for act, first, second in script:
        if act == "book":
            bookings.append(evening.book(max(first, second), seats_min=min(first, second)))
        elif act == "settle":
            evening.settle_once(batch_max=first)
        elif act == "end holds":
            evening.let_holds_end()
        elif act == SET_CAPACITY:
            evening.ask(act, argument=second)
        else:
            evening.ask(act, bookings[first % len(bookings)], second or None)
    if is_called_off:
        evening.ask(CANCEL_EVENT)
    evening.settle(batch_max=3)
    accounted(evening)
    for booking_id in bookings:
        lines = evening.story(booking_id)
        assert len([line for line in lines if line.what == "decided"]) <= 1
        assert [line.at for line in lines] == sorted(line.at for line in lines)
        assert not is_called_off or lines[-1].status in {CANCELLED, REJECTED, EXPIRED}
