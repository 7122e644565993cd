"""A booking that is asked for again, on each database: what counts as the same, and that the answer says so."""

from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from sqlalchemy import Connection, insert, select

from booking_service.domain.bookings import intake
from booking_service.domain.bookings.ids import new_id
from booking_service.domain.bookings.intake import ANY_TERMS, NewBooking, Terms
from booking_service.domain.bookings.lookup import BookingState
from booking_service.domain.catalogue import EventState
from booking_service.domain.models import SET_SEATS, Booking, Change
from booking_service.domain.rules import GivenRules
from shared.database.units import Database
from shared.errors import IdempotencyKeyReused, Problem
from tests.fixtures.bookings import MakeEvent, accept, new_booking, seats_left, settle, states
from tests.fixtures.databases import statements_of

SECOND = timedelta(seconds=1)
CAREFUL = Terms(seats_min=1, decide_within=90 * SECOND)


def marks(answers: list[BookingState | Problem]) -> list[bool | type[Problem]]:
    """Whether each answer repeats another; the class of a problem."""
    return [answer.is_repeated if isinstance(answer, BookingState) else type(answer) for answer in answers]


def test_only_what_was_there_before_its_request_is_repeated(booking_database: Database, make_event: MakeEvent) -> None:
    event = make_event(10)
    first, second, plain = new_booking(event, key="k"), new_booking(event, key="k"), new_booking(event)
    assert marks(accept(booking_database, first, second, plain)) == [False, True, False]
    assert marks(accept(booking_database, new_booking(event, key="k"), new_booking(event))) == [True, False]
    # The same rows again, as after a commit that nobody heard of: the request is the same, not another one like it.
    assert marks(accept(booking_database, first, plain)) == [False, False]


def test_a_bad_row_in_the_batch_changes_nothing_about_that(booking_database: Database, make_event: MakeEvent) -> None:
    event = make_event(10)
    accept(booking_database, new_booking(event, key="k"))
    nowhere = NewBooking(new_id(), 10**9, 1, 1, event.lane, None, datetime.now(UTC))
    batch = [new_booking(event, key="k"), nowhere, new_booking(event)]
    assert [answer for answer in marks(accept(booking_database, *batch)) if isinstance(answer, bool)] == [True, False]


def test_terms_are_stored_beside_bookings_that_have_none(booking_database: Database, make_event: MakeEvent) -> None:
    event = make_event(10, rules=GivenRules(waitlist="fit"))
    batch = [
        new_booking(event, 2),
        new_booking(event, 2, terms=CAREFUL),
        new_booking(event, 2, terms=Terms(seats_min=2)),
        new_booking(event, 2, terms=Terms(decide_within=SECOND)),
    ]
    accept(booking_database, *batch)
    query = select(Booking.seats_min, Booking.decide_by).order_by(Booking.id)
    assert [tuple(row) for row in booking_database.read(lambda connection: connection.execute(query).all())] == [
        (None, None),
        (1, batch[1].created_at + 90 * SECOND),
        (2, None),
        (None, batch[3].created_at + SECOND),
    ]


def test_an_ordinary_batch_is_inserted_as_ever(booking_database: Database, make_event: MakeEvent) -> None:
    event = make_event(10)
    statements: list[str] = []
    with statements_of(booking_database, statements):
        accept(booking_database, new_booking(event), new_booking(event, key="k"))
        accept(booking_database, new_booking(event), new_booking(event, terms=Terms(decide_within=SECOND)))
    columns = [statement[statement.index("(") + 1 : statement.index(")")] for statement in statements]
    plain = "id,event_id,user_id,seats,status,due_lane,idempotency_key,created_at"
    assert columns == [plain, f"{plain},seats_min,decide_by"]


TERMS = [
    (ANY_TERMS, Terms(), True),
    (CAREFUL, Terms(*CAREFUL), True),
    (CAREFUL, ANY_TERMS, IdempotencyKeyReused),
    (ANY_TERMS, CAREFUL, IdempotencyKeyReused),
    (CAREFUL, CAREFUL._replace(seats_min=2), IdempotencyKeyReused),
    (CAREFUL, CAREFUL._replace(seats_min=None), IdempotencyKeyReused),
    (CAREFUL, CAREFUL._replace(decide_within=91 * SECOND), IdempotencyKeyReused),
]


@pytest.mark.parametrize(("first", "again", "mark"), TERMS)
def test_terms_are_part_of_the_request(
    booking_database: Database, make_event: MakeEvent, first: Terms, again: Terms, mark: object
) -> None:
    event = make_event(10, rules=GivenRules(waitlist="fit"))
    one, other = (new_booking(event, 3, key="k", terms=terms) for terms in (first, again))
    accept(booking_database, one)
    assert marks(accept(booking_database, other)) == [mark]
    assert states(booking_database, one, other) == ["pending", "absent"]


@pytest.mark.parametrize(("first", "again", "mark"), TERMS)
def test_terms_are_part_of_the_request_also_within_one_batch(
    booking_database: Database, make_event: MakeEvent, first: Terms, again: Terms, mark: object
) -> None:
    event = make_event(10, rules=GivenRules(waitlist="fit"))
    one, other = (new_booking(event, 3, key="k", terms=terms) for terms in (first, again))
    assert marks(accept(booking_database, one, other)) == [False, mark]
    assert states(booking_database, one, other) == ["pending", "absent"]


def change_seats(database: Database, event: EventState, booking: NewBooking, *steps: int) -> None:
    """Have the seats of ``booking`` changed, one step after the other."""
    for seats in steps:
        change = {
            "id": new_id(),
            "due_lane": event.lane,
            "kind": SET_SEATS,
            "event_id": event.id,
            "booking_id": booking.id,
            "argument": seats,
            "created_at": datetime.now(UTC),
        }
        database.write(partial(ask_for, change=change), repeat_lost=False)
        settle(database, event)


def ask_for(connection: Connection, change: dict[str, object]) -> None:
    connection.execute(insert(Change).values(change))


@pytest.mark.parametrize("at_the_door", [True, False])
def test_the_seats_that_were_asked_for_first_are_what_is_compared(
    booking_database: Database, make_event: MakeEvent, *, at_the_door: bool
) -> None:
    event = make_event(10)
    first = new_booking(event, 3, key="k")
    accept(booking_database, first)
    settle(booking_database, event)
    change_seats(booking_database, event, first, 2, 4, 1)

    def ask(seats: int) -> BookingState | Problem | None:
        new = new_booking(event, seats, key="k")
        if not at_the_door:
            return accept(booking_database, new)[0]
        try:
            return booking_database.read(partial(intake.repeated, new=new))
        except Problem as problem:
            return problem

    again = ask(3)
    assert isinstance(again, BookingState)
    assert (again.id, again.seats, again.is_repeated) == (first.id, 1, True)
    assert [type(ask(seats)) for seats in (1, 2, 4)] == [IdempotencyKeyReused] * 3


def test_seats_that_are_changed_before_the_first_decision_are_no_part_of_the_request(
    booking_database: Database, make_event: MakeEvent
) -> None:
    event = make_event(10)
    first = new_booking(event, 3, key="k")
    accept(booking_database, first)
    change_seats(booking_database, event, first, 2)
    again = [new_booking(event, seats, key="k") for seats in (3, 2)]
    assert marks(accept(booking_database, *again)) == [True, IdempotencyKeyReused]


def test_who_allowed_fewer_seats_and_got_fewer_is_answered_again(
    booking_database: Database, make_event: MakeEvent
) -> None:
    event = make_event(3, rules=GivenRules(waitlist="fit"))
    first = new_booking(event, 4, key="k", terms=Terms(seats_min=2))
    accept(booking_database, first)
    settle(booking_database, event)
    assert seats_left(booking_database, event) == 0
    again = [new_booking(event, seats, key="k", terms=Terms(seats_min=2)) for seats in (4, 3, 2)]
    assert marks(accept(booking_database, *again)) == [True, True, IdempotencyKeyReused]


def test_without_an_earlier_request_nothing_is_repeated(booking_database: Database, make_event: MakeEvent) -> None:
    event = make_event(10)
    accept(booking_database, new_booking(event), new_booking(event, user=2, key="k"))
    for new in (new_booking(event), new_booking(event, key="k")):
        assert booking_database.read(partial(intake.repeated, new=new)) is None
