"""Selling through one process, on SQLite: committed before woken, refused without a write, repeated by its key."""

import asyncio
from datetime import UTC, datetime
from uuid import UUID

import pytest
from sqlalchemy import update

from booking_service.domain.errors import EventNotFound, SalesClosed, SoldOut
from booking_service.domain.models import Event
from shared.errors import IdempotencyKeyReused, InvalidInput
from tests.fixtures.desk import ADA, BOB, Desk, Run


def test_a_booking_is_committed_before_its_lane_is_woken(run: Run) -> None:
    booked: list[UUID] = []

    async def story(desk: Desk) -> None:
        booked.append((await desk.sales.book(ADA, desk.event.id, 1, None)).id)

    desk = run(story)
    assert desk.waker.lanes == [desk.event.lane]
    assert desk.waker.seen == [booked]


def test_a_hundred_at_once_are_few_commits_and_few_wake_ups(run: Run) -> None:
    async def story(desk: Desk) -> None:
        states = await asyncio.gather(*(desk.sales.book(ADA, desk.event.id, 1, None) for _ in range(100)))
        assert len({state.id for state in states}) == 100

    desk = run(story)
    assert set(desk.waker.lanes) == {desk.event.lane}
    assert len(desk.waker.lanes) < 50


def test_a_refused_booking_wakes_nobody(run: Run) -> None:
    async def story(desk: Desk) -> None:
        with pytest.raises(EventNotFound):
            await desk.sales.book(ADA, 999, 1, None)
        with pytest.raises(InvalidInput):
            await desk.sales.book(ADA, desk.event.id, 101, None)

    assert run(story).waker.lanes == []


def test_an_event_that_is_known_to_be_full_is_refused_without_a_write(run: Run) -> None:
    async def story(desk: Desk) -> None:
        full = desk.make_event(0)
        for _ in range(3):
            with pytest.raises(SoldOut):
                await desk.sales.book(ADA, full.id, 1, None)
        with pytest.raises(SoldOut):
            await desk.sales.book(ADA, full.id, 1, "new key")

    assert run(story).waker.lanes == []


def test_when_sold_out_a_key_that_came_before_answers_its_booking(run: Run) -> None:
    async def story(desk: Desk) -> None:
        first = await desk.sales.book(ADA, desk.event.id, 2, "key")
        desk.settle()
        # Another process, which sees the event for the first time, knows at once that it is full.
        other = desk.another_process()
        again = await other.book(ADA, desk.event.id, 2, "key")
        assert (again.id, again.status) == (first.id, "confirmed")
        with pytest.raises(IdempotencyKeyReused):
            await other.book(ADA, desk.event.id, 1, "key")
        with pytest.raises(SoldOut):
            await other.book(BOB, desk.event.id, 2, "key")

    run(story)


def test_once_an_event_has_begun_it_is_refused_without_a_write(run: Run) -> None:
    async def story(desk: Desk) -> None:
        begun = desk.make_event(9, datetime.now(UTC))
        for key in (None, "new key"):
            with pytest.raises(SalesClosed):
                await desk.sales.book(ADA, begun.id, 1, key)

    assert run(story).waker.lanes == []


def test_once_an_event_has_begun_a_key_that_came_before_answers_its_booking(run: Run) -> None:
    async def story(desk: Desk) -> None:
        first = await desk.sales.book(ADA, desk.event.id, 1, "key")
        begun = update(Event).where(Event.id == desk.event.id).values(starts_at=datetime.now(UTC))
        desk.write(begun)
        other = desk.another_process()
        assert (await other.book(ADA, desk.event.id, 1, "key")).id == first.id
        with pytest.raises(SalesClosed):
            await other.book(BOB, desk.event.id, 1, "key")

    run(story)


def test_closing_finishes_the_bookings_that_were_accepted(run: Run) -> None:
    async def story(desk: Desk) -> None:
        await desk.sales.book(ADA, desk.event.id, 1, None)  # the event is known now
        booking = [asyncio.ensure_future(desk.sales.book(ADA, desk.event.id, 1, None)) for _ in range(20)]
        await asyncio.sleep(0)
        await desk.close()
        assert len({(await booked).id for booked in booking}) == 20

    run(story)
