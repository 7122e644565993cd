"""Changing bookings through one process, on SQLite: who may, what is asked for, and waiting for it."""

import asyncio
import time
from uuid import uuid4

import pytest
from sqlalchemy import select

from booking_service.domain.errors import (
    BookingNotFound,
    BookingOver,
    NotHeld,
    SoldOut,
    TooManySeats,
)
from booking_service.domain.models import CONFIRMED, Stock
from shared.errors import Forbidden, IdempotencyKeyReused
from tests.fixtures.asking import VISITOR, asked, booked, by, settled, until
from tests.fixtures.desk import ADA, ADMIN, BOB, SECONDS_MAX, Desk, Run


def test_a_change_is_committed_before_its_lane_is_woken(run: Run) -> None:
    async def story(desk: Desk) -> None:
        booking_id = await booked(desk)
        woken = len(desk.waker.lanes)
        changed = await desk.changes.cancel(by(ADA), booking_id)
        assert (changed.is_done, changed.view.state.is_cancelling, changed.view.state.status) == (
            False,
            True,
            CONFIRMED,
        )
        assert desk.waker.lanes[woken:] == [desk.event.lane]
        assert asked(desk) == 1

    run(story)


def test_a_hundred_who_cancel_a_booking_at_once_ask_for_it_once(run: Run) -> None:
    async def story(desk: Desk) -> None:
        booking_id = await booked(desk)
        await asyncio.gather(*(desk.changes.cancel(by(ADA), booking_id) for _ in range(100)))
        assert asked(desk) == 1
        desk.settle()
        for key in (None, "key"):
            again = await desk.changes.cancel(by(ADA, key=key), booking_id)
            assert (again.is_done, again.view.state.status) == (True, "cancelled")
        assert asked(desk) == 1
        assert desk.count(select(Stock.available).where(Stock.event_id == desk.event.id)) == 2

    run(story)


def test_waiting_ends_when_the_change_is_done(run: Run) -> None:
    async def story(desk: Desk) -> None:
        booking_id = await booked(desk)
        view = await settled(desk, desk.changes.cancel(by(ADA, SECONDS_MAX * 10), booking_id))
        assert (view.state.status, view.state.is_cancelling) == ("cancelled", False)

    run(story)


@pytest.mark.parametrize("wait_seconds", [0.2, None])
def test_waiting_is_bounded(run: Run, wait_seconds: float | None) -> None:
    async def story(desk: Desk) -> None:
        booking_id = await booked(desk)
        started_at = time.monotonic()
        assert not (await desk.changes.set_seats(by(ADA, wait_seconds), booking_id, 2)).is_done
        expected = 2 if wait_seconds is None else wait_seconds
        assert expected <= time.monotonic() - started_at < SECONDS_MAX / 2

    run(story)


def test_closing_ends_the_waiting(run: Run) -> None:
    async def story(desk: Desk) -> None:
        booking_id = await booked(desk)
        asking = asyncio.ensure_future(desk.changes.cancel(by(ADA, SECONDS_MAX * 10), booking_id))
        await until(lambda: asked(desk) == 1)
        desk.stopping.set()
        assert not (await asking).is_done

    run(story)


def test_only_the_owner_and_who_may_change_all_change_a_booking(run: Run) -> None:
    async def story(desk: Desk) -> None:
        booking_id = await booked(desk)
        for change in (desk.changes.cancel, lambda a, b: desk.changes.set_seats(a, b, 2)):
            for stranger, unknown in ((BOB, booking_id), (ADMIN, uuid4())):
                with pytest.raises(BookingNotFound):
                    await change(by(stranger), unknown)
            with pytest.raises(Forbidden):
                await change(by(VISITOR), booking_id)
        for user in (ADA, BOB):
            with pytest.raises(Forbidden):
                await desk.changes.confirm(by(user), booking_id)
        assert asked(desk) == 0
        assert (
            await settled(desk, desk.changes.cancel(by(ADMIN, SECONDS_MAX), booking_id))
        ).state.status == "cancelled"

    run(story)


def test_what_the_state_of_a_booking_answers_is_not_asked_for(run: Run) -> None:
    async def story(desk: Desk) -> None:
        confirmed = await booked(desk, 2)
        rejected = await booked(desk)
        pending = (await desk.sales.book(ADA, desk.event.id, 1, None)).id
        for key in (None, "key"):
            with pytest.raises(BookingOver):
                await desk.changes.cancel(by(ADA, key=key), rejected)
            with pytest.raises(BookingOver):
                await desk.changes.set_seats(by(ADA, key=key), rejected, 2)
            for booking_id in (rejected, pending):
                with pytest.raises(NotHeld):
                    await desk.changes.confirm(by(ADMIN, key=key), booking_id)
        with pytest.raises(TooManySeats):
            await desk.changes.set_seats(by(ADA), confirmed, 101)
        assert (await desk.changes.confirm(by(ADMIN), confirmed)).is_done
        assert (await desk.changes.set_seats(by(ADA), confirmed, 2)).is_done
        assert asked(desk) == 0

    run(story)


def test_as_many_seats_as_there_are_mean_something_while_another_number_is_asked_for(run: Run) -> None:
    async def story(desk: Desk) -> None:
        booking_id = await booked(desk, 2)
        await desk.changes.set_seats(by(ADA), booking_id, 1)
        await desk.changes.set_seats(by(ADA), booking_id, 2)
        assert asked(desk) == 2
        desk.settle()
        assert (await desk.watch.show(ADA, booking_id)).state.seats == 2

    run(story)


def test_more_seats_than_are_free_leave_the_booking_as_it_is(run: Run) -> None:
    async def story(desk: Desk) -> None:
        booking_id = await booked(desk)
        with pytest.raises(SoldOut, match="Nothing was changed"):
            await settled(desk, desk.changes.set_seats(by(ADA, SECONDS_MAX), booking_id, 3))
        assert (await desk.watch.show(ADA, booking_id)).state.seats == 1

    run(story)


def test_an_earlier_request_with_the_key_is_the_answer_whatever_has_become_of_things_since(run: Run) -> None:
    async def story(desk: Desk) -> None:
        booking_id = await booked(desk)
        await settled(desk, desk.changes.set_seats(by(ADA, SECONDS_MAX, "key"), booking_id, 2))
        await settled(desk, desk.changes.set_seats(by(ADA, SECONDS_MAX), booking_id, 1))
        again = await desk.changes.set_seats(by(ADA, key="key"), booking_id, 2)
        assert (again.is_done, again.is_repeated, again.view.state.seats) == (True, True, 1)
        with pytest.raises(IdempotencyKeyReused):
            await desk.changes.set_seats(by(ADA, key="key"), booking_id, 1)
        await settled(desk, desk.changes.cancel(by(ADA, SECONDS_MAX), booking_id))
        again = await desk.changes.set_seats(by(ADA, key="key"), booking_id, 2)
        assert (again.is_done, again.is_repeated, again.view.state.status) == (True, True, "cancelled")
        with pytest.raises(IdempotencyKeyReused):
            await desk.changes.cancel(by(ADA, key="key"), booking_id)

    run(story)


def test_as_many_seats_as_there_are_with_a_key_are_not_given_again_later(run: Run) -> None:
    async def story(desk: Desk) -> None:
        booking_id = await booked(desk)
        first = await settled(desk, desk.changes.set_seats(by(ADA, SECONDS_MAX, "key"), booking_id, 1))
        assert first.state.seats == 1
        await settled(desk, desk.changes.set_seats(by(ADA, SECONDS_MAX), booking_id, 2))
        again = await desk.changes.set_seats(by(ADA, key="key"), booking_id, 1)
        assert (again.is_repeated, again.view.state.seats) == (True, 2)

    run(story)
