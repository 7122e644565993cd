"""The checker must see what goes wrong with changes: one broken promise in each made-up run."""

from collections.abc import Callable

import pytest

from booking_service.domain.models import (
    CANCEL_BOOKING,
    CANCEL_EVENT,
    CANCELLED,
    CAPACITY_TAKEN,
    CONFIRM_HOLD,
    CONFIRMED,
    EVENT_CANCELLED,
    PENDING,
    REJECTED,
    SET_CAPACITY,
    SET_SEATS,
    SOLD_OUT,
    SUSPEND_WAITLIST,
)
from tests.faults.campaign.history import LOST, POLL
from tests.faults.campaign.stored import ChangeRow, Row
from tests.faults.campaign.verdict import Promise
from tests.faults.made_up import CAPACITY, EVENT, OTHER_USER, START, Run, uuid7_at


def a_seat_given_back_is_sold_again() -> Run:
    run = Run()
    row = run.book(CAPACITY)
    run.book(status=REJECTED)
    run.act(row, CANCEL_BOOKING)
    run.book(CAPACITY)
    return run


def seats_change() -> Run:
    run = Run()
    row = run.book(2)
    run.act(row, SET_SEATS, seats=CAPACITY)
    run.book(status=REJECTED)
    run.act(row, SET_SEATS, seats=1)
    run.act(run.book(CAPACITY - 1), SET_SEATS, seats=CAPACITY, outcome=SOLD_OUT)
    return run


def capacity_changes() -> Run:
    run = Run()
    run.book(CAPACITY)
    run.organize(SET_CAPACITY, CAPACITY - 1, CAPACITY_TAKEN)
    run.organize(SET_CAPACITY, CAPACITY + 1)
    run.book(1)
    return run


def an_event_is_called_off() -> Run:
    run = Run()
    row = run.book(2)
    undecided = run.book(status=PENDING)
    run.organize(CANCEL_EVENT, freed=2)
    run.change(row, status=CANCELLED, reason=EVENT_CANCELLED)
    run.note(CANCEL_BOOKING, undecided, CANCELLED)
    run.change(run.rows[1], reason=EVENT_CANCELLED, settled_at=run.changes[0].done_at)
    run.rules = {"is_cancelled": True}
    return run


def a_pending_booking_is_cancelled() -> Run:
    run = Run()
    row = run.book(status=PENDING)
    row = run.act(row, CANCEL_BOOKING)
    run.change(row, settled_at=run.changes[0].done_at)
    del run.history.answers[2]  # that shows it when it was decided
    return run


RIGHT = [
    a_seat_given_back_is_sold_again,
    seats_change,
    capacity_changes,
    an_event_is_called_off,
    a_pending_booking_is_cancelled,
]


@pytest.mark.parametrize("make", RIGHT, ids=lambda make: make.__name__)
def test_a_run_without_a_fault_is_clean(make: Callable[[], Run]) -> None:
    verdict = make().judge()
    assert verdict.is_clean, verdict.examples


def losing_a_change() -> Run:
    run = Run()
    run.act(run.book(), CANCEL_BOOKING)
    run.changes.clear()
    run.change(run.rows[0], status=CONFIRMED)
    run.history.answers[-1] = run.history.answers[-1]._replace(status=202, state="cancelling")
    return run


def saying_done_of_what_is_not() -> Run:
    run = Run()
    run.act(run.book(), SET_SEATS, seats=2)
    run.changes.clear()
    run.change(run.rows[0], seats=1)
    run.history.answers[-1] = run.history.answers[-1]._replace(seats=1)
    return run


def telling_of_two_outcomes() -> Run:
    run = Run()
    run.act(run.book(), CANCEL_BOOKING)
    run.history.answers.append(run.history.answers[-1]._replace(status=409, booking_id=None, problem="too-late"))
    return run


def refusing_what_was_done() -> Run:
    run = Run()
    run.act(run.book(), CANCEL_BOOKING)
    run.history.answers[-1] = run.history.answers[-1]._replace(status=409, booking_id=None, problem="too-late")
    return run


def hiding_a_booking_from_a_change() -> Run:
    run = Run()
    run.act(run.book(), CANCEL_BOOKING)
    run.history.answers.append(run.history.answers[-1]._replace(status=404, booking_id=None))
    return run


def storing_a_change_twice() -> Run:
    run = Run()
    run.act(run.book(), CANCEL_BOOKING)
    run.act(run.rows[0], CANCEL_BOOKING)
    run.alter(1, key=run.changes[0].key, status_before=None, status_after=None, seats_before=None, seats_after=None)
    return run


def inventing_a_change() -> Run:
    run = Run()
    run.changes.append(
        ChangeRow(uuid7_at(START), SUSPEND_WAITLIST, EVENT, user=OTHER_USER, outcome="done", done_at=START)
    )
    return run


def leaving_a_change_due() -> Run:
    run = Run()
    run.organize(SUSPEND_WAITLIST)
    run.alter(0, outcome=None, done_at=None, step=None)
    run.history.answers[-1] = run.history.answers[-1]._replace(status=202)
    return run


def leaving_an_act_without_an_answer() -> Run:
    run = Run()
    run.organize(SUSPEND_WAITLIST)
    run.history.answers[-1] = run.history.answers[-1]._replace(status=LOST)
    run.history.unresolved_acts.add(0)
    return run


def freeing_seats_twice() -> Run:
    run = Run()
    run.act(run.book(2), CANCEL_BOOKING)
    run.alter(0, seats_taken=-4)
    return run


def selling_more_after_a_change() -> Run:
    run = Run()
    row = run.book(2)
    run.act(run.book(2), SET_SEATS, seats=1)
    run.act(row, SET_SEATS, seats=CAPACITY)
    return run


def coming_back_from_the_dead() -> Run:
    run = Run()
    row = run.act(run.book(), CANCEL_BOOKING)
    run.act(row, CONFIRM_HOLD)
    return run


def leaving_a_booking_as_no_change_left_it() -> Run:
    run = Run()
    run.act(run.book(2), SET_SEATS, seats=1)
    run.change(run.rows[0], seats=2)
    run.history.answers = [a for a in run.history.answers if a.kind != SET_SEATS]
    return run


def refusing_seats_that_are_free() -> Run:
    run = Run()
    run.act(run.book(), SET_SEATS, seats=2, outcome=SOLD_OUT)
    return run


def lowering_the_capacity_below_what_is_taken() -> Run:
    run = Run()
    run.book(3)
    run.organize(SET_CAPACITY, 2)
    run.organize(SET_CAPACITY, 3)
    return run


def freeing_more_than_an_event_had() -> Run:
    run = an_event_is_called_off()
    run.alter(0, seats_taken=-3)
    return run


def booking_what_was_called_off() -> Run:
    run = an_event_is_called_off()
    run.book()
    return run


def showing_seats_that_it_never_had() -> Run:
    run = Run()
    run.answer(run.book(), POLL, START + 9, 200, CONFIRMED, 3)
    return run


def showing_a_change_before_it_is_done() -> Run:
    run = Run()
    row = run.act(run.book(2), SET_SEATS, seats=1)
    run.answer(row, POLL, START + 0.5, 200, CONFIRMED, 1)
    return run


def showing_confirmed_after_cancelled() -> Run:
    run = Run()
    row = run.act(run.book(), CANCEL_BOOKING)
    run.answer(row, POLL, START + 9, 200, CONFIRMED)
    return run


def showing_cancelling_after_rejected() -> Run:
    run = Run()
    row = run.book(CAPACITY + 1, REJECTED)
    run.answer(row, POLL, START + 9, 200, "cancelling")
    return run


SPOILT: dict[Callable[[], Run], set[Promise]] = {
    losing_a_change: {Promise.KEPT},
    saying_done_of_what_is_not: {Promise.KEPT},
    telling_of_two_outcomes: {Promise.ONCE},
    refusing_what_was_done: {Promise.ONCE},
    hiding_a_booking_from_a_change: {Promise.KEPT},
    storing_a_change_twice: {Promise.ONCE},
    inventing_a_change: {Promise.ASKED_FOR},
    leaving_a_change_due: {Promise.SETTLED},
    leaving_an_act_without_an_answer: {Promise.SETTLED},
    freeing_seats_twice: {Promise.SEATS},
    selling_more_after_a_change: {Promise.CHANGED, Promise.SEATS},
    coming_back_from_the_dead: {Promise.ARROWS, Promise.FORWARD},
    leaving_a_booking_as_no_change_left_it: {Promise.ARROWS},
    refusing_seats_that_are_free: {Promise.CHANGED},
    lowering_the_capacity_below_what_is_taken: {Promise.CHANGED},
    freeing_more_than_an_event_had: {Promise.SEATS},
    booking_what_was_called_off: {Promise.FAIR},
    showing_seats_that_it_never_had: {Promise.SHOWN},
    showing_a_change_before_it_is_done: {Promise.SHOWN},
    showing_confirmed_after_cancelled: {Promise.FORWARD},
    showing_cancelling_after_rejected: {Promise.FORWARD},
}


@pytest.mark.parametrize("spoil", SPOILT, ids=lambda spoil: spoil.__name__)
def test_the_checker_notices(spoil: Callable[[], Run]) -> None:
    verdict = spoil().judge()
    assert verdict.broken == SPOILT[spoil], verdict.examples


def test_what_is_refused_by_the_list_may_get_seats_that_came_back() -> None:
    run = a_seat_given_back_is_sold_again()
    again: Row = run.rows[-1]
    run.answer(again, "book", START + 1, LOST)
    run.answer(again, "book", START + 2, 409)
    assert run.judge().is_clean
