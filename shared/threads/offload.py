"""Blocking work off the event loop, with both its threads and its queue bounded."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from shared.errors import Overloaded, Unavailable

Result = TypeVar("Result")


class BoundedExecutor:
    """A thread pool that refuses work instead of queueing without end."""

    def __init__(self, *, name: str, threads: int, queue_max: int) -> None:
        """Allow ``threads`` calls at once and ``queue_max`` more to wait."""
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._admitted_max = threads + queue_max
        self._admitted = 0
        self._closed = False

    async def run(self, work: Callable[[], Result]) -> Result:
        """Run ``work`` in a thread and return or raise what it does.

        Raises Overloaded when the queue is full, and Unavailable after the end.
        """
        if self._closed:
            raise Unavailable
        if self._admitted >= self._admitted_max:
            raise Overloaded
        self._admitted += 1
        future = asyncio.get_running_loop().run_in_executor(self._executor, work)
        # Counted back when the work ends, not when its request does: a cancelled request still holds its thread.
        future.add_done_callback(lambda _: self._give_back())
        return await asyncio.shield(future)

    def close(self) -> None:
        """Let the threads go: nobody waits any more for what they do."""
        self._closed = True
        self._executor.shutdown(wait=False, cancel_futures=True)

    def _give_back(self) -> None:
        self._admitted -= 1
