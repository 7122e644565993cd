"""What the shield remembers besides: the rules of an event for good, and that it was cancelled, whoever did that."""

from dataclasses import replace
from datetime import timedelta

import pytest

from booking_service.box_office.shield import CANCELLED_LOOKBACK, FULL_REMEMBERED_SECONDS
from shared.clock import utc_now
from shared.errors import Unavailable
from tests.fixtures.bookings import STARTS_AT
from tests.fixtures.hall import Hall, run

SECOND = timedelta(seconds=1)


def test_an_event_with_a_waiting_list_is_full_when_the_list_is() -> None:
    hall = Hall(1, 2)
    hall.events[1] = replace(hall.events[1], waiting=2, waiting_max=3)
    hall.events[2] = replace(hall.events[2], waiting=3, waiting_max=3)

    async def story() -> None:
        shield = hall.shield()
        assert [(await shield.event(i)).is_full for i in (1, 2)] == [False, True]

    run(story)


def test_rules_are_remembered_of_events_that_have_some() -> None:
    hall = Hall()
    opens_at, closes_at = STARTS_AT - 9 * SECOND, STARTS_AT - SECOND
    hall.events[1] = replace(
        hall.events[1], has_rules=True, seats_per_user_max=4, sales_open_at=opens_at, sales_close_at=closes_at
    )

    async def story() -> None:
        shield = hall.shield()
        ruled, plain = await shield.event(1), await shield.event(2)
        assert (ruled.rules, ruled.opens_at, ruled.closes_at) == (hall.events[1].rules, opens_at, closes_at)
        assert (plain.rules, plain.opens_at, plain.closes_at) == (None, None, STARTS_AT)

    run(story)


def test_a_cancelled_event_is_known_as_cancelled_at_first_sight() -> None:
    hall = Hall()
    hall.cancel(1)

    async def story() -> None:
        assert (await hall.shield().event(1)).is_cancelled

    run(story)


def test_a_refresh_finds_what_was_cancelled_however_long_nobody_asked_for_it() -> None:
    hall = Hall()

    async def story() -> None:
        shield = hall.shield()
        known = [await shield.event(1), await shield.event(2)]
        known[0].asked_at -= 10 * FULL_REMEMBERED_SECONDS
        await shield.refresh()
        hall.cancel(1)
        await shield.refresh()
        assert [event.is_cancelled for event in known] == [True, False]
        hall.found.clear()
        assert (await shield.event(1)).is_cancelled

    run(story)
    assert hall.found == []


def test_what_is_cancelled_stays_so_when_it_is_told_no_more() -> None:
    hall = Hall()

    async def story() -> None:
        shield = hall.shield()
        await shield.event(1)
        hall.cancel(1)
        await shield.refresh()
        hall.events[1] = replace(hall.events[1], cancelled_at=utc_now() - 2 * CANCELLED_LOOKBACK)
        await shield.refresh()
        assert (await shield.event(1)).is_cancelled

    run(story)


def test_what_was_cancelled_while_the_database_was_away_is_found_afterwards() -> None:
    hall = Hall()

    async def story() -> None:
        shield = hall.shield()
        await shield.event(1)
        hall.failure = Unavailable()
        for _ in range(3):
            await shield.refresh()
        hall.failure = None
        await shield.refresh()
        await shield.refresh()
        # The first that succeeds asks as far back as the first that failed did; only then time goes on.
        assert len({*hall.since[:4]}) == 1
        assert hall.since[4] > hall.since[3]

    run(story)


def test_a_failure_is_told_once_and_not_while_nothing_is_known_as_full(caplog: pytest.LogCaptureFixture) -> None:
    hall = Hall(1)
    hall.failure = Unavailable()

    async def story() -> None:
        shield = hall.shield()
        await shield.event(1)
        await shield.event(2)
        for _ in range(3):
            await shield.refresh()

    run(story)
    assert [record.message for record in caplog.records] == [f"forgetting which events are full: {Unavailable()!r}"]


def test_a_process_that_knows_no_event_asks_nothing() -> None:
    hall = Hall()
    run(hall.shield().refresh)
    assert hall.refreshed == []


def test_an_event_that_this_process_changed_is_looked_at_again() -> None:
    hall = Hall(1)

    async def story() -> None:
        shield = hall.shield()
        assert not (await shield.event(2)).is_cancelled
        hall.cancel(2)
        for event_id in (1, 2, 3):  # known or not
            shield.forget(event_id)
        assert (await shield.event(2)).is_cancelled

    run(story)
