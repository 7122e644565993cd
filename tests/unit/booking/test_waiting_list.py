"""Who waits, and who gets seats when some come free: the pure decision."""

from datetime import timedelta

import pytest

from booking_service.domain.models import (
    CANCEL_BOOKING,
    CANCEL_EVENT,
    CANCELLED,
    CONFIRM_HOLD,
    CONFIRMED,
    DONE,
    EXPIRED,
    FIT,
    HELD,
    REJECTED,
    RESUME_WAITLIST,
    SET_CAPACITY,
    SET_SEATS,
    SOLD_OUT,
    STRICT,
    SUSPEND_WAITLIST,
    USER_LIMIT,
    WAITLIST_FULL,
    WAITLISTED,
)
from booking_service.domain.rules import Rules
from tests.fixtures.happenings import (
    Step,
    play,
)
from tests.fixtures.seats_in_memory import CLOSES, NO_RULES, Hall

IN_ORDER, WHO_FITS = NO_RULES._replace(waitlist=STRICT), NO_RULES._replace(waitlist=FIT)
BOTH = pytest.mark.parametrize("rules", [IN_ORDER, WHO_FITS], ids=[STRICT, FIT])


def test_freed_seats_go_to_the_first_who_waits_in_the_act_that_frees_them() -> None:
    hall = Hall(2, IN_ORDER)
    leaving, first, second = hall.booked(2), hall.booked(1), hall.booked(1)
    hall.ask(CANCEL_BOOKING, leaving)
    newcomer = hall.book()
    hall.settle()
    assert hall.status(leaving, first, second, newcomer) == [CANCELLED, CONFIRMED, CONFIRMED, WAITLISTED]


@pytest.mark.parametrize(
    "free",
    [
        lambda hall, booking: hall.do(CANCEL_BOOKING, booking),
        lambda hall, booking: hall.do(SET_SEATS, booking, 1),
        lambda hall, _: hall.do(SET_CAPACITY, argument=4),
        lambda hall, _: (hall.end_holds(), hall.settle()),
    ],
    ids=["cancelled", "fewer seats", "more capacity", "a hold's end"],
)
@BOTH
def test_whatever_frees_seats_serves_who_waits(rules: Rules, free: Step) -> None:
    hall = Hall(3, rules._replace(hold_seconds=60))
    booking, waiting = hall.booked(3), hall.booked(1)
    free(hall, booking)  # type: ignore[call-arg]  # of two arguments
    assert hall.status(waiting) == [HELD]
    assert hall.faults() == []


def test_who_stands_before_those_who_wait_is_not_held_up_by_them_though_decided_later() -> None:
    hall = Hall(3, IN_ORDER)
    hall.booked(2)
    early = hall.book(1)
    on_its_way = hall.due.pop()  # its process was slow to store it
    waiting = hall.booked(2)
    hall.due.append(on_its_way)
    hall.settle()
    assert hall.status(early, waiting) == [CONFIRMED, WAITLISTED]
    assert hall.faults() == []


def test_in_a_strict_event_one_who_wants_more_than_is_free_holds_up_all_behind() -> None:
    hall = Hall(3, IN_ORDER)
    leaving, _, large, small = hall.booked(1), hall.booked(2), hall.booked(2), hall.booked(1)
    hall.do(CANCEL_BOOKING, leaving)
    newcomer = hall.booked(1)
    assert hall.status(large, small, newcomer) == [WAITLISTED] * 3
    assert hall.event.available == 1


def test_in_a_fit_event_the_first_who_fits_is_served_and_newcomers_take_what_nobody_can_use() -> None:
    hall = Hall(4, WHO_FITS)
    leaving, _, large, small = hall.booked(2), hall.booked(2), hall.booked(3), hall.booked(1)
    hall.do(CANCEL_BOOKING, leaving)
    newcomer = hall.booked(1)
    assert hall.status(large, small, newcomer) == [WAITLISTED, CONFIRMED, CONFIRMED]
    assert hall.event.promoted_to == newcomer  # so the one in front is told that it was passed over


def test_who_can_never_be_served_holds_up_neither_who_waits_nor_who_comes() -> None:
    hall = Hall(9, IN_ORDER)
    leaving, large, small = hall.booked(2), hall.booked(8), hall.booked(1)
    assert hall.status(large, small) == [WAITLISTED] * 2
    assert hall.do(SET_CAPACITY, argument=7) == DONE
    newcomer = hall.booked(1)
    assert hall.status(large, small, newcomer) == [WAITLISTED, CONFIRMED, CONFIRMED]
    assert hall.do(SET_SEATS, leaving, 3) == DONE
    # Until there are as many seats again: then it is in its turn.
    assert hall.do(SET_CAPACITY, argument=8) == DONE
    assert hall.status(hall.booked(1)) == [WAITLISTED]
    assert hall.do(SET_CAPACITY, argument=13) == DONE
    assert hall.status(large) == [CONFIRMED]


@BOTH
def test_who_wants_more_than_the_event_has_does_not_wait_at_all(rules: Rules) -> None:
    hall = Hall(3, rules)
    booking = hall.booked(4)
    assert (hall.status(booking), hall.reasons[booking]) == ([REJECTED], SOLD_OUT)


def test_a_full_list_takes_nobody_until_somebody_leaves_it() -> None:
    hall = Hall(1, IN_ORDER, waiting_max=1)
    _, waiting, refused = hall.booked(), hall.booked(), hall.booked()
    assert (hall.status(refused), hall.reasons[refused]) == ([REJECTED], WAITLIST_FULL)
    hall.do(CANCEL_BOOKING, waiting)
    assert hall.status(hall.booked()) == [WAITLISTED]


@BOTH
def test_who_allows_fewer_seats_gets_what_there_is(rules: Rules) -> None:
    hall = Hall(3, rules)
    at_once = hall.booked(5, seats_min=2)
    waiting = hall.booked(3, seats_min=2)
    assert (hall.status(at_once, waiting), hall.seats(at_once, waiting)) == ([CONFIRMED, WAITLISTED], [3, 3])
    hall.do(SET_SEATS, at_once, 2)
    assert hall.status(waiting) == [WAITLISTED]
    hall.do(SET_CAPACITY, argument=4)
    assert (hall.status(waiting), hall.seats(waiting)) == ([CONFIRMED], [2])


@pytest.mark.parametrize("batch_max", [1, 10_000])
@BOTH
def test_who_waits_and_wants_fewer_than_it_allowed_needs_no_more(rules: Rules, batch_max: int) -> None:
    hall = Hall(4, rules)
    leaving, waiting = hall.booked(4), hall.booked(4, seats_min=3)
    hall.ask(SET_SEATS, waiting, 1)
    hall.ask(SET_SEATS, leaving, 3)
    hall.drain(batch_max)
    assert (hall.status(waiting), hall.seats(waiting)) == ([CONFIRMED], [1])


@BOTH
def test_who_waits_cannot_wait_for_more(rules: Rules) -> None:
    hall = Hall(4, rules)
    _, waiting = hall.booked(3), hall.booked(2)
    assert hall.do(SET_SEATS, waiting, 3) == SOLD_OUT
    assert hall.do(SET_SEATS, waiting, 1) == DONE
    assert hall.status(waiting) == [CONFIRMED]


def test_who_has_seats_gets_more_only_if_nobody_waits_for_them() -> None:
    hall = Hall(5, IN_ORDER)
    booking, waiting = hall.booked(3), hall.booked(3)
    assert hall.do(SET_SEATS, booking, 4) == SOLD_OUT
    hall.do(CANCEL_BOOKING, waiting)
    assert hall.do(SET_SEATS, booking, 4) == DONE


@BOTH
def test_a_suspended_list_keeps_free_seats_until_it_is_resumed(rules: Rules) -> None:
    hall = Hall(2, rules)
    leaving, first = hall.booked(2), hall.booked(1)
    hall.do(SUSPEND_WAITLIST)
    hall.do(CANCEL_BOOKING, leaving)
    newcomer = hall.booked(1)
    assert (hall.status(first, newcomer), hall.event.available) == ([WAITLISTED] * 2, 2)
    assert hall.do(RESUME_WAITLIST) == DONE
    assert hall.status(first, newcomer) == [CONFIRMED] * 2


def test_nobody_is_promoted_once_sales_have_closed() -> None:
    hall = Hall(1, IN_ORDER)
    leaving, waiting = hall.booked(), hall.booked()
    hall.now = CLOSES
    hall.do(CANCEL_BOOKING, leaving)
    assert (hall.status(waiting), hall.event.available) == ([WAITLISTED], 1)


def test_what_nobody_confirms_passes_from_one_who_waits_to_the_next() -> None:
    hall = Hall(1, IN_ORDER._replace(hold_seconds=60))
    people = [hall.booked() for _ in range(4)]
    for turn in range(1, 4):
        hall.end_holds()
        hall.settle()
        assert hall.status(*people) == [EXPIRED] * turn + [HELD] + [WAITLISTED] * (3 - turn)
    assert hall.do(CONFIRM_HOLD, people[3]) == DONE


def test_whoever_waits_counts_against_the_limit_of_a_user() -> None:
    hall = Hall(2, IN_ORDER._replace(seats_per_user_max=3))
    _, waiting = hall.booked(2), hall.booked(1)
    over = hall.booked(1)
    assert (hall.status(waiting, over), hall.reasons[over]) == ([WAITLISTED, REJECTED], USER_LIMIT)


def test_until_a_promotion_of_many_batches_is_done_newcomers_go_behind() -> None:
    hall = Hall(5, WHO_FITS, promotions_max=2)
    leaving, *waiting = hall.booked(5), *(hall.booked(1) for _ in range(5))
    hall.ask(CANCEL_BOOKING, leaving)
    newcomer = hall.book(1)
    hall.settle()
    assert hall.status(*waiting, newcomer) == [CONFIRMED] * 2 + [WAITLISTED] * 4
    hall.drain()
    assert hall.status(*waiting, newcomer) == [CONFIRMED] * 5 + [WAITLISTED]


def test_a_promotion_that_goes_on_ends_with_the_event() -> None:
    hall = play(Hall(5, WHO_FITS, promotions_max=2), [lambda h: h.booked(5), *[lambda h: h.booked(1)] * 5])
    hall.ask(CANCEL_BOOKING, min(hall.bookings))
    hall.settle()
    hall.ask(CANCEL_EVENT)
    hall.drain()
    assert {booking.status for booking in hall.bookings.values()} == {CANCELLED}


def test_the_last_to_be_promoted_shows_who_was_passed_over() -> None:
    hall = Hall(2, WHO_FITS)
    leaving, _, passed, served = hall.booked(1), hall.booked(1), hall.booked(2), hall.booked(1)
    hall.now += timedelta(seconds=1)
    hall.do(CANCEL_BOOKING, leaving)
    assert hall.status(passed, served) == [WAITLISTED, CONFIRMED]
    assert (hall.event.promoted_to or b"") == served > passed
