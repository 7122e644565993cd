"""Changes, holds and rules in the pure decision: what each does."""

from datetime import timedelta

import pytest

from booking_service.domain.models import (
    BOOKING_LIMIT,
    CANCEL_BOOKING,
    CANCEL_EVENT,
    CANCELLED,
    CAPACITY_TAKEN,
    CONFIRM_HOLD,
    CONFIRMED,
    DONE,
    EVENT_CANCELLED,
    EXPIRE_HOLD,
    EXPIRED,
    HOLD_EXPIRED,
    NOT_ACTIVE,
    NOT_HELD,
    PENDING,
    REJECTED,
    SALES_CLOSED,
    SALES_NOT_OPEN,
    SET_CAPACITY,
    SET_SEATS,
    SOLD_OUT,
    STRICT,
    SUSPEND_WAITLIST,
    TOO_LATE,
    USER_LIMIT,
    WAITLISTED,
)
from tests.fixtures.seats_in_memory import CLOSES, NO_RULES, OPENED, Hall

HOLDS = NO_RULES._replace(hold_seconds=60)


def test_a_cancelled_booking_gives_its_seats_back_once() -> None:
    hall = Hall(5)
    booking = hall.booked(3)
    twice = [hall.ask(CANCEL_BOOKING, booking), hall.ask(CANCEL_BOOKING, booking)]
    hall.settle()
    assert hall.do(CANCEL_BOOKING, booking) == DONE
    assert [hall.outcomes[change].seats_taken for change in twice] == [-3, 0]
    assert hall.event.available == 5


@pytest.mark.parametrize("status", [REJECTED, EXPIRED])
def test_what_is_over_is_not_cancelled(status: str) -> None:
    hall = Hall(5, HOLDS)
    booking = hall.booked(9 if status == REJECTED else 1)
    hall.end_holds()
    hall.settle()
    assert hall.status(booking) == [status]
    assert hall.do(CANCEL_BOOKING, booking) == NOT_ACTIVE
    assert hall.do(SET_SEATS, booking, 2) == NOT_ACTIVE


def test_a_booking_that_is_cancelled_before_its_turn_takes_no_seat() -> None:
    hall = Hall(5)
    first, second = hall.book(5), hall.book(5)
    change = hall.ask(CANCEL_BOOKING, first)
    hall.settle()
    assert hall.status(first, second) == [CANCELLED, CONFIRMED]
    assert (hall.outcomes[change].status_before, hall.outcomes[change].seats_taken) == (PENDING, 0)


def test_after_its_last_moment_only_an_admin_cancels_a_confirmed_booking() -> None:
    hall = Hall(5, HOLDS._replace(cancel_until=OPENED + timedelta(seconds=30)))
    confirmed, held = hall.booked(), hall.booked()
    hall.do(CONFIRM_HOLD, confirmed)
    hall.now += timedelta(seconds=30)
    assert [hall.do(CANCEL_BOOKING, booking, 0) for booking in (confirmed, held)] == [TOO_LATE, DONE]
    assert hall.do(CANCEL_BOOKING, confirmed, 1) == DONE


def test_a_cancellation_counts_by_when_it_was_asked_for_however_late_it_is_decided() -> None:
    hall = Hall(5, NO_RULES._replace(cancel_until=OPENED + timedelta(seconds=30)))
    booking = hall.booked()
    hall.now += timedelta(seconds=29)
    change = hall.ask(CANCEL_BOOKING, booking, 0)
    hall.now += timedelta(hours=1)
    hall.settle()
    assert hall.outcomes[change].outcome == DONE


def test_a_hold_is_confirmed_until_it_ends_and_not_from_then_on() -> None:
    hall = Hall(5, HOLDS)
    in_time, late = hall.booked(), hall.booked(2)
    hall.now += timedelta(seconds=59)
    assert [hall.do(CONFIRM_HOLD, in_time) for _ in range(2)] == [DONE, DONE]
    hall.now += timedelta(seconds=1)
    assert hall.do(CONFIRM_HOLD, late) == HOLD_EXPIRED  # in the batch that ends it
    assert hall.do(CONFIRM_HOLD, late) == HOLD_EXPIRED
    assert (hall.status(in_time, late), hall.event.available) == ([CONFIRMED, EXPIRED], 4)


def test_a_confirmation_and_the_hold_s_end_in_one_batch_are_one_of_the_two() -> None:
    hall = Hall(5, HOLDS)
    booking = hall.booked()
    change = hall.ask(CONFIRM_HOLD, booking)
    hall.end_holds()
    decided = hall.settle()
    assert hall.outcomes[change].outcome == HOLD_EXPIRED
    assert [outcome.kind for outcome in decided.outcomes] == [CONFIRM_HOLD, EXPIRE_HOLD]


def test_what_is_not_held_is_not_confirmed() -> None:
    hall = Hall(2, HOLDS._replace(waitlist=STRICT))
    held, waiting, too_many = hall.booked(2), hall.booked(2), hall.booked(3)
    pending = hall.book(seats=2)
    asked = [hall.ask(CONFIRM_HOLD, booking) for booking in (waiting, too_many, pending)]
    hall.settle()
    assert [hall.outcomes[change].outcome for change in asked] == [NOT_HELD] * 3
    hall.do(CANCEL_BOOKING, held)
    assert hall.do(CONFIRM_HOLD, held) == NOT_HELD


@pytest.mark.parametrize("batch_max", [1, 10_000])
def test_a_hold_that_was_cancelled_after_its_end_is_not_held_in_whatever_batch(batch_max: int) -> None:
    hall = Hall(2, HOLDS)
    booking = hall.booked()
    hall.end_holds()
    hall.ask(CANCEL_BOOKING, booking)
    confirmation = hall.ask(CONFIRM_HOLD, booking)
    hall.drain(batch_max)
    assert hall.outcomes[confirmation].outcome == NOT_HELD


def test_fewer_seats_are_always_given_back_and_more_are_taken_if_they_are_free() -> None:
    hall = Hall(6)
    booking, _ = hall.booked(3), hall.booked(1)
    assert [hall.do(SET_SEATS, booking, seats) for seats in (6, 5, 5, 1)] == [SOLD_OUT, DONE, DONE, DONE]
    assert (hall.seats(booking), hall.event.available) == ([1], 4)


def test_more_seats_are_given_within_the_limits_and_until_sales_close() -> None:
    hall = Hall(9, NO_RULES._replace(seats_per_booking_max=4, seats_per_user_max=6))
    booking, _ = hall.booked(2), hall.booked(3)
    assert [hall.do(SET_SEATS, booking, seats) for seats in (5, 4, 3)] == [BOOKING_LIMIT, USER_LIMIT, DONE]
    hall.now = CLOSES
    assert [hall.do(SET_SEATS, booking, seats) for seats in (4, 2)] == [SALES_CLOSED, DONE]


@pytest.mark.parametrize("batch_max", [1, 10_000])
def test_a_pending_booking_that_wants_other_seats_is_decided_upon_those(batch_max: int) -> None:
    hall = Hall(4)
    more, fewer = hall.book(1), hall.book(9)
    hall.ask(SET_SEATS, more, 3)
    hall.ask(SET_SEATS, fewer, 1)
    hall.drain(batch_max)
    assert (hall.status(more, fewer), hall.seats(more, fewer)) == ([CONFIRMED] * 2, [3, 1])


@pytest.mark.parametrize("batch_max", [1, 10_000])
def test_a_pending_booking_that_wants_more_wants_all_of_them(batch_max: int) -> None:
    hall = Hall(4)
    booking = hall.book(2)
    hall.ask(SET_SEATS, booking, 5)
    hall.drain(batch_max)
    assert (hall.status(booking), hall.reasons[booking]) == ([REJECTED], SOLD_OUT)


def test_a_capacity_is_never_below_what_is_held_and_confirmed() -> None:
    hall = Hall(9)
    hall.booked(4)
    change = hall.ask(SET_CAPACITY, argument=3)
    hall.settle()
    assert (hall.outcomes[change].outcome, hall.outcomes[change].detail) == (CAPACITY_TAKEN, 4)
    assert hall.do(SET_CAPACITY, argument=4) == DONE
    assert (hall.event.capacity, hall.event.available) == (4, 0)
    assert hall.do(SET_CAPACITY, argument=7) == DONE
    assert hall.event.available == 3


def test_a_booking_is_rejected_for_the_first_reason_there_is() -> None:
    hall = Hall(
        4, NO_RULES._replace(opens_at=OPENED + timedelta(hours=1), seats_per_booking_max=3, seats_per_user_max=5)
    )
    early = hall.booked()
    hall.now += timedelta(hours=1)
    large, fits, over = hall.booked(4), hall.booked(3), hall.booked(3)
    last, sold_out = hall.booked(1, user=2), hall.booked(1, user=2)
    hall.now = CLOSES
    late = hall.booked()
    assert hall.status(fits, last) == [CONFIRMED] * 2
    assert [hall.reasons[booking] for booking in (early, large, over, sold_out, late)] == [
        SALES_NOT_OPEN,
        BOOKING_LIMIT,
        USER_LIMIT,
        SOLD_OUT,
        SALES_CLOSED,
    ]


def test_who_wants_to_know_by_a_moment_is_rejected_after_it() -> None:
    hall = Hall(4)
    patient, impatient = (hall.book(decide_by=OPENED + timedelta(seconds=seconds)) for seconds in (2, 1))
    hall.now += timedelta(seconds=2)
    hall.settle()
    assert (hall.status(patient, impatient), hall.reasons[impatient]) == ([CONFIRMED, REJECTED], TOO_LATE)


def test_what_is_asked_for_after_an_event_is_called_off_is_refused() -> None:
    hall = Hall(9, HOLDS)
    booking = hall.booked(2)
    event_change = hall.ask(CANCEL_EVENT)
    too_late = [
        hall.ask(kind, booking_id, 1)
        for kind, booking_id in ((SET_CAPACITY, None), (SUSPEND_WAITLIST, None), (CONFIRM_HOLD, booking))
    ]
    hall.settle()
    assert [hall.outcomes[change].outcome for change in (event_change, *too_late)] == [DONE, *[EVENT_CANCELLED] * 3]
    assert hall.do(CANCEL_BOOKING, booking) == DONE
    assert (hall.status(booking), hall.reasons[booking]) == ([CANCELLED], EVENT_CANCELLED)


def test_whoever_had_no_seat_when_the_event_was_called_off_has_an_entry_that_says_so() -> None:
    hall = Hall(2, NO_RULES._replace(waitlist=STRICT))
    seated, waiting = hall.booked(2), hall.booked(1)
    pending = hall.book()
    hall.ask(CANCEL_EVENT)
    decided = hall.settle()
    entries = {o.booking_id: (o.kind, o.status_before, o.seats_taken) for o in decided.outcomes if o.id is None}
    assert entries == {waiting: (CANCEL_BOOKING, WAITLISTED, 0), pending: (CANCEL_BOOKING, PENDING, 0)}
    assert [entry.seats_taken for entry in decided.progress] == [-2]
    assert hall.status(seated, waiting, pending) == [CANCELLED] * 3
