"""The door: what the rules of an event or its end forbid is refused without a write, and a repeated request is not."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from booking_service.domain.bookings.intake import Terms
from booking_service.domain.catalogue import EventState
from booking_service.domain.errors import (
    EventCancelled,
    NoWaitingList,
    SalesClosed,
    SalesNotOpen,
    SoldOut,
    TooManySeats,
    TooManySeatsForUser,
)
from booking_service.domain.models import FIT, STRICT, Event, Stock
from booking_service.domain.rules import GivenRules
from shared.errors import Conflict, IdempotencyKeyReused, InvalidInput
from tests.fixtures.desk import ADA, BOB, Desk, Run

HOUR = timedelta(hours=1)


def not_open(desk: Desk) -> EventState:
    return desk.make_event(9, rules=GivenRules(sales_open_at=datetime.now(UTC) + HOUR))


def closed(desk: Desk) -> EventState:
    return desk.make_event(9, rules=GivenRules(sales_close_at=datetime.now(UTC) - HOUR))


def full(desk: Desk) -> EventState:
    return desk.make_event(0)


def full_with_its_list(desk: Desk) -> EventState:
    event = desk.make_event(0, rules=GivenRules(waitlist=FIT, waitlist_max=1))
    desk.write(update(Stock).where(Stock.event_id == event.id).values(waiting=1))
    return event


def cancel(desk: Desk, event: EventState) -> None:
    desk.write(update(Event).where(Event.id == event.id).values(cancelled_at=datetime.now(UTC)))


def cancelled(desk: Desk) -> EventState:
    event = desk.make_event(9)
    cancel(desk, event)
    return event


SHUT = [
    (not_open, SalesNotOpen),
    (closed, SalesClosed),
    (full, SoldOut),
    (full_with_its_list, SoldOut),
    (cancelled, EventCancelled),
]


@pytest.mark.parametrize(("make", "refusal"), SHUT)
def test_what_is_shut_is_refused_without_a_write(
    run: Run, make: Callable[[Desk], EventState], refusal: type[Conflict]
) -> None:
    async def story(desk: Desk) -> None:
        event = make(desk)
        for key in (None, "new key"):
            with pytest.raises(refusal):
                await desk.sales.book(ADA, event.id, 1, key)

    assert run(story).waker.lanes == []


CHANGES = [
    ({Event.sales_open_at: datetime.now(UTC) + HOUR, Event.has_rules: True}, {}, SalesNotOpen),
    ({Event.sales_close_at: datetime.now(UTC) - HOUR, Event.has_rules: True}, {}, SalesClosed),
    ({}, {Stock.available: 0}, SoldOut),
    ({Event.cancelled_at: datetime.now(UTC)}, {}, EventCancelled),
]


@pytest.mark.parametrize(("of_event", "of_stock", "refusal"), CHANGES)
def test_a_repeated_request_gets_its_first_answer_whatever_the_door_says(
    run: Run, of_event: dict[object, object], of_stock: dict[object, object], refusal: type[Conflict]
) -> None:
    async def story(desk: Desk) -> None:
        first = await desk.sales.book(ADA, desk.event.id, 2, "key")
        assert not first.is_repeated
        if of_event:
            desk.write(update(Event).where(Event.id == desk.event.id).values(of_event))
        if of_stock:
            desk.write(update(Stock).where(Stock.event_id == desk.event.id).values(of_stock))
        other = desk.another_process()
        again = await other.book(ADA, desk.event.id, 2, "key")
        assert (again.id, again.is_repeated) == (first.id, True)
        with pytest.raises(IdempotencyKeyReused):
            await other.book(ADA, desk.event.id, 1, "key")
        with pytest.raises(refusal):
            await other.book(BOB, desk.event.id, 2, "key")

    run(story)


def test_before_sales_open_it_is_told_when_and_how_long_that_is(run: Run) -> None:
    opens_at = datetime.now(UTC).replace(microsecond=0) + HOUR

    async def story(desk: Desk) -> None:
        event = desk.make_event(9, rules=GivenRules(sales_open_at=opens_at))
        with pytest.raises(SalesNotOpen) as refused:
            await desk.sales.book(ADA, event.id, 1, None)
        assert f"{opens_at:%Y-%m-%dT%H:%M:%SZ}" in refused.value.detail
        seconds = refused.value.retry_after_seconds
        assert seconds is not None
        # Not a second too early, whatever passed since.
        assert timedelta(0) <= opens_at - datetime.now(UTC) <= timedelta(seconds=seconds) <= HOUR

    run(story)


def test_once_sales_are_open_they_are(run: Run) -> None:
    now = datetime.now(UTC)

    async def story(desk: Desk) -> None:
        event = desk.make_event(9, rules=GivenRules(sales_open_at=now, sales_close_at=now + HOUR))
        assert (await desk.sales.book(ADA, event.id, 1, None)).is_pending

    run(story)


def test_a_cancelled_event_says_so_before_all_else(run: Run) -> None:
    async def story(desk: Desk) -> None:
        for event in (not_open(desk), closed(desk), full(desk), desk.make_event(1, datetime.now(UTC) - HOUR)):
            cancel(desk, event)
            with pytest.raises(EventCancelled):
                await desk.sales.book(ADA, event.id, 1, None)

    run(story)


def test_seats_beyond_a_limit_are_pointed_at_with_the_limit(run: Run) -> None:
    rules = GivenRules(seats_per_booking_max=3, seats_per_user_max=5)

    async def story(desk: Desk) -> None:
        both, of_user = (desk.make_event(99, rules=r) for r in (rules, rules._replace(seats_per_booking_max=None)))
        assert (await desk.sales.book(ADA, both.id, 3, None)).is_pending
        assert (await desk.sales.book(ADA, of_user.id, 5, None)).is_pending
        for event, seats, problem, number in (
            (both, 4, TooManySeats, "3"),
            (of_user, 6, TooManySeatsForUser, "5"),
            (of_user, 101, TooManySeats, "100"),
        ):
            for key in (None, "key"):
                with pytest.raises(problem) as refused:
                    await desk.sales.book(ADA, event.id, seats, key)
                (error,) = refused.value.errors
                assert (error.pointer, number in error.detail) == ("#/query/seats", True)

    run(story)


@pytest.mark.parametrize("kind", [STRICT, FIT])
def test_a_full_event_with_room_on_its_list_lets_pass_and_takes_a_minimum(run: Run, kind: str) -> None:
    async def story(desk: Desk) -> None:
        event = desk.make_event(0, rules=GivenRules(waitlist=kind))
        for terms in (Terms(), Terms(seats_min=1)):
            assert (await desk.sales.book(ADA, event.id, 2, None, terms)).is_pending

    run(story)


def test_a_minimum_where_nobody_waits_is_pointed_at(run: Run) -> None:
    async def story(desk: Desk) -> None:
        for event in (desk.event, desk.make_event(9, rules=GivenRules(hold_seconds=60))):
            with pytest.raises(NoWaitingList) as refused:
                await desk.sales.book(ADA, event.id, 2, None, Terms(seats_min=1))
            assert isinstance(refused.value, InvalidInput)
            assert [error.pointer for error in refused.value.errors] == ["#/query/seats_min"]

    assert run(story).waker.lanes == []


def test_a_cancellation_closes_the_door_with_the_next_refresh(run: Run) -> None:
    async def story(desk: Desk) -> None:
        assert (await desk.sales.book(ADA, desk.event.id, 1, None)).is_pending
        cancel(desk, desk.event)
        await desk.shield.refresh()
        with pytest.raises(EventCancelled):
            await desk.sales.book(ADA, desk.event.id, 1, None)

    run(story)
