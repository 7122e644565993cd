"""Watching a booking through one process, on SQLite: who may see it, its place, and waiting for its decision."""

import asyncio
import time
from dataclasses import replace
from uuid import uuid4

import pytest

from booking_service.domain.errors import BookingNotFound
from shared.errors import Forbidden
from shared.identity.permissions import READ_BOOKINGS, ROLES, Permissions
from tests.fixtures.desk import ADA, ADMIN, BOB, SECONDS_MAX, Desk, Run


def test_a_booking_is_shown_to_its_owner_and_admins_only(run: Run) -> None:
    async def story(desk: Desk) -> None:
        booked = await desk.sales.book(ADA, desk.event.id, 1, None)
        for viewer in (ADA, ADMIN):
            assert (await desk.watch.show(viewer, booked.id)).state == booked
        with pytest.raises(BookingNotFound):
            await desk.watch.show(BOB, booked.id)
        with pytest.raises(BookingNotFound):
            await desk.watch.show(ADMIN, uuid4())

    run(story)


@pytest.mark.parametrize(
    "permissions", [ROLES["public"], ROLES["user"] - {READ_BOOKINGS}, ROLES["admin"] - {READ_BOOKINGS}]
)
def test_who_may_not_read_bookings_is_shown_none_not_even_their_own(run: Run, permissions: Permissions) -> None:
    async def story(desk: Desk) -> None:
        booked = await desk.sales.book(ADA, desk.event.id, 1, None)
        for booking_id in (booked.id, uuid4()):
            with pytest.raises(Forbidden):
                await desk.watch.show(replace(ADA, permissions=permissions), booking_id)

    run(story)


def test_pending_bookings_know_their_place_and_settled_ones_have_none(run: Run) -> None:
    async def story(desk: Desk) -> None:
        booked = [await desk.sales.book(ADA, desk.event.id, 1, None) for _ in range(3)]
        places = [(await desk.watch.show(ADA, state.id)).place for state in booked]
        assert places == [1, 2, 3]
        desk.settle()
        views = [await desk.watch.show(ADA, state.id) for state in booked]
        assert [(view.state.status, view.place) for view in views] == [
            ("confirmed", None),
            ("confirmed", None),
            ("rejected", None),
        ]

    run(story)


def test_waiting_ends_when_the_booking_is_settled(run: Run) -> None:
    async def story(desk: Desk) -> None:
        booked = await desk.sales.book(ADA, desk.event.id, 1, None)
        waiting = asyncio.ensure_future(desk.watch.show(ADA, booked.id, wait_seconds=SECONDS_MAX * 10))
        assert (await desk.watch.show(ADA, booked.id)).state.is_pending
        assert not waiting.done()
        await asyncio.to_thread(desk.settle)
        assert (await waiting).state.status == "confirmed"

    run(story)


def test_waiting_is_bounded(run: Run) -> None:
    async def story(desk: Desk) -> None:
        booked = await desk.sales.book(ADA, desk.event.id, 1, None)
        started_at = time.monotonic()
        assert (await desk.watch.show(ADA, booked.id, wait_seconds=0.2)).state.is_pending
        assert 0.2 <= time.monotonic() - started_at < SECONDS_MAX / 2

    run(story)


def test_waiting_for_a_foreign_booking_is_refused_at_once(run: Run) -> None:
    async def story(desk: Desk) -> None:
        booked = await desk.sales.book(ADA, desk.event.id, 1, None)
        with pytest.raises(BookingNotFound):
            await desk.watch.show(BOB, booked.id, wait_seconds=SECONDS_MAX * 10)

    run(story)


def test_closing_ends_the_waiting(run: Run) -> None:
    async def story(desk: Desk) -> None:
        booked = await desk.sales.book(ADA, desk.event.id, 1, None)
        waiting = asyncio.ensure_future(desk.watch.show(ADA, booked.id, wait_seconds=SECONDS_MAX * 10))
        await desk.watch.show(ADA, booked.id, wait_seconds=0.1)  # the other one is between two looks by now
        await desk.close()
        assert (await waiting).state.is_pending

    run(story)
