"""The seat decision under thousands of generated cases."""

from hypothesis import given, settings
from hypothesis import strategies as st

from booking_service.domain.decision import DueBooking, decide, seats_taken
from booking_service.domain.models import CONFIRMED, REJECTED, SOLD_OUT

EVENTS = st.integers(1, 4)
STOCKS = st.dictionaries(EVENTS, st.integers(0, 30))
QUEUES = st.lists(st.tuples(EVENTS, st.integers(1, 12)), max_size=60).map(
    lambda requests: [DueBooking(n.to_bytes(16), event, seats) for n, (event, seats) in enumerate(requests)]
)
thorough = settings(max_examples=1_000, deadline=None)


@thorough
@given(STOCKS, QUEUES)
def test_no_event_is_ever_oversold(stock: dict[int, int], due: list[DueBooking]) -> None:
    taken = seats_taken(decide(stock, due))
    assert all(seats <= stock.get(event, 0) for event, seats in taken.items())


@thorough
@given(STOCKS, QUEUES)
def test_each_booking_gets_one_outcome_in_the_order_of_the_queue(stock: dict[int, int], due: list[DueBooking]) -> None:
    outcomes = decide(stock, due)
    assert [outcome.booking for outcome in outcomes] == due
    assert all((o.status, o.reason) in {(CONFIRMED, None), (REJECTED, SOLD_OUT)} for o in outcomes)


@thorough
@given(STOCKS, QUEUES)
def test_a_booking_is_confirmed_exactly_when_it_fits_at_its_turn(stock: dict[int, int], due: list[DueBooking]) -> None:
    outcomes = decide(stock, due)
    for turn, outcome in enumerate(outcomes):
        event = outcome.booking.event_id
        left = stock.get(event, 0) - seats_taken(outcomes[:turn]).get(event, 0)
        assert (outcome.status == CONFIRMED) == (outcome.booking.seats <= left)


@thorough
@given(STOCKS, QUEUES, st.integers(0, 60))
def test_two_batches_decide_as_one(stock: dict[int, int], due: list[DueBooking], cut: int) -> None:
    first = decide(stock, due[:cut])
    left = {event: seats - seats_taken(first).get(event, 0) for event, seats in stock.items()}
    assert first + decide(left, due[cut:]) == decide(stock, due)


@thorough
@given(STOCKS, QUEUES)
def test_events_do_not_touch_each_other(stock: dict[int, int], due: list[DueBooking]) -> None:
    together = decide(stock, due)
    for event in range(1, 5):
        alone = decide(stock, [booking for booking in due if booking.event_id == event])
        assert alone == [outcome for outcome in together if outcome.booking.event_id == event]


def test_a_smaller_later_request_gets_the_seats_that_a_larger_earlier_one_left() -> None:
    large, small = DueBooking(b"1", 1, 5), DueBooking(b"2", 1, 2)
    assert [o.status for o in decide({1: 3}, [large, small])] == [REJECTED, CONFIRMED]


def test_the_last_seat_goes_to_the_first_in_line() -> None:
    first, second = DueBooking(b"1", 1, 1), DueBooking(b"2", 1, 1)
    assert [o.status for o in decide({1: 1}, [first, second])] == [CONFIRMED, REJECTED]


def test_an_event_without_stock_has_no_seats() -> None:
    assert decide({}, [DueBooking(b"1", 9, 1)])[0].reason == SOLD_OUT
