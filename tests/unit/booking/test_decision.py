"""The seat decision under thousands of generated cases."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from booking_service.domain.bookings.ids import made_at
from booking_service.domain.models import CONFIRMED, REJECTED, SALES_CLOSED, SOLD_OUT, TOO_LATE
from booking_service.domain.seats import decision
from booking_service.domain.seats.decision import seats_taken
from booking_service.domain.seats.situation import DueBooking, Situation, Transition


def due_booking(identifier: bytes, event_id: int, seats: int) -> DueBooking:
    return DueBooking(identifier, event_id, seats)


def decide(stock: Mapping[int, int], due: Sequence[DueBooking], closed_at: Mapping[int, datetime]) -> list[Transition]:
    return decision.decide(Situation(CLOSING, due, stock, closed_at)).transitions


EVENTS = st.integers(1, 4)
STOCKS = st.dictionaries(EVENTS, st.integers(0, 30))
QUEUES = st.lists(st.tuples(EVENTS, st.integers(1, 12)), max_size=60).map(
    lambda requests: [due_booking(n.to_bytes(16), event, seats) for n, (event, seats) in enumerate(requests)]
)
CLOSING = datetime(2026, 6, 1, 20, tzinfo=UTC)
thorough = settings(max_examples=1_000, deadline=None)


@thorough
@given(STOCKS, QUEUES)
def test_no_event_is_ever_oversold(stock: dict[int, int], due: list[DueBooking]) -> None:
    taken = seats_taken(decide(stock, due, {}))
    assert all(seats <= stock.get(event, 0) for event, seats in taken.items())


@thorough
@given(STOCKS, QUEUES)
def test_each_booking_moves_once_in_the_order_of_the_queue(stock: dict[int, int], due: list[DueBooking]) -> None:
    transitions = decide(stock, due, {})
    assert [transition.id for transition in transitions] == [booking.id for booking in due]
    assert all((o.status, o.reason) in {(CONFIRMED, None), (REJECTED, SOLD_OUT)} for o in transitions)


@thorough
@given(STOCKS, QUEUES)
def test_a_booking_is_confirmed_exactly_when_it_fits_at_its_turn(stock: dict[int, int], due: list[DueBooking]) -> None:
    transitions = decide(stock, due, {})
    for turn, transition in enumerate(transitions):
        event = transition.event_id
        left = stock.get(event, 0) - seats_taken(transitions[:turn]).get(event, 0)
        assert (transition.status == CONFIRMED) == (transition.seats <= left)


@thorough
@given(STOCKS, QUEUES, st.integers(0, 60))
def test_two_batches_decide_as_one(stock: dict[int, int], due: list[DueBooking], cut: int) -> None:
    first = decide(stock, due[:cut], {})
    left = {event: seats - seats_taken(first).get(event, 0) for event, seats in stock.items()}
    assert first + decide(left, due[cut:], {}) == decide(stock, due, {})


@thorough
@given(STOCKS, QUEUES)
def test_events_do_not_touch_each_other(stock: dict[int, int], due: list[DueBooking]) -> None:
    together = decide(stock, due, {})
    for event in range(1, 5):
        alone = decide(stock, [booking for booking in due if booking.event_id == event], {})
        assert alone == [transition for transition in together if transition.event_id == event]


def test_a_smaller_later_request_gets_the_seats_that_a_larger_earlier_one_left() -> None:
    large, small = due_booking(b"1", 1, 5), due_booking(b"2", 1, 2)
    assert [o.status for o in decide({1: 3}, [large, small], {})] == [REJECTED, CONFIRMED]


def test_the_last_seat_goes_to_the_first_in_line() -> None:
    first, second = due_booking(b"1", 1, 1), due_booking(b"2", 1, 1)
    assert [o.status for o in decide({1: 1}, [first, second], {})] == [CONFIRMED, REJECTED]


def test_an_event_without_stock_has_no_seats() -> None:
    assert decide({}, [due_booking(b"1", 9, 1)], {})[0].reason == SOLD_OUT


def made(milliseconds_after_closing: int, seats: int = 1, event: int = 1) -> DueBooking:
    milliseconds = int(CLOSING.timestamp() * 1_000) + milliseconds_after_closing
    return due_booking(milliseconds.to_bytes(6) + bytes(10), event, seats)


def test_a_booking_made_before_the_closing_is_decided_on_its_merits_however_late() -> None:
    due = [made(-1), made(0), made(1)]
    transitions = decide({1: 9}, due, {1: CLOSING})
    assert [(o.status, o.reason) for o in transitions] == [(CONFIRMED, None), *[(REJECTED, SALES_CLOSED)] * 2]


def test_the_closing_of_one_event_is_not_that_of_another() -> None:
    transitions = decide({1: 9, 2: 9}, [made(1), made(1, event=2)], {1: CLOSING})
    assert [o.status for o in transitions] == [REJECTED, CONFIRMED]


@thorough
@given(st.integers(0, 30), st.lists(st.tuples(st.integers(-50, 50), st.integers(1, 5)), max_size=40))
def test_what_comes_after_the_closing_takes_no_seat_from_what_came_before(
    capacity: int, requests: list[tuple[int, int]]
) -> None:
    due = [made(after, seats) for after, seats in requests]
    in_time = [booking for booking in due if made_at(booking.id) < CLOSING]
    ids = {booking.id for booking in in_time}
    transitions = decide({1: capacity}, due, {1: CLOSING})
    assert [o for o in transitions if o.id in ids] == decide({1: capacity}, in_time, {})
    assert all(o.reason == SALES_CLOSED for o in transitions if o.id not in ids)


def test_the_moment_in_an_id_is_that_of_its_making_to_the_millisecond() -> None:
    assert made_at(made(7).id) == CLOSING + timedelta(milliseconds=7)


def test_nobody_is_confirmed_who_did_not_want_to_wait_so_long() -> None:
    moments = [None, CLOSING, CLOSING - timedelta(microseconds=1)]
    due = [DueBooking(bytes([n]), 1, 1, decide_by) for n, decide_by in enumerate(moments)]
    assert [o.reason for o in decide({1: 9}, due, {})] == [None, None, TOO_LATE]
