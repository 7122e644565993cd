"""Intake on each database: what is accepted, what is answered in place of a repetition, what is refused."""

from dataclasses import replace
from functools import partial

import pytest

from booking_service.domain.bookings import intake
from booking_service.domain.bookings.lookup import BookingState
from booking_service.domain.errors import EventNotFound
from shared.database.units import Database
from shared.errors import IdempotencyKeyReused
from tests.fixtures.bookings import MakeEvent, accept, new_booking, settle, states
from tests.fixtures.databases import statements_of


def stored(answer: object) -> BookingState:
    assert isinstance(answer, BookingState)
    return answer


def test_a_batch_is_stored_as_pending_in_one_go(booking_database: Database, make_event: MakeEvent) -> None:
    event = make_event(10)
    batch = [new_booking(event) for _ in range(50)]
    assert [stored(answer).id for answer in accept(booking_database, *batch)] == [new.id for new in batch]
    assert states(booking_database, *batch) == ["pending"] * 50


def test_the_same_batch_again_is_the_same_bookings(booking_database: Database, make_event: MakeEvent) -> None:
    # As after a commit whose outcome nobody heard of.
    event = make_event(10)
    batch = [new_booking(event), new_booking(event, key="k")]
    first = accept(booking_database, *batch)
    assert [stored(a).id for a in accept(booking_database, *batch)] == [stored(a).id for a in first]


def test_a_repeated_key_answers_the_first_booking_even_when_it_is_settled(
    booking_database: Database, make_event: MakeEvent
) -> None:
    event = make_event(1)
    (first,) = accept(booking_database, new_booking(event, key="k"))
    settle(booking_database, event)
    (again,) = accept(booking_database, new_booking(event, key="k"))
    assert (stored(again).id, stored(again).status) == (stored(first).id, "confirmed")


def test_a_key_with_another_request_is_refused(booking_database: Database, make_event: MakeEvent) -> None:
    event, other = make_event(10), make_event(10)
    accept(booking_database, new_booking(event, 2, key="k"))
    answers = accept(booking_database, new_booking(event, 3, key="k"), new_booking(other, 2, key="k"))
    assert [type(answer) for answer in answers] == [IdempotencyKeyReused, IdempotencyKeyReused]


def test_a_key_twice_in_one_batch_is_one_booking(booking_database: Database, make_event: MakeEvent) -> None:
    event = make_event(10)
    answers = accept(booking_database, *[new_booking(event, key="k") for _ in range(3)], new_booking(event, 9, key="k"))
    assert len({stored(answer).id for answer in answers[:3]}) == 1
    assert isinstance(answers[3], IdempotencyKeyReused)


def test_keys_belong_to_their_user(booking_database: Database, make_event: MakeEvent) -> None:
    event = make_event(10)
    answers = accept(booking_database, new_booking(event, user=1, key="k"), new_booking(event, user=2, key="k"))
    assert len({stored(answer).id for answer in answers}) == 2


@pytest.mark.parametrize(("one", "other"), [("k", "K"), ("x" * 255, "x" * 254)])
def test_keys_that_differ_at_all_are_different(
    booking_database: Database, make_event: MakeEvent, one: str, other: str
) -> None:
    event = make_event(10)
    answers = accept(booking_database, new_booking(event, key=one), new_booking(event, key=other))
    assert len({stored(answer).id for answer in answers}) == 2


@pytest.mark.parametrize(
    "key", ["'", '"', "\\", "\\'", "%s", "%(id)s", ":id", "?", "x'); DROP TABLE bookings; --", "ä漢😀", "a\nb", " k "]
)
def test_a_key_is_kept_as_it_is_and_never_read_as_sql(
    booking_database: Database, make_event: MakeEvent, key: str
) -> None:
    event = make_event(10)
    first, again = (
        accept(booking_database, new_booking(event, key=key)),
        accept(booking_database, new_booking(event, key=key)),
    )
    assert first == again
    find = partial(intake.find_by_key, user_id=1, idempotency_key=key)
    assert [booking_database.read(find)] == first


def test_a_batch_is_one_statement(booking_database: Database, make_event: MakeEvent) -> None:
    event = make_event(10)
    statements: list[str] = []
    with statements_of(booking_database, statements):
        accept(booking_database, *[new_booking(event, key=f"k{n}") for n in range(50)])
    assert [statement.split()[:3] for statement in statements] == [["INSERT", "INTO", "bookings"]]


def test_one_bad_row_does_not_take_the_others_with_it(booking_database: Database, make_event: MakeEvent) -> None:
    event = make_event(10)
    accept(booking_database, new_booking(event, key="taken"))
    good, nowhere = new_booking(event), replace(new_booking(event), event_id=10**9)
    repeated, late = new_booking(event, key="taken"), new_booking(event)
    answers = accept(booking_database, good, nowhere, repeated, late)
    assert isinstance(answers[1], EventNotFound)
    assert stored(answers[2]).id != repeated.id
    assert states(booking_database, good, nowhere, repeated, late) == ["pending", "absent", "absent", "pending"]


def test_a_booking_is_found_by_its_key(booking_database: Database, make_event: MakeEvent) -> None:
    event = make_event(10)
    (answer,) = accept(booking_database, new_booking(event, key="k"))
    find = partial(intake.find_by_key, user_id=1)
    assert booking_database.read(partial(find, idempotency_key="k")) == answer
    assert booking_database.read(partial(find, idempotency_key="other")) is None


def test_a_batch_of_thousands_is_stored_whole(booking_database: Database, make_event: MakeEvent) -> None:
    event = make_event(10)
    batch = [new_booking(event, key=f"{'k' * 200}{n}") for n in range(2_000)]
    assert all(isinstance(answer, BookingState) for answer in accept(booking_database, *batch))
    assert states(booking_database, *batch) == ["pending"] * 2_000
