"""The story of a booking, reconstructed from rows: lives of many shapes."""

from itertools import permutations

import pytest

from booking_service.domain.models import (
    CANCEL_BOOKING,
    CANCEL_EVENT,
    CANCELLED,
    CONFIRM_HOLD,
    CONFIRMED,
    EVENT_CANCELLED,
    EXPIRE_HOLD,
    EXPIRED,
    HELD,
    HOLD_EXPIRED,
    NOT_ACTIVE,
    NOT_HELD,
    PENDING,
    PROMOTE,
    REJECTED,
    SET_SEATS,
    SOLD_OUT,
    TOO_LATE,
    WAITLISTED,
)
from tests.fixtures.lives import ADMIN, OWNER, booking, entry, story, told

REQUESTED = (0, "requested", PENDING, 2)


def test_a_pending_booking_was_asked_for_and_no_more() -> None:
    (line,) = story(booking())
    assert told([line]) == [REQUESTED]
    assert (line.by, line.reason) == (OWNER, None)


@pytest.mark.parametrize("status", [CONFIRMED, HELD, WAITLISTED])
def test_a_decision_that_nothing_followed_is_what_the_row_says(status: str) -> None:
    assert told(story(booking(status))) == [REQUESTED, (1, "decided", status, 2)]


def test_a_rejection_says_why() -> None:
    _, decided = story(booking(REJECTED, reason=SOLD_OUT))
    assert (decided.what, decided.status, decided.reason, decided.by) == ("decided", REJECTED, SOLD_OUT, None)


def test_who_cancels_before_the_decision_was_never_decided() -> None:
    cancel = entry(CANCEL_BOOKING, asked=0.5, done=1, move=(PENDING, 2, CANCELLED, 2))
    assert told(story(booking(CANCELLED), cancel)) == [
        REQUESTED,
        (0.5, "cancellation_asked", PENDING, 2),
        (1, "cancelled", CANCELLED, 2),
    ]


def test_a_hold_that_is_confirmed_was_held_first() -> None:
    confirm = entry(CONFIRM_HOLD, asked=2, done=3, move=(HELD, 2, CONFIRMED, 2), by=ADMIN)
    lines = story(booking(CONFIRMED), confirm, has_holds=True)
    assert told(lines) == [
        REQUESTED,
        (1, "decided", HELD, 2),
        (2, "confirmation_asked", HELD, 2),
        (3, "confirmed", CONFIRMED, 2),
    ]
    assert [line.by for line in lines] == [OWNER, None, ADMIN, ADMIN]


def test_a_hold_that_nobody_confirms_expires_by_nobodys_wish() -> None:
    late = entry(CONFIRM_HOLD, asked=11, done=12, outcome=HOLD_EXPIRED)
    lines = story(booking(EXPIRED), entry(EXPIRE_HOLD, done=10, move=(HELD, 2, EXPIRED, 2)), late, has_holds=True)
    assert told(lines) == [
        REQUESTED,
        (1, "decided", HELD, 2),
        (10, "hold_expired", EXPIRED, 2),
        (11, "confirmation_asked", EXPIRED, 2),
        (12, "confirmation_refused", EXPIRED, 2),
    ]
    assert lines[2].by is None
    assert lines[4].reason == HOLD_EXPIRED


def test_waitlisted_promoted_with_fewer_seats_changed_and_cancelled() -> None:
    lines = story(
        booking(CANCELLED, seats=3),
        entry(PROMOTE, done=5, step=1, move=(WAITLISTED, 6, CONFIRMED, 4)),
        entry(SET_SEATS, asked=6, done=7, move=(CONFIRMED, 4, CONFIRMED, 3), argument=3),
        entry(SET_SEATS, asked=8, done=8.5, outcome=SOLD_OUT, argument=50),
        entry(CANCEL_BOOKING, asked=9, done=10, move=(CONFIRMED, 3, CANCELLED, 3)),
        seats_min=2,
    )
    assert told(lines) == [
        (0, "requested", PENDING, 6),
        (1, "decided", WAITLISTED, 6),
        (5, "promoted", CONFIRMED, 4),
        (6, "seats_asked", CONFIRMED, 3),
        (7, "seats_changed", CONFIRMED, 3),
        (8, "seats_asked", CONFIRMED, 50),
        (8.5, "seats_refused", CONFIRMED, 3),
        (9, "cancellation_asked", CONFIRMED, 3),
        (10, "cancelled", CANCELLED, 3),
    ]
    assert [line.reason for line in lines if line.reason] == [SOLD_OUT]


def test_seats_that_change_before_the_decision_are_told_before_it() -> None:
    earlier = entry(SET_SEATS, asked=0.2, done=1, step=3, move=(PENDING, 2, PENDING, 5), argument=5)
    later = entry(SET_SEATS, asked=3, done=4, move=(CONFIRMED, 5, CONFIRMED, 1), argument=1)
    assert told(story(booking(CONFIRMED, seats=1), later, earlier)) == [
        REQUESTED,
        (0.2, "seats_asked", PENDING, 5),
        (1, "seats_changed", PENDING, 5),
        (1, "decided", CONFIRMED, 5),
        (3, "seats_asked", CONFIRMED, 1),
        (4, "seats_changed", CONFIRMED, 1),
    ]


def test_what_was_refused_in_the_batch_of_the_decision_came_before_it() -> None:
    refused = entry(CONFIRM_HOLD, asked=0.5, done=1, outcome=NOT_HELD)
    assert [line.what for line in story(booking(HELD), refused, has_holds=True)] == [
        "requested",
        "confirmation_asked",
        "confirmation_refused",
        "decided",
    ]


def test_asking_twice_changes_nothing_the_second_time() -> None:
    first = entry(CANCEL_BOOKING, asked=2, done=3, move=(CONFIRMED, 2, CANCELLED, 2))
    second = entry(CANCEL_BOOKING, asked=4, done=5)
    assert told(story(booking(CANCELLED), first, second))[-1] == (5, "unchanged", CANCELLED, 2)


def test_what_is_asked_for_and_not_decided_stands_at_the_end() -> None:
    too_late = entry(CANCEL_BOOKING, asked=2, done=3, outcome=TOO_LATE)
    waits = entry(SET_SEATS, asked=4, argument=1)
    assert told(story(booking(CONFIRMED), too_late, waits))[2:] == [
        (2, "cancellation_asked", CONFIRMED, 2),
        (3, "cancellation_refused", CONFIRMED, 2),
        (4, "seats_asked", CONFIRMED, 1),
    ]


@pytest.mark.parametrize(("has_holds", "status"), [(True, HELD), (False, CONFIRMED)])
def test_a_called_off_event_ends_a_booking_that_had_its_seats_without_a_row_of_its_own(
    *, has_holds: bool, status: str
) -> None:
    end = entry(CANCEL_EVENT, asked=20, done=25, by=ADMIN)
    refused = entry(SET_SEATS, asked=3, done=4, outcome=SOLD_OUT, argument=9)
    lines = story(booking(CANCELLED, reason=EVENT_CANCELLED), refused, has_holds=has_holds, calling_off=end)
    assert told(lines) == [
        REQUESTED,
        (1, "decided", status, 2),
        (3, "seats_asked", status, 9),
        (4, "seats_refused", status, 2),
        (25, "event_cancelled", CANCELLED, 2),
    ]
    assert (lines[-1].reason, lines[-1].by) == (EVENT_CANCELLED, ADMIN)


def test_while_the_event_is_being_called_off_its_end_is_when_that_was_asked_for() -> None:
    under_way = entry(CANCEL_EVENT, asked=20, by=ADMIN)
    lines = story(booking(CANCELLED, reason=EVENT_CANCELLED), calling_off=under_way)
    assert told(lines)[-1] == (20, "event_cancelled", CANCELLED, 2)


@pytest.mark.parametrize("status", [PENDING, WAITLISTED])
def test_who_had_no_seat_when_the_event_was_called_off_has_a_row_that_says_so(status: str) -> None:
    note = entry(CANCEL_BOOKING, done=22, move=(status, 2, CANCELLED, 2))
    end = entry(CANCEL_EVENT, asked=20, done=25, by=ADMIN)
    settled = 22 if status == PENDING else 1
    lines = story(booking(CANCELLED, settled=settled, reason=EVENT_CANCELLED), note, calling_off=end)
    assert told(lines) == [
        REQUESTED,
        *([] if status == PENDING else [(1, "decided", WAITLISTED, 2)]),
        (22, "event_cancelled", CANCELLED, 2),
    ]
    assert (lines[-1].reason, lines[-1].by) == (EVENT_CANCELLED, ADMIN)


def test_what_is_done_to_a_booking_whose_event_is_off_is_told_after_its_end() -> None:
    end = entry(CANCEL_EVENT, asked=20, done=25, by=ADMIN)
    note = entry(CANCEL_BOOKING, done=22, move=(WAITLISTED, 2, CANCELLED, 2))
    late = entry(SET_SEATS, asked=30, done=31, outcome=NOT_ACTIVE, argument=1)
    lines = story(booking(CANCELLED, reason=EVENT_CANCELLED), note, late, calling_off=end)
    assert [line.what for line in lines][-3:] == ["event_cancelled", "seats_asked", "seats_refused"]


def test_a_refusal_that_found_the_booking_over_is_told_after_the_end_of_the_event() -> None:
    # Decided while the event was still being called off: the outcome alone says that this booking was over by then.
    refused = entry(SET_SEATS, asked=21, done=22, outcome=NOT_ACTIVE, argument=1)
    end = entry(CANCEL_EVENT, asked=20, done=25, by=ADMIN)
    assert told(story(booking(CANCELLED, reason=EVENT_CANCELLED), refused, calling_off=end))[2:] == [
        (21, "seats_asked", CONFIRMED, 1),
        (22, "event_cancelled", CANCELLED, 2),
        (22, "seats_refused", CANCELLED, 2),
    ]


def test_what_was_decided_after_the_event_was_off_is_told_after_that() -> None:
    refused = entry(CONFIRM_HOLD, asked=26, done=27, outcome=EVENT_CANCELLED, by=ADMIN)
    end = entry(CANCEL_EVENT, asked=20, done=25, by=ADMIN)
    lines = story(booking(CANCELLED, reason=EVENT_CANCELLED), refused, calling_off=end, has_holds=True)
    assert told(lines)[2:] == [
        (25, "event_cancelled", CANCELLED, 2),
        (26, "confirmation_asked", CANCELLED, 2),
        (27, "confirmation_refused", CANCELLED, 2),
    ]


def test_how_many_were_asked_for_is_not_made_up() -> None:
    # Fewer would do, and nobody wrote down whether fewer were given.
    assert story(booking(CONFIRMED, seats=3), seats_min=1)[0].seats is None
    assert story(booking(WAITLISTED, seats=3), seats_min=1)[0].seats == 3
    assert story(booking(PENDING, seats=3), seats_min=1)[0].seats == 3


def test_a_clock_that_is_ahead_puts_no_outcome_before_its_wish() -> None:
    hasty = entry(CANCEL_BOOKING, asked=9, done=3, move=(CONFIRMED, 2, CANCELLED, 2))
    assert told(story(booking(CANCELLED, settled=-5), hasty)) == [
        REQUESTED,
        (-5, "decided", CONFIRMED, 2),
        (9, "cancellation_asked", CONFIRMED, 2),
        (3, "cancelled", CANCELLED, 2),
    ]


def test_the_story_does_not_depend_on_the_order_in_which_rows_come() -> None:
    entries = [
        entry(PROMOTE, done=5, step=1, move=(WAITLISTED, 2, HELD, 2)),
        entry(CONFIRM_HOLD, asked=6, done=7, move=(HELD, 2, CONFIRMED, 2)),
        entry(SET_SEATS, asked=6.5, done=7, step=1, move=(CONFIRMED, 2, CONFIRMED, 1), argument=1),
    ]
    stories = {tuple(story(booking(CONFIRMED, seats=1), *order, has_holds=True)) for order in permutations(entries)}
    assert len(stories) == 1
    assert [line.what for line in stories.pop()] == [
        "requested", "decided", "promoted", "confirmation_asked", "seats_asked", "confirmed", "seats_changed",
    ]  # fmt: skip


def test_a_story_that_is_cut_says_so() -> None:
    first = entry(SET_SEATS, asked=2, done=3, move=(CONFIRMED, 2, CONFIRMED, 1), argument=1)
    assert told(story(booking(CANCELLED, seats=1), first, is_cut=True))[-1] == (3, "more", CANCELLED, 1)
