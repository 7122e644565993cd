"""The checker must be able to fail: each test makes up a run in which one promise is broken, and only that one.

Those of changes are in `test_campaign_checker_changes.py`, of holds, lists and limits in `…_rules.py`.
"""

from collections.abc import Callable

import pytest

from tests.faults.campaign.history import BOOK, LATE, LOST, POLL
from tests.faults.campaign.stored import Snapshot
from tests.faults.campaign.verdict import Promise
from tests.faults.made_up import CAPACITY, KEYLESS_USER, OTHER_USER, START, Run, uuid7_at


@pytest.fixture
def run() -> Run:
    return Run()


def test_a_run_without_a_fault_is_clean(run: Run) -> None:
    for _ in range(CAPACITY):
        run.book()
    run.book(status="rejected")
    verdict = run.judge()
    assert verdict.is_clean, verdict.examples
    assert verdict.numbers() == {
        "lost": 0,
        "doubled": 0,
        "oversold": 0,
        "unsettled": 0,
        "errors_500": 0,
        "other": 0,
    }


def test_lost_connections_and_503_are_no_breach(run: Run) -> None:
    row = run.book()
    run.answer(row, BOOK, START - 1, LOST)
    run.answer(row, BOOK, START - 1, 503)
    run.answer(row, POLL, START + 9, LOST)
    assert run.judge().is_clean


def spoil_by_losing_an_accepted_booking(run: Run) -> None:
    run.book()
    run.rows.remove(run.book())


def spoil_by_hiding_an_accepted_booking(run: Run) -> None:
    run.answer(run.book(), POLL, START + 5, 404)


def spoil_by_not_knowing_a_repetition(run: Run) -> None:
    run.answer(run.book(), BOOK, START + 5, 422)


def spoil_by_storing_something_else(run: Run) -> None:
    run.change(run.book(), seats=2)


def spoil_by_storing_a_key_twice(run: Run) -> None:
    run.rows.append(run.book()._replace(booking_id=uuid7_at(START, 99)))


def spoil_by_storing_twice_what_came_without_a_key(run: Run) -> None:
    run.rows.append(run.book(user=KEYLESS_USER)._replace(booking_id=uuid7_at(START, 99)))


def spoil_by_telling_of_two_bookings(run: Run) -> None:
    row = run.book()
    run.answer(row._replace(booking_id=uuid7_at(START, 99)), BOOK, START + 5, 202, "pending")


def spoil_by_inventing_a_booking(run: Run) -> None:
    run.book()
    run.rows.append(run.rows[0]._replace(booking_id=uuid7_at(START, 99), user=OTHER_USER, key="nobody's"))


def spoil_by_leaving_a_booking_pending(run: Run) -> None:
    run.change(run.book(), status="pending", settled_at=None)


def spoil_by_leaving_a_client_without_an_answer(run: Run) -> None:
    run.book()
    run.history.unresolved.add(0)


def spoil_by_selling_a_seat_twice(run: Run) -> None:
    run.capacity = 1
    run.book()
    run.book()


def spoil_by_an_internal_error(run: Run) -> None:
    run.answer(run.book(), BOOK, START - 1, 500)


def spoil_by_a_request_that_hangs(run: Run) -> None:
    run.answer(run.book(), BOOK, START - 1, LATE)


def spoil_by_showing_pending_after_confirmed(run: Run) -> None:
    run.answer(run.book(), POLL, START + 5, 200, "pending")


def spoil_by_showing_rejected_after_confirmed(run: Run) -> None:
    run.answer(run.book(), POLL, START + 5, 200, "rejected")


def spoil_by_storing_another_decision_than_was_shown(run: Run) -> None:
    run.capacity = 0
    row = run.book(status="rejected")
    run.history.answers[-1] = run.history.answers[-1]._replace(state="confirmed")
    assert row.status == "rejected"


def spoil_by_confirming_what_was_refused(run: Run) -> None:
    run.answer(run.book(), BOOK, START + 5, 409)


def spoil_by_rejecting_although_it_fits(run: Run) -> None:
    run.book(seats=2)
    run.book(seats=2, status="rejected")


def spoil_by_rejecting_before_the_seats_were_gone(run: Run) -> None:
    run.book(seats=2, status="rejected")
    run.book(seats=CAPACITY)


def spoil_by_deciding_a_later_booking_first(run: Run) -> None:
    run.book(settled=START + 1.9)
    run.book(settled=START + 1.8)


def spoil_by_breaking_the_audit_on_the_way(run: Run) -> None:
    run.book()
    run.snapshots += [Snapshot(START, []), Snapshot(START + 1, ["the seats of an event are free or held"])]


SPOILT: dict[Callable[[Run], None], set[Promise]] = {
    spoil_by_losing_an_accepted_booking: {Promise.KEPT},
    spoil_by_hiding_an_accepted_booking: {Promise.KEPT},
    spoil_by_not_knowing_a_repetition: {Promise.KEPT},
    # It is not stored, something that nobody asked for is, and that was never shown.
    spoil_by_storing_something_else: {Promise.KEPT, Promise.ASKED_FOR, Promise.SHOWN},
    spoil_by_storing_a_key_twice: {Promise.ONCE},
    spoil_by_storing_twice_what_came_without_a_key: {Promise.ONCE},
    spoil_by_telling_of_two_bookings: {Promise.ONCE, Promise.KEPT},
    spoil_by_inventing_a_booking: {Promise.ASKED_FOR},
    spoil_by_leaving_a_booking_pending: {Promise.SETTLED},
    spoil_by_leaving_a_client_without_an_answer: {Promise.SETTLED},
    # The second was not possible at its turn either.
    spoil_by_selling_a_seat_twice: {Promise.SEATS, Promise.FAIR},
    spoil_by_an_internal_error: {Promise.NO_500},
    spoil_by_a_request_that_hangs: {Promise.ANSWERED_IN_TIME},
    spoil_by_showing_pending_after_confirmed: {Promise.FORWARD},
    spoil_by_showing_rejected_after_confirmed: {Promise.FORWARD},
    spoil_by_storing_another_decision_than_was_shown: {Promise.FORWARD},
    spoil_by_confirming_what_was_refused: {Promise.FORWARD},
    spoil_by_rejecting_although_it_fits: {Promise.FAIR},
    spoil_by_rejecting_before_the_seats_were_gone: {Promise.FAIR},
    spoil_by_deciding_a_later_booking_first: {Promise.ORDER},
    spoil_by_breaking_the_audit_on_the_way: {Promise.AUDIT},
}


@pytest.mark.parametrize("spoil", SPOILT, ids=lambda spoil: spoil.__name__)
def test_the_checker_notices(run: Run, spoil: Callable[[Run], None]) -> None:
    spoil(run)
    verdict = run.judge()
    assert verdict.broken == SPOILT[spoil], verdict.examples


def test_a_seat_too_few_for_a_group_is_given_to_one_who_fits(run: Run) -> None:
    run.book(seats=3)
    run.book(seats=2, status="rejected")
    run.book(seats=1)
    assert run.judge().is_clean


def test_bookings_of_a_process_whose_clock_is_off_have_no_place_in_line(run: Run) -> None:
    row = run.book(settled=START + 5)
    run.book(settled=START + 2)
    for index, answer in enumerate(run.history.answers):
        if answer.booking_id == row.booking_id:
            run.history.answers[index] = answer._replace(booking_id=uuid7_at(START + 60))
    run.change(row, booking_id=uuid7_at(START + 60))
    assert run.judge().is_clean


def test_an_attempt_that_was_stored_after_its_repeat_was_refused_may_be_rejected(run: Run) -> None:
    run.book(seats=CAPACITY)
    row = run.book(status="rejected")
    run.history.answers = [a for a in run.history.answers if a.booking_id != row.booking_id]
    run.answer(row, BOOK, START + 1, LOST)
    run.answer(row, BOOK, START + 2, 409)
    assert run.judge().is_clean
