"""Changing bookings in their time, on SQLite: pending, held, waiting for seats, too late to cancel."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select, update

from booking_service.domain.errors import (
    HoldExpired,
    TooLate,
)
from booking_service.domain.models import CONFIRMED, Booking, Hold, Stock
from tests.fixtures.asking import asked, booked, by, set_rules, settled
from tests.fixtures.desk import ADA, ADMIN, SECONDS_MAX, Desk, Run


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


def test_a_pending_booking_is_cancelled_before_it_gets_a_seat(run: Run) -> None:
    async def story(desk: Desk) -> None:
        pending = (await desk.sales.book(ADA, desk.event.id, 2, None)).id
        view = await settled(desk, desk.changes.cancel(by(ADA, SECONDS_MAX), pending))
        assert (view.state.status, view.place) == ("cancelled", None)
        assert desk.count(select(func.count()).select_from(Booking).where(Booking.status == CONFIRMED)) == 0

    run(story)
