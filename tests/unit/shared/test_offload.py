"""Blocking work: as much at once as was agreed, the rest waits or is sent away, and nothing is counted twice."""

import asyncio
import threading
from collections.abc import Awaitable, Callable

import pytest

from shared.errors import Overloaded
from shared.threads.offload import BoundedExecutor

SECONDS_MAX = 10


class Gate:
    """Work that waits until it may go on, and notes how many were inside at once."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.inside = 0
        self.inside_most = 0
        self._lock = threading.Lock()

    def pass_through(self) -> str:
        with self._lock:
            self.inside += 1
            self.inside_most = max(self.inside_most, self.inside)
        assert self.open.wait(SECONDS_MAX)
        with self._lock:
            self.inside -= 1
        return "through"


def run(story: Callable[[], Awaitable[None]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(SECONDS_MAX):
            await story()

    asyncio.run(bounded())


async def start(executor: BoundedExecutor, gate: Gate, count: int) -> list[asyncio.Task[str]]:
    tasks = [asyncio.ensure_future(executor.run(gate.pass_through)) for _ in range(count)]
    await asyncio.sleep(0)
    return tasks


def test_no_more_runs_and_waits_than_was_agreed() -> None:
    gate = Gate()

    async def story() -> None:
        executor = BoundedExecutor(name="test", threads=2, queue_max=3)
        tasks = await start(executor, gate, 5)
        with pytest.raises(Overloaded):
            await executor.run(gate.pass_through)
        gate.open.set()
        assert await asyncio.gather(*tasks) == ["through"] * 5
        assert await executor.run(gate.pass_through) == "through"
        executor.close()

    run(story)
    assert gate.inside_most <= 2


def test_cancelled_callers_count_until_their_work_ends() -> None:
    gate = Gate()

    async def story() -> None:
        executor = BoundedExecutor(name="test", threads=1, queue_max=1)
        tasks = await start(executor, gate, 2)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        with pytest.raises(Overloaded):
            await executor.run(gate.pass_through)
        gate.open.set()
        while True:
            try:
                assert await executor.run(gate.pass_through) == "through"
            except Overloaded:
                await asyncio.sleep(0)
            else:
                break
        executor.close()

    run(story)


def test_what_the_work_raises_reaches_its_caller_and_frees_its_place() -> None:
    def fail() -> None:
        raise LookupError

    async def story() -> None:
        executor = BoundedExecutor(name="test", threads=1, queue_max=0)
        for _ in range(3):
            with pytest.raises(LookupError):
                await executor.run(fail)
        executor.close()

    run(story)


def test_closing_leaves_behind_what_hangs() -> None:
    gate = Gate()

    async def story() -> None:
        executor = BoundedExecutor(name="test", threads=1, queue_max=1)
        running, queued = await start(executor, gate, 2)
        executor.close()
        with pytest.raises(asyncio.CancelledError):
            await queued
        assert not running.done()
        gate.open.set()
        assert await running == "through"

    run(story)
