"""Changing bookings and events through one process, on SQLite: who may, what is asked for, and waiting for it."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import func, select, update

from booking_service.box_office.changes import Asking, Changed
from booking_service.box_office.lookups import BookingView
from booking_service.domain.errors import (
    BookingNotFound,
    BookingOver,
    CapacityTaken,
    EventCancelled,
    EventNotFound,
    HoldExpired,
    IdempotencyKeyReused,
    NotHeld,
    SoldOut,
    TooLate,
    TooManySeats,
)
from booking_service.domain.models import CONFIRMED, Booking, Change, Event, Hold, Stock
from shared.errors import Forbidden
from shared.identity.permissions import ROLES
from shared.identity.tokens import Principal
from tests.fixtures.desk import ADA, ADMIN, BOB, SECONDS_MAX, Desk, Run

AT_ONCE = 0
VISITOR = Principal(1, "x@example.com", ROLES["public"], "1", 2**40)


def by(user: Principal, wait_seconds: float | None = AT_ONCE, key: str | None = None) -> Asking:
    return Asking(user, key, wait_seconds)


async def booked(desk: Desk, seats: int = 1) -> UUID:
    """Book for Ada, and have it settled."""
    state = await desk.sales.book(ADA, desk.event.id, seats, None)
    desk.settle()
    return state.id


def asked(desk: Desk) -> int:
    return desk.count(select(func.count()).select_from(Change).where(Change.requested_by.is_not(None)))


def set_rules(desk: Desk, **rules: object) -> None:
    desk.write(update(Event).where(Event.id == desk.event.id).values(has_rules=True, **rules))


async def until(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110  what is waited for happens in the database
        await asyncio.sleep(0.001)


async def settled(desk: Desk, change: Awaitable[Changed[BookingView]]) -> BookingView:
    """Settle once what is asked for is stored, and wait for what came of it."""
    before = asked(desk)
    asking = asyncio.ensure_future(change)
    await until(lambda: asked(desk) > before or asking.done())
    await asyncio.to_thread(desk.settle)
    changed = await asking
    assert changed.is_done
    return changed.view


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


def test_who_cancels_too_late_is_told_so_and_an_admin_may_all_the_same(run: Run) -> None:
    async def story(desk: Desk) -> None:
        booking_id = await booked(desk)
        set_rules(desk, cancel_until=datetime.now(UTC))
        with pytest.raises(TooLate):
            await settled(desk, desk.changes.cancel(by(ADA, SECONDS_MAX), booking_id))
        with pytest.raises(TooLate):  # at once, without asking again
            await desk.changes.cancel(by(ADA, SECONDS_MAX), booking_id)
        assert asked(desk) == 1
        view = await settled(desk, desk.changes.cancel(by(ADMIN, SECONDS_MAX), booking_id))
        assert view.state.status == "cancelled"

    run(story)


def test_a_held_booking_tells_until_when_and_is_confirmed_or_expires(run: Run) -> None:
    async def story(desk: Desk) -> None:
        set_rules(desk, hold_seconds=600)
        confirmed, expired = await booked(desk), await booked(desk)
        view = await desk.watch.show(ADA, confirmed)
        assert view.state.status == "held"
        assert view.expires_at is not None
        assert timedelta(0) < view.expires_at - datetime.now(UTC) <= timedelta(seconds=601)
        view = await settled(desk, desk.changes.confirm(by(ADMIN, SECONDS_MAX), confirmed))
        assert (view.state.status, view.expires_at) == ("confirmed", None)
        desk.write(update(Hold).where(Hold.booking_id == expired).values(expires_at=datetime(2026, 1, 1, tzinfo=UTC)))
        with pytest.raises(HoldExpired):
            await settled(desk, desk.changes.confirm(by(ADMIN, SECONDS_MAX), expired))
        with pytest.raises(HoldExpired):
            await desk.changes.confirm(by(ADMIN), expired)
        assert (await desk.watch.show(ADA, expired)).state.status == "expired"

    run(story)


def test_who_waits_for_seats_knows_their_place_and_why_they_were_skipped(run: Run) -> None:
    async def story(desk: Desk) -> None:
        set_rules(desk, waitlist="fit")
        desk.write(update(Stock).where(Stock.event_id == desk.event.id).values(waiting_max=9))
        confirmed = await booked(desk, 2)
        waiting = [await booked(desk, seats) for seats in (2, 1, 1)]
        views = [await desk.watch.show(ADA, booking_id) for booking_id in waiting]
        assert [view.state.status for view in views] == ["waitlisted"] * 3
        assert [view.waitlist_position for view in views] == [1, 2, 3]
        assert [view.waitlist_skipped for view in views] == [None] * 3
        await settled(desk, desk.changes.set_seats(by(ADA, SECONDS_MAX), confirmed, 1))
        # What a process has read of a list may be two seconds old; another has read nothing.
        _, watch, _ = desk.in_another_process()
        views = [await watch.show(ADA, booking_id) for booking_id in waiting]
        assert [view.state.status for view in views] == ["waitlisted", "confirmed", "waitlisted"]
        assert [view.waitlist_position for view in views] == [1, None, 2]
        assert [view.waitlist_skipped for view in views] == ["too_few_seats", None, None]

    run(story)


def test_watching_waits_for_a_cancellation_too(run: Run) -> None:
    async def story(desk: Desk) -> None:
        booking_id = await booked(desk)
        await desk.changes.cancel(by(ADA), booking_id)
        watching = asyncio.ensure_future(desk.watch.show(ADA, booking_id, SECONDS_MAX * 10))
        assert (await desk.watch.show(ADA, booking_id)).state.is_cancelling
        assert not watching.done()
        await asyncio.to_thread(desk.settle)
        assert (await watching).state.status == "cancelled"

    run(story)


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


def test_a_pending_booking_is_cancelled_before_it_gets_a_seat(run: Run) -> None:
    async def story(desk: Desk) -> None:
        pending = (await desk.sales.book(ADA, desk.event.id, 2, None)).id
        view = await settled(desk, desk.changes.cancel(by(ADA, SECONDS_MAX), pending))
        assert (view.state.status, view.place) == ("cancelled", None)
        assert desk.count(select(func.count()).select_from(Booking).where(Booking.status == CONFIRMED)) == 0

    run(story)
