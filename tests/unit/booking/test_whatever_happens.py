"""Whatever happens to the seats of an event: what the pure decision may never do, in thousands of generated cases."""

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from booking_service.domain.models import (
    CANCEL_EVENT,
    CANCELLED,
    CONFIRMED,
    EXPIRED,
    FIT,
    HELD,
    PENDING,
    REJECTED,
    SEAT_TAKING,
    SET_CAPACITY,
    STRICT,
    WAITLISTED,
)
from booking_service.domain.rules import Rules
from booking_service.domain.seats.situation import Booked, Decided, Transition
from tests.fixtures.happenings import (
    ALL,
    BOOKINGS,
    BOOKINGS_AND_CHANGES,
    CALLING_OFF,
    CANCELLATIONS,
    CAPACITIES,
    CHANGES,
    CONFIRMATIONS,
    ENDINGS,
    SEAT_CHANGES,
    Step,
    play,
    rules,
    steps,
)
from tests.fixtures.seats_in_memory import NO_RULES, Hall

ARROWS = {
    PENDING: {CONFIRMED, HELD, WAITLISTED, REJECTED, CANCELLED},
    HELD: {CONFIRMED, EXPIRED, CANCELLED},
    WAITLISTED: {CONFIRMED, HELD, CANCELLED},
    CONFIRMED: {CANCELLED},
}
IN_ORDER, WHO_FITS = NO_RULES._replace(waitlist=STRICT), NO_RULES._replace(waitlist=FIT)

thorough = settings(max_examples=250, deadline=None)


@thorough
@given(CAPACITIES, rules(), st.integers(0, 6), st.sampled_from([1, 2, 3, 100]), steps(ALL))
def test_no_seat_is_sold_twice_and_no_limit_passed_whatever_happens(
    capacity: int, rules: Rules, waiting_max: int, promotions_max: int, story: Sequence[Step]
) -> None:
    play(Hall(capacity, rules, waiting_max=waiting_max, promotions_max=promotions_max), story)


@thorough
@given(CAPACITIES, rules(), steps(ALL | CALLING_OFF))
def test_whatever_happens_a_status_moves_along_its_arrows_only(
    capacity: int, rules: Rules, story: Sequence[Step]
) -> None:
    hall = Hall(capacity, rules)
    moved = transitions_of(hall)
    play(hall, story)
    assert all(move.status in ARROWS[move.was] or move.status == move.was for move in moved)
    assert all(move.seats_was >= move.seats for move in moved if move.was != move.status)


@thorough
@given(CAPACITIES, rules(), steps(ALL), steps(ALL))
def test_of_an_event_that_is_called_off_nobody_gets_a_seat_any_more(
    capacity: int, rules: Rules, before: Sequence[Step], after: Sequence[Step]
) -> None:
    hall = play(Hall(capacity, rules), before)
    hall.do(CANCEL_EVENT)
    assert (hall.event.is_cancelled, hall.event.available) == (True, hall.event.capacity)
    moved = transitions_of(hall)
    play(hall, after)
    assert {move.status for move in moved} <= {CANCELLED, PENDING}  # pending: what waits wants other seats
    assert all(move.seats_taken == 0 for move in moved)
    assert not {booking.status for booking in hall.bookings.values()} & {*SEAT_TAKING, WAITLISTED, PENDING}


@thorough
@given(CAPACITIES, rules(), steps(BOOKINGS, 30), steps(CHANGES, 30), st.sampled_from([1, 2]))
def test_batches_of_any_size_decide_the_same(
    capacity: int, rules: Rules, bookings: Sequence[Step], changes: Sequence[Step], batch_max: int
) -> None:
    # Where the order is the same: a batch takes changes before bookings, so each kind has its turn alone.
    halls = Hall(capacity, rules), Hall(capacity, rules)
    for hall, size in zip(halls, (batch_max, 10_000), strict=True):
        for story in (bookings, changes):
            for step in story:
                step(hall)
            hall.drain(size)
    small, large = halls
    assert (small.standing(), small.outcomes, small.holds) == (large.standing(), large.outcomes, large.holds)


@thorough
@given(CAPACITIES, rules(), steps(BOOKINGS, 20), steps(BOOKINGS_AND_CHANGES, 20))
def test_an_event_is_called_off_in_batches_as_it_is_in_one(
    capacity: int, rules: Rules, before: Sequence[Step], meanwhile: Sequence[Step]
) -> None:
    hall = play(Hall(capacity, rules), before)
    hall.ask(CANCEL_EVENT)
    other = deepcopy(hall)
    other.drain()
    moved = transitions_of(hall)
    for step in meanwhile:
        step(hall)
        hall.settle(3)
        assert hall.faults() == []
    hall.drain(3)
    assert all(move.seats_taken <= 0 for move in moved)
    statuses = {booking_id: hall.bookings[booking_id].status for booking_id in other.bookings}
    assert statuses == {booking.id: booking.status for booking in other.bookings.values()}
    assert hall.event.available == hall.event.capacity


def transitions_of(hall: Hall) -> list[Transition]:
    """Return a list that fills up with whatever ``hall`` decides from now on."""
    moved: list[Transition] = []
    settle = hall.settle

    def settle_and_tell(batch_max: int = 10_000) -> object:
        decided = settle(batch_max)
        moved.extend(decided.transitions)
        return decided

    hall.settle = settle_and_tell  # type: ignore[method-assign, assignment]  # a witness between the two
    return moved


def overtakings(hall: Hall, before: Sequence[Booked], decided: Decided) -> list[tuple[bytes, bytes]]:
    """List who got seats, and who of those that waited ``before`` stood in front and might have been served."""
    waiting = {booking.id: booking for booking in before}
    found = []
    for moved in decided.transitions:
        waiting.pop(moved.id, None)
        if moved.status in SEAT_TAKING and moved.was in {PENDING, WAITLISTED}:
            in_turn = (booking.id for booking in waiting.values() if booking.enough <= hall.event.capacity)
            found += [(moved.id, first) for first in in_turn if moved.was == PENDING or first < moved.id]
        if moved.status == WAITLISTED:
            waiting[moved.id] = Booked(
                moved.id, moved.event_id, 0, moved.seats, WAITLISTED, hall.bookings[moved.id].seats_min
            )
    return found


@thorough
@given(CAPACITIES, rules(st.just(STRICT)), steps(BOOKINGS_AND_CHANGES))
def test_in_a_strict_event_nobody_overtakes(capacity: int, rules: Rules, story: Sequence[Step]) -> None:
    hall = Hall(capacity, rules)
    for step in story:
        step(hall)
        before = [replace(booking) for booking in hall.waiting()]
        decided = hall.settle()  # of one act, so that the capacity is one
        assert overtakings(hall, before, decided) == []


@thorough
@given(CAPACITIES, rules(st.sampled_from([STRICT, FIT])), st.integers(1, 3), steps(BOOKINGS_AND_CHANGES))
def test_nobody_waits_for_what_is_free(capacity: int, rules: Rules, promotions_max: int, story: Sequence[Step]) -> None:
    hall = Hall(capacity, rules, promotions_max=promotions_max)
    for step in story:
        step(hall)
        hall.drain()
        assert hall.faults() == []


@thorough
@given(CAPACITIES, rules(st.just(FIT)), steps(BOOKINGS | CANCELLATIONS | SEAT_CHANGES | CONFIRMATIONS | ENDINGS))
def test_in_a_fit_event_who_wants_no_more_than_somebody_behind_is_served_before(
    capacity: int, rules: Rules, story: Sequence[Step]
) -> None:
    hall = Hall(capacity, rules)
    for step in story:
        step(hall)
        decided = hall.settle()
        promoted = [o.booking_id or b"" for o in decided.outcomes if o.id is None and o.status_before == WAITLISTED]
        for served in (hall.bookings[booking_id] for booking_id in promoted):
            assert not [b for b in hall.waiting() if b.id < served.id and b.enough <= served.enough]


@thorough
@given(rules(st.sampled_from([STRICT, FIT])), steps(BOOKINGS), st.integers(1, 60), st.sampled_from([1, 2, 3]))
def test_promotions_in_several_batches_serve_whom_one_batch_would_have_served(
    rules: Rules, bookings: Sequence[Step], capacity: int, promotions_max: int
) -> None:
    halls = Hall(0, rules, promotions_max=promotions_max), Hall(0, rules)
    for hall in halls:
        hall.event.capacity = 5  # so that whoever wants up to five may wait, of which none are free
        for step in bookings:
            step(hall)
        hall.drain()
        hall.event.capacity = 0
        hall.ask(SET_CAPACITY, argument=capacity)
        hall.drain()
        assert hall.faults() == []
    several, one = halls
    assert several.standing() == one.standing()


@thorough
@given(CAPACITIES, st.sampled_from([IN_ORDER, WHO_FITS]), steps(BOOKINGS_AND_CHANGES))
def test_while_a_list_is_suspended_nobody_is_promoted(capacity: int, rules: Rules, story: Sequence[Step]) -> None:
    hall = Hall(capacity, rules)
    for step in story:
        step(hall)
        was_suspended = hall.event.is_suspended
        promoted = [o for o in hall.settle().outcomes if o.id is None]
        assert not (promoted and was_suspended and hall.event.is_suspended)
