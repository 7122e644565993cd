"""The checker must see what goes wrong with holds, waiting lists and limits: one broken promise in each made-up run."""

from collections.abc import Callable

import pytest

from booking_service.domain.models import (
    CANCEL_BOOKING,
    CONFIRM_HOLD,
    FIT,
    HELD,
    HOLD_EXPIRED,
    REJECTED,
    RESUME_WAITLIST,
    SET_CAPACITY,
    SET_SEATS,
    STRICT,
    SUSPEND_WAITLIST,
    TOO_LATE,
    USER_LIMIT,
    WAITLIST_FULL,
    WAITLISTED,
)
from tests.faults.campaign.verdict import Promise
from tests.faults.made_up import CAPACITY, START, Run
from tests.faults.test_campaign_checker import SPOILT as SPOILT_BOOKINGS
from tests.faults.test_campaign_checker_changes import SPOILT as SPOILT_CHANGES

HOLD_SECONDS = 10


def with_list(waitlist: str, capacity: int = CAPACITY) -> Run:
    return Run(capacity=capacity, rules={"waitlist": waitlist, "waiting_max": 3})


def with_holds() -> Run:
    return Run(rules={"hold_seconds": HOLD_SECONDS})


def with_limit(seats: int = 2) -> Run:
    return Run(rules={"seats_per_user_max": seats})


def a_strict_list_moves_up() -> Run:
    run = with_list(STRICT)
    row = run.book(CAPACITY)
    first, second, third = (run.book(seats, WAITLISTED) for seats in (2, 3, 1))
    run.book(status=REJECTED, reason=WAITLIST_FULL)
    run.act(row, SET_SEATS, seats=1)
    run.promote(first)
    assert (second.status, third.status) == (WAITLISTED, WAITLISTED)  # nobody overtakes
    return run


def who_stands_before_those_who_wait_is_decided_after_them() -> Run:
    run = with_list(STRICT)
    run.book(CAPACITY - 1)
    run.book(2, WAITLISTED, settled=START + 2.1)
    run.clock = START + 0.5
    run.book(1, settled=START + 3)  # its process was slow to store it
    run.history.answers = [a for a in run.history.answers if a.status != 202 or a.number != 2]
    return run


def a_list_that_fits_moves_up() -> Run:
    run = with_list(FIT)
    row = run.book(CAPACITY)
    run.book(3, WAITLISTED)
    small = run.book(1, WAITLISTED)
    run.act(row, SET_SEATS, seats=2)
    run.promote(small)
    run.book(1)  # who fits where nobody who waits does
    return run


def who_would_do_with_fewer_gets_those() -> Run:
    run = with_list(FIT)
    row = run.book(CAPACITY)
    waiting = run.book(3, WAITLISTED, seats_min=2)
    run.act(row, SET_SEATS, seats=2)
    run.promote(waiting, seats=2)
    return run


def a_suspended_list_waits_until_it_is_resumed() -> Run:
    run = with_list(STRICT)
    row = run.book(CAPACITY)
    waiting = run.book(1, WAITLISTED)
    run.organize(SUSPEND_WAITLIST)
    run.act(row, CANCEL_BOOKING)
    run.organize(RESUME_WAITLIST)
    run.promote(waiting)
    return run


def who_wants_more_than_there_is_blocks_nobody() -> Run:
    run = with_list(STRICT)
    row = run.book(2)
    run.book(3, WAITLISTED)
    run.organize(SET_CAPACITY, 2)
    run.act(row, CANCEL_BOOKING)
    run.book(1)
    return run


def holds_are_confirmed_or_end() -> Run:
    run = with_holds()
    confirmed, expired = run.book(status=HELD), run.book(status=HELD)
    run.act(confirmed, CONFIRM_HOLD)
    run.expire(expired, START + 1 + HOLD_SECONDS + 0.2)
    run.clock = START + 2 * HOLD_SECONDS
    run.act(expired, CONFIRM_HOLD, outcome=HOLD_EXPIRED)
    return run


def limits_hold() -> Run:
    run = with_limit()
    row = run.book(2)
    run.book(status=REJECTED, reason=USER_LIMIT)
    run.act(row, SET_SEATS, seats=3, outcome=USER_LIMIT)
    run.act(row, CANCEL_BOOKING)
    run.book(2)
    return run


def it_is_too_late() -> Run:
    run = Run(rules={"cancel_until": START + 1.5})
    early, late = run.book(), run.book()
    run.clock = START + 1
    run.act(early, CANCEL_BOOKING)
    run.act(late, CANCEL_BOOKING, outcome=TOO_LATE)
    return run


RIGHT = [
    a_strict_list_moves_up,
    who_stands_before_those_who_wait_is_decided_after_them,
    a_list_that_fits_moves_up,
    who_would_do_with_fewer_gets_those,
    a_suspended_list_waits_until_it_is_resumed,
    who_wants_more_than_there_is_blocks_nobody,
    holds_are_confirmed_or_end,
    limits_hold,
    it_is_too_late,
]


@pytest.mark.parametrize("make", RIGHT, ids=lambda make: make.__name__)
def test_a_run_without_a_fault_is_clean(make: Callable[[], Run]) -> None:
    verdict = make().judge()
    assert verdict.is_clean, verdict.examples


def leaving_a_hold() -> Run:
    run = with_holds()
    run.book(status=HELD)
    return run


def _promoting(*turns: int, freed: int = 1) -> Run:
    run = with_list(STRICT)
    row = run.book(CAPACITY)
    waiting = [run.book(1, WAITLISTED) for _ in range(2)]
    run.act(row, SET_SEATS, seats=CAPACITY - freed)
    for turn in turns:
        run.promote(waiting[turn])
    return run


def promoting_who_came_later() -> Run:
    return _promoting(1)


def promoting_nobody() -> Run:
    return _promoting()


def promoting_later_than_at_once() -> Run:
    run = _promoting(0)
    run.alter(1, done_at=START + 99)
    run.book(1, REJECTED, reason=WAITLIST_FULL)
    return run


def promoting_who_does_not_fit() -> Run:
    run = with_list(FIT)
    row = run.book(CAPACITY)
    large, small = run.book(3, WAITLISTED, seats_min=2), run.book(1, WAITLISTED)
    run.act(row, SET_SEATS, seats=CAPACITY - 1)
    run.promote(large, seats=1)
    assert small.status == WAITLISTED
    return run


def overtaking_the_list() -> Run:
    run = with_list(STRICT)
    run.book(CAPACITY - 1)
    run.book(2, WAITLISTED)
    run.book(1)
    return run


def confirming_after_the_end() -> Run:
    run = with_holds()
    row = run.book(status=HELD)
    run.act(row, CONFIRM_HOLD, at=START + HOLD_SECONDS + 0.2)
    return run


def ending_a_hold_too_early() -> Run:
    run = with_holds()
    run.expire(run.book(status=HELD), START + 5)
    return run


def ending_what_was_confirmed() -> Run:
    run = with_holds()
    row = run.act(run.book(status=HELD), CONFIRM_HOLD)
    run.expire(row, START + 2 * HOLD_SECONDS)
    return run


def booking_more_than_the_limit() -> Run:
    run = with_limit()
    run.book(2)
    run.book(1)
    return run


def taking_more_than_the_limit() -> Run:
    run = with_limit()
    run.act(run.book(2), SET_SEATS, seats=3)
    return run


SPOILT: dict[Callable[[], Run], set[Promise]] = {
    leaving_a_hold: {Promise.SETTLED},
    promoting_who_came_later: {Promise.TURN},
    promoting_nobody: {Promise.TURN},
    promoting_later_than_at_once: {Promise.TURN},
    promoting_who_does_not_fit: {Promise.TURN},
    overtaking_the_list: {Promise.FAIR},
    confirming_after_the_end: {Promise.HOLD},
    ending_a_hold_too_early: {Promise.HOLD},
    ending_what_was_confirmed: {Promise.HOLD, Promise.FORWARD},
    booking_more_than_the_limit: {Promise.LIMIT},
    taking_more_than_the_limit: {Promise.LIMIT},
}


@pytest.mark.parametrize("spoil", SPOILT, ids=lambda spoil: spoil.__name__)
def test_the_checker_notices(spoil: Callable[[], Run]) -> None:
    verdict = spoil().judge()
    assert verdict.broken == SPOILT[spoil], verdict.examples


def test_every_promise_that_the_checker_judges_is_among_them() -> None:
    noticed = set().union(*SPOILT_BOOKINGS.values(), *SPOILT_CHANGES.values(), *SPOILT.values())
    # These two are told by the processes' logs and by the scheduler.
    assert set(Promise) - noticed == {Promise.LOCKED, Promise.RECOVERS}
