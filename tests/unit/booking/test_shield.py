"""The sold-out shield: it refuses what is full, lets pass what is not, and never believes old news for long."""

import asyncio
from dataclasses import replace

import pytest

from booking_service.box_office.shield import FULL_REMEMBERED_SECONDS, REFRESH_IDS_MAX, WATCHED_SECONDS
from booking_service.domain.errors import EventNotFound
from shared.errors import Overloaded, Unavailable
from tests.fixtures.hall import Hall, run


def test_an_event_is_looked_up_once_and_its_lane_remembered() -> None:
    hall = Hall()

    async def story() -> None:
        shield = hall.shield()
        known = [await shield.event(7) for _ in range(3)]
        assert [(k.lane, k.is_full) for k in known] == [(3, False)] * 3

    run(story)
    assert hall.found == [7]


def test_a_full_event_is_known_as_full_at_first_sight() -> None:
    hall = Hall(7)

    async def story() -> None:
        assert (await hall.shield().event(7)).is_full

    run(story)


def test_an_event_that_does_not_exist_is_not_remembered() -> None:
    hall = Hall()

    async def story() -> None:
        shield = hall.shield(size_max=2)
        for _ in range(5):
            with pytest.raises(EventNotFound):
                await shield.event(99)
        hall.events[99] = replace(hall.events[1], id=99)
        assert not (await shield.event(99)).is_full

    run(story)


def test_a_refresh_finds_what_has_become_full_and_what_has_become_free() -> None:
    hall = Hall(1)

    async def story() -> None:
        shield = hall.shield()
        assert (await shield.event(1)).is_full
        assert not (await shield.event(2)).is_full
        hall.set_available(1, 1)
        hall.set_available(2, 0)
        await shield.refresh()
        assert not (await shield.event(1)).is_full
        assert (await shield.event(2)).is_full

    run(story)


@pytest.mark.parametrize("failure", [Unavailable(), Overloaded(), RuntimeError("a bug"), TimeoutError()])
def test_what_is_full_is_forgotten_when_the_database_cannot_say(failure: Exception) -> None:
    hall = Hall(1)

    async def story() -> None:
        shield = hall.shield()
        assert (await shield.event(1)).is_full
        hall.failure = failure
        await shield.refresh()
        hall.set_available(1, 5)
        assert not (await shield.event(1)).is_full

    run(story)


def test_the_background_refresh_outlives_any_failure() -> None:
    hall = Hall(1)

    async def story() -> None:
        shield = hall.shield()
        await shield.event(1)
        refresher = asyncio.create_task(shield.keep_fresh())
        hall.failure = RuntimeError("a bug")
        while not hall.refreshed:  # noqa: ASYNC110  the cache tells nobody when it refreshes
            await asyncio.sleep(0)
        hall.failure = None
        hall.set_available(1, 0)
        assert (await shield.event(1)).is_full
        hall.set_available(1, 5)
        while (await shield.event(1)).is_full:  # noqa: ASYNC110  as above
            await asyncio.sleep(0)
        refresher.cancel()

    run(story)


def test_the_memory_is_bounded_and_the_oldest_goes_first() -> None:
    hall = Hall(1)

    async def story() -> None:
        shield = hall.shield(size_max=2)
        for event_id in (1, 2, 3):
            await shield.event(event_id)
        await shield.refresh()
        hall.found.clear()
        for event_id in (3, 2, 1):
            await shield.event(event_id)

    run(story)
    assert hall.found == [1]


def test_a_memory_of_one_still_works() -> None:
    hall = Hall(1, 3)

    async def story() -> None:
        shield = hall.shield(size_max=1)
        for _ in range(3):
            assert [(await shield.event(i)).is_full for i in (1, 2, 3)] == [True, False, True]
            await shield.refresh()

    run(story)


def test_many_at_once_for_one_event_leave_the_memory_in_order() -> None:
    hall = Hall(1, 2)

    async def story() -> None:
        shield = hall.shield(size_max=2)
        for event_id in (1, 2, 3, 1):
            known = await asyncio.gather(*(shield.event(event_id) for _ in range(20)))
            assert {k.is_full for k in known} == {event_id != 3}
            await shield.refresh()

    run(story)


def test_only_events_that_are_asked_for_are_refreshed() -> None:
    hall = Hall(1)

    async def story() -> None:
        shield = hall.shield()
        known = [await shield.event(1), await shield.event(2), await shield.event(3)]
        for event in known[:2]:
            event.asked_at -= WATCHED_SECONDS + 1
        await shield.refresh()
        assert [sorted(ids) for ids in hall.refreshed] == [[1, 3]]  # the full one is remembered for longer
        for event in known:
            event.asked_at -= FULL_REMEMBERED_SECONDS
        await shield.refresh()
        assert hall.refreshed[1:] == [[]]  # nothing but whether one was cancelled
        hall.found.clear()
        await shield.event(1)
        assert hall.found == [1]

    run(story)


def test_a_refresh_of_thousands_asks_for_so_many_at_a_time() -> None:
    hall = Hall(events=2_500)

    async def story() -> None:
        shield = hall.shield(size_max=10_000)
        for event_id in hall.events:
            await shield.event(event_id)
        hall.set_available(2_500, 0)
        await shield.refresh()
        assert (await shield.event(2_500)).is_full

    run(story)
    assert [len(ids) for ids in hall.refreshed] == [REFRESH_IDS_MAX, REFRESH_IDS_MAX, 500]


def test_an_event_that_is_forgotten_during_a_refresh_is_no_trouble() -> None:
    hall = Hall(1, 2, 3)

    async def story() -> None:
        shield = hall.shield(size_max=2)
        await shield.event(1)
        await shield.event(2)
        await asyncio.gather(shield.refresh(), shield.event(3), shield.refresh(), shield.event(4))
        hall.failure = Unavailable()
        await asyncio.gather(shield.refresh(), shield.event(5), shield.refresh(), shield.event(1))
        assert [(await shield.event(i)).is_full for i in (1, 2, 3, 4)] == [True, True, True, False]

    run(story)
