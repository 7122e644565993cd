"""Two who ask for the same change at the same moment, on connections of their own: one change, one effect."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from sqlalchemy import func, select

from booking_service.domain.bookings.lookup import BookingState
from booking_service.domain.changes import intake
from booking_service.domain.changes.intake import NewChange
from booking_service.domain.changes.lookup import ChangeState
from booking_service.domain.models import CANCEL_BOOKING, CANCEL_EVENT, SET_SEATS, Change
from shared.database.units import Database
from shared.errors import Problem
from tests.fixtures.bookings import MakeEvent, accept, new_booking, seats_left
from tests.fixtures.changes import change
from tests.fixtures.databases import REAL
from tests.fixtures.settling import settle_all

ROUNDS = 20
AT_ONCE = 4


@pytest.fixture(params=REAL)
def database_kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def at_once(database: Database, make: Callable[[int], NewChange]) -> list[ChangeState | Problem]:
    """Ask for a change each from AT_ONCE threads, at the same moment."""
    barrier = threading.Barrier(AT_ONCE)

    def ask(number: int) -> ChangeState | Problem:
        new = make(number)
        barrier.wait()
        return database.write(partial(intake.request, batch=[new]), repeat_lost=True)[0]

    with ThreadPoolExecutor(AT_ONCE) as threads:
        return list(threads.map(ask, range(AT_ONCE)))


def test_an_event_is_called_off_by_one_change_however_many_ask_at_once(
    booking_database: Database, make_event: MakeEvent
) -> None:
    for _ in range(ROUNDS):
        event = make_event(3)
        answers = at_once(booking_database, lambda number, event=event: change(event, None, CANCEL_EVENT, user=number))  # type: ignore[misc]  # bound at once
        assert len({answer.id for answer in answers if isinstance(answer, ChangeState)}) == 1
    settle_all(booking_database)


def test_one_key_at_once_is_one_change(booking_database: Database, make_event: MakeEvent) -> None:
    event = make_event(100)
    (booked,) = accept(booking_database, new_booking(event))
    assert isinstance(booked, BookingState)
    settle_all(booking_database)
    for round_ in range(ROUNDS):
        make = partial(lambda _, key: change(event, booked, SET_SEATS, 2, key=key), key=f"key {round_}")
        answers = at_once(booking_database, make)
        assert len({answer.id for answer in answers if isinstance(answer, ChangeState)}) == 1


def test_a_booking_that_is_cancelled_many_times_at_once_gives_its_seats_back_once(
    booking_database: Database, make_event: MakeEvent
) -> None:
    event = make_event(10)
    for round_ in range(ROUNDS):
        (booked,) = accept(booking_database, new_booking(event, 3))
        assert isinstance(booked, BookingState)
        if round_ % 2:
            settle_all(booking_database)
        make = partial(lambda number, booked: change(event, booked, CANCEL_BOOKING, 0, user=number), booked=booked)
        answers = at_once(booking_database, make)
        asked = select(func.count()).select_from(Change).where(Change.booking_id == booked.id)
        assert booking_database.read(lambda c, asked=asked: c.scalars(asked).one()) <= AT_ONCE  # type: ignore[misc]  # as above
        assert all(isinstance(answer, ChangeState) for answer in answers)
        settle_all(booking_database)
        assert seats_left(booking_database, event) == 10
