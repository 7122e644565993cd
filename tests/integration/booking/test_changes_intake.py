"""Intake of changes on each database: what is stored, what is answered in its place, and whose door is closed."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from uuid import UUID

import pytest
from sqlalchemy import func, select, update

from booking_service.domain.bookings.lookup import BookingState
from booking_service.domain.catalogue import EventState
from booking_service.domain.changes import intake
from booking_service.domain.changes.intake import NewChange
from booking_service.domain.changes.lookup import ChangeState, find_changes
from booking_service.domain.errors import EventNotFound
from booking_service.domain.models import (
    CANCEL_BOOKING,
    CANCEL_EVENT,
    CONFIRM_HOLD,
    RESUME_WAITLIST,
    SET_CAPACITY,
    SET_SEATS,
    SUSPEND_WAITLIST,
    Change,
    Event,
)
from shared.database.units import Database
from shared.errors import IdempotencyKeyReused, Problem
from tests.fixtures.bookings import MakeEvent, accept, new_booking
from tests.fixtures.changes import change, request
from tests.fixtures.databases import statements_of
from tests.fixtures.settling import settle_all


def ids(answers: Sequence[ChangeState | Problem]) -> list[UUID]:
    assert all(isinstance(answer, ChangeState) for answer in answers), answers
    return [answer.id for answer in answers if isinstance(answer, ChangeState)]


def rows(database: Database) -> int:
    counted = database.read(lambda c: c.scalar(select(func.count()).select_from(Change).where(Change.requested_by > 0)))
    return counted or 0


def confirmed(database: Database, event: EventState, seats: int = 1) -> BookingState:
    """Book, and have it settled."""
    (booked,) = accept(database, new_booking(event, seats))
    assert isinstance(booked, BookingState)
    settle_all(database)
    return booked


def test_a_batch_is_stored_as_due_in_one_go(booking_database: Database, make_event: MakeEvent) -> None:
    event = make_event(10)
    batch = [change(event, confirmed(booking_database, event), CANCEL_BOOKING, 0) for _ in range(5)]
    answers = request(booking_database, *batch)
    assert ids(answers) == [new.id for new in batch]
    stored = booking_database.read(partial(find_changes, ids=[new.id for new in batch]))
    assert [stored[new.id] for new in batch] == answers
    assert {state.due_lane for state in stored.values()} == {event.lane}
    assert {state.outcome for state in stored.values()} == {None}


def test_a_batch_is_one_insert(booking_database: Database, make_event: MakeEvent) -> None:
    event = make_event(10)
    booked = confirmed(booking_database, event)
    statements: list[str] = []
    with statements_of(booking_database, statements):
        request(booking_database, *[change(event, booked, SET_SEATS, seats) for seats in range(1, 50)])
    assert [statement.split()[0] for statement in statements] == ["SELECT", "INSERT"]


def test_the_same_batch_again_is_the_same_changes(booking_database: Database, make_event: MakeEvent) -> None:
    # As after a commit whose outcome nobody heard of; settled in between or not.
    event = make_event(10)
    booked = confirmed(booking_database, event)
    batch = [
        change(event, booked, SET_SEATS, 2),
        change(event, booked, SET_SEATS, 3, key="k"),
        change(event, None, SET_CAPACITY, 20),
        change(event, booked, CANCEL_BOOKING, 0),
    ]
    first = ids(request(booking_database, *batch))
    assert ids(request(booking_database, *batch)) == first
    settle_all(booking_database)
    again = request(booking_database, *batch)
    assert ids(again) == first
    assert rows(booking_database) == len(batch)


def test_a_repeated_key_answers_the_first_change_also_when_it_is_done(
    booking_database: Database, make_event: MakeEvent
) -> None:
    event = make_event(10)
    booked = confirmed(booking_database, event)
    first = ids(request(booking_database, change(event, booked, SET_SEATS, 3, key="k")))
    settle_all(booking_database)
    request(booking_database, change(event, booked, SET_SEATS, 5))
    settle_all(booking_database)
    (again,) = request(booking_database, change(event, booked, SET_SEATS, 3, key="k"))
    assert isinstance(again, ChangeState)
    assert ([again.id], again.outcome) == (first, "done")


def test_a_key_with_another_request_is_refused(booking_database: Database, make_event: MakeEvent) -> None:
    event, other = make_event(10), make_event(10)
    booked = confirmed(booking_database, event)
    request(booking_database, change(event, booked, SET_SEATS, 3, key="k"))
    answers = request(
        booking_database,
        change(event, booked, SET_SEATS, 2, key="k"),
        change(event, booked, CANCEL_BOOKING, 0, key="k"),
        change(event, confirmed(booking_database, event), SET_SEATS, 3, key="k"),
        change(other, None, CANCEL_EVENT, key="k"),
    )
    assert [type(answer) for answer in answers] == [IdempotencyKeyReused] * 4
    assert rows(booking_database) == 1
    assert cancelled_at(booking_database, other) is None


def test_a_key_twice_in_one_batch_is_one_change(booking_database: Database, make_event: MakeEvent) -> None:
    event = make_event(10)
    booked = confirmed(booking_database, event)
    answers = request(
        booking_database,
        *[change(event, booked, SET_SEATS, 2, key="k") for _ in range(3)],
        change(event, booked, SET_SEATS, 9, key="k"),
    )
    assert len(set(ids(answers[:3]))) == 1
    assert isinstance(answers[3], IdempotencyKeyReused)


def test_keys_belong_to_their_user(booking_database: Database, make_event: MakeEvent) -> None:
    event = make_event(10)
    booked = confirmed(booking_database, event)
    answers = request(booking_database, *[change(event, booked, SET_SEATS, 2, user=user, key="k") for user in (1, 2)])
    assert len(set(ids(answers))) == 2


@pytest.mark.parametrize("key", ["'", '"', "\\", "\\'", "%s", "%(id)s", ":id", "x'); DROP TABLE changes; --", "ä漢😀"])
def test_a_key_is_kept_as_it_is_and_never_read_as_sql(
    booking_database: Database, make_event: MakeEvent, key: str
) -> None:
    event = make_event(10)
    booked = confirmed(booking_database, event)
    first = request(booking_database, change(event, booked, SET_SEATS, 2, key=key))
    assert request(booking_database, change(event, booked, SET_SEATS, 2, key=key)) == first


def test_a_crowd_of_equal_changes_is_one_row(booking_database: Database, make_event: MakeEvent) -> None:
    event = make_event(10)
    booked = confirmed(booking_database, event)
    for kind, argument in ((SET_SEATS, 2), (CANCEL_BOOKING, 0)):
        first = ids(request(booking_database, *[change(event, booked, kind, argument) for _ in range(10)]))
        again = ids(request(booking_database, *[change(event, booked, kind, argument, user=2) for _ in range(10)]))
        assert len({*first, *again}) == 1
    assert rows(booking_database) == 2


def test_what_was_asked_for_in_between_makes_an_equal_change_another_one(
    booking_database: Database, make_event: MakeEvent
) -> None:
    event = make_event(10)
    booked = confirmed(booking_database, event)
    # Together, and one after the other.
    for kind, arguments in ((SET_SEATS, (3, 5, 3)), (SET_CAPACITY, (30, 50, 30))):
        about = booked if kind == SET_SEATS else None
        together = ids(request(booking_database, *[change(event, about, kind, n) for n in arguments]))
        apart = [ids(request(booking_database, change(event, about, kind, n)))[0] for n in arguments]
        assert len(set(together)) == 3
        assert len({*together, *apart}) == 5  # the first of them asks for what the last one before does
    suspended = [change(event, None, kind) for kind in (SUSPEND_WAITLIST, RESUME_WAITLIST, SUSPEND_WAITLIST)]
    assert len(set(ids(request(booking_database, *suspended)))) == 3


def test_a_cancellation_is_the_same_whatever_was_asked_for_in_between(
    booking_database: Database, make_event: MakeEvent
) -> None:
    event = make_event(10)
    booked = confirmed(booking_database, event)
    cancel, more = change(event, booked, CANCEL_BOOKING, 0), change(event, booked, SET_SEATS, 5)
    first = ids(request(booking_database, cancel, more))[0]
    keyed = [change(event, booked, CANCEL_BOOKING, 0, key=key) for key in "ab"]
    assert ids(request(booking_database, change(event, booked, CANCEL_BOOKING, 0), *keyed)) == [first] * 3
    # Whoever may do so at any time asks for something else.
    assert ids(request(booking_database, change(event, booked, CANCEL_BOOKING, 1))) != [first]


def test_what_has_a_key_is_remembered_although_the_same_is_due(
    booking_database: Database, make_event: MakeEvent
) -> None:
    event = make_event(10)
    booked = confirmed(booking_database, event)
    for kind, argument in ((SET_SEATS, 2), (CONFIRM_HOLD, None)):
        keyed = [change(event, booked, kind, argument, key=f"{kind}{key}") for key in "abc"]
        answers = ids(request(booking_database, change(event, booked, kind, argument), *keyed))
        assert len(set(answers)) == 4


def test_a_cancellation_that_came_too_late_is_told_so_again_without_a_row(
    booking_database: Database, make_event: MakeEvent
) -> None:
    event = make_event(10)
    booked = confirmed(booking_database, event)
    set_rules(booking_database, event, cancel_until=datetime(2026, 1, 1, tzinfo=UTC))
    first = ids(request(booking_database, change(event, booked, CANCEL_BOOKING, 0)))
    settle_all(booking_database)
    again = request(booking_database, change(event, booked, CANCEL_BOOKING, 0, user=2, key="k"))
    assert ids(again) == first
    assert [answer.outcome for answer in again if isinstance(answer, ChangeState)] == ["too_late"]
    assert rows(booking_database) == 1


def test_one_bad_row_does_not_take_the_others_with_it(booking_database: Database, make_event: MakeEvent) -> None:
    event = make_event(10)
    booked = confirmed(booking_database, event)
    (taken,) = ids(request(booking_database, change(event, booked, SET_SEATS, 2, key="taken")))
    nowhere = replace(change(event, None, CANCEL_EVENT), event_id=10**9)
    good, late = change(event, booked, SET_SEATS, 3), change(event, booked, SET_SEATS, 4)
    repeated = change(event, booked, SET_SEATS, 2, key="taken")
    answers = request(booking_database, good, nowhere, repeated, late)
    assert isinstance(answers[1], EventNotFound)
    assert ids([answers[0], answers[2], answers[3]]) == [good.id, taken, late.id]
    assert rows(booking_database) == 3


def set_rules(database: Database, event: EventState, **rules: object) -> None:
    values = update(Event).where(Event.id == event.id).values(has_rules=True, **rules)
    database.write(lambda connection: connection.execute(values), repeat_lost=False)


def cancelled_at(database: Database, event: EventState) -> datetime | None:
    return database.read(lambda connection: connection.scalar(select(Event.cancelled_at).where(Event.id == event.id)))


def test_an_events_cancellation_closes_its_door_with_its_row(booking_database: Database, make_event: MakeEvent) -> None:
    event, other = make_event(10), make_event(10)
    first, second = change(event, None, CANCEL_EVENT), change(event, None, CANCEL_EVENT, user=2, key="k")
    assert len(set(ids(request(booking_database, first, second)))) == 1
    assert ids(request(booking_database, change(event, None, CANCEL_EVENT))) == [first.id]
    assert cancelled_at(booking_database, event) == first.created_at
    has_rules = select(Event.has_rules).where(Event.id.in_([event.id, other.id])).order_by(Event.id)
    assert booking_database.read(lambda connection: list(connection.scalars(has_rules))) == [True, False]
    assert cancelled_at(booking_database, other) is None


def test_a_request_of_two_parts_is_known_again_as_a_whole(booking_database: Database, make_event: MakeEvent) -> None:
    event = make_event(10)

    def parts(*wanted: tuple[str, int | None]) -> list[NewChange]:
        keys = intake.part_keys("k")[-len(wanted) :]
        return [change(event, None, kind, n, key=key) for (kind, n), key in zip(wanted, keys, strict=True)]

    def find(*wanted: tuple[str, int | None]) -> list[ChangeState]:
        return booking_database.read(partial(intake.find_repeated, parts=parts(*wanted)))

    both: list[tuple[str, int | None]] = [(SUSPEND_WAITLIST, None), (SET_CAPACITY, 5)]
    assert find(*both) == []
    stored = request(booking_database, *parts(*both))
    assert find(*both) == stored
    for wanted in (both[:1], both[1:], [both[0], (SET_CAPACITY, 6)], [(RESUME_WAITLIST, None), both[1]]):
        with pytest.raises(IdempotencyKeyReused):
            find(*wanted)
