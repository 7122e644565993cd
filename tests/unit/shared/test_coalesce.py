"""Group commit: nobody waits at rest, everybody shares under load, nobody is forgotten or answered for another."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

import pytest

from shared.errors import Overloaded
from shared.threads.coalesce import Coalescer

SECONDS_MAX = 10

Outcome = str | Exception
Work = Callable[[Sequence[int]], Sequence[Outcome]]


class Desk:
    """Work that notes its batches and can be held up."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.open = threading.Event()
        self.open.set()
        self.busy = threading.Semaphore(0)

    def work(self, items: Sequence[int]) -> list[Outcome]:
        self.batches.append(list(items))
        self.busy.release()
        assert self.open.wait(SECONDS_MAX)
        return [f"done {item}" for item in items]

    async def until_busy(self) -> None:
        assert await asyncio.to_thread(self.busy.acquire, timeout=SECONDS_MAX)


def coalescer(work: Work, *, threads: int = 1, batch_max: int = 100, queue_max: int = 100) -> Coalescer[int, str]:
    return Coalescer(work, name="test", threads=threads, batch_max=batch_max, queue_max=queue_max)


def run(story: Callable[[], Awaitable[None]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(SECONDS_MAX):
            await story()

    asyncio.run(bounded())


async def submit_all(group: Coalescer[int, str], items: Sequence[int]) -> list[asyncio.Task[str]]:
    """Submit ``items`` in order and give each the turn of the loop in which it queues."""
    tasks = [asyncio.ensure_future(group.submit(item)) for item in items]
    await asyncio.sleep(0)
    return tasks


def test_a_single_item_is_done_at_once() -> None:
    desk = Desk()

    async def story() -> None:
        group = coalescer(desk.work)
        assert await group.submit(1) == "done 1"
        await group.close()

    run(story)
    assert desk.batches == [[1]]


def test_what_arrives_during_a_flight_shares_the_next_in_order() -> None:
    desk = Desk()

    async def story() -> None:
        group = coalescer(desk.work)
        desk.open.clear()
        first = await submit_all(group, [0])
        await desk.until_busy()
        others = await submit_all(group, range(1, 51))
        desk.open.set()
        assert await asyncio.gather(*first, *others) == [f"done {item}" for item in range(51)]
        await group.close()

    run(story)
    assert desk.batches == [[0], list(range(1, 51))]


def test_no_batch_is_larger_than_the_bound() -> None:
    desk = Desk()

    async def story() -> None:
        group = coalescer(desk.work, batch_max=4)
        answers = await asyncio.gather(*(group.submit(item) for item in range(10)))
        assert answers == [f"done {item}" for item in range(10)]
        await group.close()

    run(story)
    assert desk.batches == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]


def test_as_many_flights_are_out_as_there_are_threads() -> None:
    desk = Desk()

    async def story() -> None:
        group = coalescer(desk.work, threads=2, batch_max=1)
        desk.open.clear()
        tasks = await submit_all(group, range(4))
        await desk.until_busy()
        await desk.until_busy()
        assert sorted(desk.batches) == [[0], [1]]
        desk.open.set()
        await asyncio.gather(*tasks)
        await group.close()

    run(story)


def test_who_would_wait_behind_too_many_is_sent_away() -> None:
    desk = Desk()

    async def story() -> None:
        group = coalescer(desk.work, queue_max=3)
        desk.open.clear()
        tasks = await submit_all(group, [0])
        await desk.until_busy()
        tasks += await submit_all(group, [1, 2, 3])
        with pytest.raises(Overloaded):
            await group.submit(4)
        desk.open.set()
        assert len(await asyncio.gather(*tasks)) == 4
        assert await group.submit(5) == "done 5"
        await group.close()

    run(story)


def test_a_failed_batch_fails_each_of_its_items_and_no_other() -> None:
    def work(items: Sequence[int]) -> list[Outcome]:
        if 1 in items:
            raise LookupError
        return ["done"] * len(items)

    async def story() -> None:
        group = coalescer(work, batch_max=2)
        answers = await asyncio.gather(*(group.submit(item) for item in range(4)), return_exceptions=True)
        assert [type(answer) for answer in answers] == [LookupError, LookupError, str, str]
        await group.close()

    run(story)


def test_an_item_may_fail_alone() -> None:
    def work(items: Sequence[int]) -> list[Outcome]:
        return [ValueError(item) if item % 2 else f"done {item}" for item in items]

    async def story() -> None:
        group = coalescer(work)
        answers = await asyncio.gather(*(group.submit(item) for item in range(4)), return_exceptions=True)
        assert [type(answer) for answer in answers] == [str, ValueError, str, ValueError]
        await group.close()

    run(story)


@pytest.mark.parametrize("turns", range(6))
def test_an_item_that_comes_as_a_flight_ends_is_not_stranded(turns: int) -> None:
    # Submitted so many turns of the loop after the answer of the flight before was set.
    desk = Desk()

    async def story() -> None:
        group = coalescer(desk.work)
        for item in range(200):
            # Not by way of a task: this very coroutine goes on in the turn in which the flight's own task ends.
            assert await group.submit(item) == f"done {item}"
            for _ in range(turns):
                await asyncio.sleep(0)
            assert await group.submit(-item) == f"done {-item}"
        await group.close()

    run(story)


def test_an_item_submitted_by_the_callback_of_another_is_not_stranded() -> None:
    desk = Desk()

    async def story() -> None:
        group = coalescer(desk.work)
        followers: list[asyncio.Task[str]] = []
        task = asyncio.ensure_future(group.submit(0))
        task.add_done_callback(lambda _: followers.append(asyncio.ensure_future(group.submit(1))))
        await task
        while not followers:  # noqa: ASYNC110  each turn of the loop matters here
            await asyncio.sleep(0)
        assert await followers[0] == "done 1"
        await group.close()

    run(story)


def test_a_cancelled_request_disturbs_nobody_else_and_its_work_is_done() -> None:
    desk = Desk()

    async def story() -> None:
        group = coalescer(desk.work)
        desk.open.clear()
        flying = await submit_all(group, [0])
        await desk.until_busy()
        waiting = await submit_all(group, [1, 2])
        flying[0].cancel()
        waiting[0].cancel()
        desk.open.set()
        assert await waiting[1] == "done 2"
        await group.close()

    run(story)
    assert desk.batches == [[0], [1, 2]]


def test_closing_finishes_what_waits() -> None:
    desk = Desk()

    async def story() -> None:
        group = coalescer(desk.work, batch_max=1)
        tasks = await submit_all(group, range(5))
        await group.close()
        assert await asyncio.gather(*tasks) == [f"done {item}" for item in range(5)]

    run(story)


def test_closing_leaves_behind_what_hangs_and_nobody_waits_for() -> None:
    desk = Desk()

    async def story() -> None:
        group = coalescer(desk.work, batch_max=1)
        desk.open.clear()
        tasks = await submit_all(group, range(3))
        await desk.until_busy()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await group.close()

    run(story)
    desk.open.set()
    assert desk.batches == [[0]]


def test_closing_what_was_never_used_returns() -> None:
    run(lambda: coalescer(Desk().work).close())


def test_thousands_of_callers_each_get_their_own_answer() -> None:
    desk = Desk()

    async def story() -> None:
        group = coalescer(desk.work, threads=3, batch_max=7, queue_max=10_000)
        submit = partial(asyncio.ensure_future)
        answers = await asyncio.gather(*(submit(group.submit(item)) for item in range(5_000)))
        assert answers == [f"done {item}" for item in range(5_000)]
        await group.close()

    run(story)
    assert sorted(item for batch in desk.batches for item in batch) == list(range(5_000))


def test_closing_in_the_turn_in_which_the_last_flight_ended_ends() -> None:
    async def story() -> None:
        coalescer: Coalescer[int, int] = Coalescer(list, name="x", threads=1, batch_max=1, queue_max=1)
        assert await coalescer.submit(1) == 1
        await coalescer.close()

    asyncio.run(story())
