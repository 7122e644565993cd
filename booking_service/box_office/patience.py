"""Waiting for what workers decide: looks at growing intervals, up to a moment, and no longer than the process runs."""

import asyncio
import time

POLL_SECONDS_FIRST = 0.02
POLL_SECONDS_MAX = 0.25
POLL_GROWTH = 1.5


class Patience:
    """One caller's patience."""

    def __init__(self, seconds: float, stopping: asyncio.Event) -> None:
        """Have it for ``seconds``, or until ``stopping`` is set."""
        self._ends_at = time.monotonic() + seconds
        self._stopping = stopping
        self._pause = POLL_SECONDS_FIRST

    async def pause(self) -> bool:
        """Wait for a while; tell whether to look again. Once the process ends there may be no thread left to look."""
        left = self._ends_at - time.monotonic()
        if left <= 0 or self._stopping.is_set():
            return False
        await asyncio.sleep(min(self._pause, left))
        self._pause = min(self._pause * POLL_GROWTH, POLL_SECONDS_MAX)
        return not self._stopping.is_set()
