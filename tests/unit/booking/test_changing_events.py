"""Changing events through one process, on SQLite: another capacity, a suspended list, called off."""

import asyncio

import pytest
from sqlalchemy import func, select

from booking_service.domain.errors import (
    CapacityTaken,
    EventCancelled,
    EventNotFound,
)
from booking_service.domain.models import Event
from shared.errors import Forbidden, IdempotencyKeyReused
from tests.fixtures.asking import VISITOR, asked, booked, by, until
from tests.fixtures.desk import ADA, ADMIN, SECONDS_MAX, Desk, Run


def test_an_event_gets_another_capacity_and_its_list_is_suspended(run: Run) -> None:
    async def story(desk: Desk) -> None:
        event_id = desk.event.id
        await booked(desk, 2)
        changed = await desk.changes.change_event(by(ADMIN), event_id, capacity=5, is_waitlist_suspended=True)
        assert not changed.is_done
        desk.settle()
        changed = await desk.changes.change_event(by(ADMIN), event_id, capacity=5)
        desk.settle()
        view = (await desk.changes.change_event(by(ADMIN, key="k"), event_id, is_waitlist_suspended=False)).view
        assert (view.capacity, view.available) == (5, 3)
        asking = asyncio.ensure_future(desk.changes.change_event(by(ADMIN, SECONDS_MAX), event_id, capacity=1))
        await until(lambda: asked(desk) == 5)
        desk.settle()
        with pytest.raises(CapacityTaken, match="Ask for 2 or more"):
            await asking

    run(story)


def test_a_request_of_two_parts_is_repeated_as_one(run: Run) -> None:
    async def story(desk: Desk) -> None:
        event_id = desk.event.id
        for _ in range(2):
            changed = await desk.changes.change_event(
                by(ADMIN, key="k"), event_id, capacity=5, is_waitlist_suspended=True
            )
        assert changed.is_repeated
        assert asked(desk) == 2
        with pytest.raises(IdempotencyKeyReused):
            await desk.changes.change_event(by(ADMIN, key="k"), event_id, capacity=5)
        with pytest.raises(IdempotencyKeyReused):
            await desk.changes.cancel_event(by(ADMIN, key="k"), event_id)
        assert desk.count(select(func.count()).select_from(Event).where(Event.cancelled_at.is_not(None))) == 0

    run(story)


def test_an_event_is_called_off_once(run: Run) -> None:
    async def story(desk: Desk) -> None:
        event_id = desk.event.id
        booking_id = await booked(desk, 2)
        await asyncio.gather(*(desk.changes.cancel_event(by(ADMIN), event_id) for _ in range(100)))
        assert asked(desk) == 1
        with pytest.raises(EventCancelled):
            await desk.changes.change_event(by(ADMIN), event_id, capacity=9)
        desk.settle()
        again = await desk.changes.cancel_event(by(ADMIN), event_id)
        assert (again.is_done, again.view.is_cancelled) == (True, True)
        state = (await desk.watch.show(ADA, booking_id)).state
        assert (state.status, state.reason) == ("cancelled", "event_cancelled")
        with pytest.raises(EventCancelled):
            await desk.changes.set_seats(by(ADA), booking_id, 1)
        assert (await desk.changes.cancel(by(ADA), booking_id)).is_done
        assert asked(desk) == 1

    run(story)


def test_only_who_may_write_events_changes_one(run: Run) -> None:
    async def story(desk: Desk) -> None:
        for user in (ADA, VISITOR):
            with pytest.raises(Forbidden):
                await desk.changes.cancel_event(by(user), desk.event.id)
            with pytest.raises(Forbidden):
                await desk.changes.change_event(by(user), desk.event.id, capacity=9)
        with pytest.raises(EventNotFound):
            await desk.changes.cancel_event(by(ADMIN), 999)

    run(story)
