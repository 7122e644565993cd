"""Group commit: requests that wait at the same moment become one batch for one function in a thread.

At rest a request starts a flight at once and waits for nobody. Under load all that arrives while the flights are out
shares the next one, so the cost of a round trip and of a commit is divided by the size of the batch.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

from shared.errors import Overloaded, Unavailable

Item = TypeVar("Item")
Result = TypeVar("Result")


class Coalescer(Generic[Item, Result]):
    """Collects items and hands them to ``work`` in batches, in the order in which they came."""

    def __init__(
        self,
        work: Callable[[Sequence[Item]], Sequence[Result | Exception]],
        *,
        name: str,
        threads: int,
        batch_max: int,
        queue_max: int,
    ) -> None:
        """Prepare ``threads`` threads for ``work``.

        ``work`` gets at most ``batch_max`` items and answers one result or exception for each, in order. When it
        raises, each item of the batch gets that exception. More than ``queue_max`` waiting items are refused.
        """
        self._work = work
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._flights_max = threads
        self._batch_max = batch_max
        self._queue_max = queue_max
        self._waiting: deque[tuple[Item, asyncio.Future[Result]]] = deque()
        self._aloft: list[list[tuple[Item, asyncio.Future[Result]]]] = []
        # Counted by the flights themselves: a finished task leaves `_tasks` only a turn of the loop later, and an item
        # that came in that turn would wait for a flight that never starts.
        self._flying = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False

    async def submit(self, item: Item) -> Result:
        """Wait until the batch that carries ``item`` is done; return or raise what it says of ``item``.

        Raises Overloaded when ``queue_max`` items already wait, and Unavailable after the end.
        """
        if self._closed:
            raise Unavailable
        if len(self._waiting) >= self._queue_max:
            raise Overloaded
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        if self._flying < self._flights_max:
            self._flying += 1
            task = asyncio.create_task(self._fly())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return await future

    async def close(self) -> None:
        """Finish what somebody waits for, then let the threads go: one that hangs in its work is left behind."""
        self._closed = True
        batches = [list(self._waiting), *self._aloft]
        if wanted := [future for batch in batches for _, future in batch if not future.done()]:
            await asyncio.wait(wanted)
        self._waiting.clear()
        self._executor.shutdown(wait=False, cancel_futures=True)

    async def _fly(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._waiting:
                batch = [self._waiting.popleft() for _ in range(min(self._batch_max, len(self._waiting)))]
                self._aloft.append(batch)
                items = [item for item, _ in batch]
                results: Sequence[Result | Exception]
                try:
                    results = await loop.run_in_executor(self._executor, self._work, items)
                except Exception as error:  # noqa: BLE001  whatever it is, each waiting request must hear of it
                    results = [error] * len(batch)
                finally:
                    self._aloft.remove(batch)
                for (_, future), result in zip(batch, results, strict=True):
                    _resolve(future, result)
        finally:
            self._flying -= 1


def _resolve(future: asyncio.Future[Result], result: Result | Exception) -> None:
    if future.done():  # its request was cancelled; the work is done all the same
        return
    if isinstance(result, Exception):
        future.set_exception(result)
    else:
        future.set_result(result)
