"""Where counts are kept: in Redis as long as it answers in time, in this process while it does not."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

from redis.exceptions import RedisError

from auth_service.guard.delays import Attempt
from shared.rate_limits.policies import Policy, Standing

Answer = TypeVar("Answer")

log = logging.getLogger(__name__)


class Counts(Protocol):
    """What is counted."""

    async def take(self, policy: Policy, key: str) -> Standing:
        """Count a request; return where ``key`` stands with ``policy``."""

    async def look(self, policy: Policy, key: str) -> Standing:
        """Return where ``key`` stands with ``policy``, and count nothing."""

    async def begin(self, address: str, account: str) -> Attempt:
        """Count a login, unless it must wait; return for how long."""

    async def succeeded(self, attempt: Attempt) -> None:
        """Remember where a right password came from, and forget the wrong ones that came from there."""

    async def give_back(self, attempt: Attempt) -> None:
        """Undo the count of a login whose password was not checked."""


class SharedCounts(Counts, Protocol):
    """Counts elsewhere, which may be away. Each method raises RedisError or OSError then."""

    async def prepare(self) -> None:
        """Make ready what is counted with; asked before the first question, and again after it was away."""


class CountsWithStandIn:
    """Asks the shared counts, and its stand-in when they do not answer. Nobody waits for what is away."""

    def __init__(
        self,
        shared: SharedCounts,
        stand_in: Counts,
        *,
        timeout_seconds: float,
        pause_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Wait ``timeout_seconds`` for an answer, and ask one question every ``pause_seconds`` until there is one."""
        self._shared = shared
        self._stand_in = stand_in
        self._timeout_seconds = timeout_seconds
        self._pause_seconds = pause_seconds
        self._clock = clock
        self._is_ready = False
        self._is_lost = False  # and the log says so
        self._ask_again_at = clock()

    async def take(self, policy: Policy, key: str) -> Standing:
        """Count a request; return where ``key`` stands with ``policy``."""
        return await self._ask(lambda counts: counts.take(policy, key))

    async def look(self, policy: Policy, key: str) -> Standing:
        """Return where ``key`` stands with ``policy``, and count nothing."""
        return await self._ask(lambda counts: counts.look(policy, key))

    async def begin(self, address: str, account: str) -> Attempt:
        """Count a login, unless it must wait; return for how long."""
        return await self._ask(lambda counts: counts.begin(address, account))

    async def succeeded(self, attempt: Attempt) -> None:
        """Remember where a right password came from, and forget the wrong ones that came from there."""
        await self._ask(lambda counts: counts.succeeded(attempt))

    async def give_back(self, attempt: Attempt) -> None:
        """Undo the count of a login whose password was not checked."""
        await self._ask(lambda counts: counts.give_back(attempt))

    async def _ask(self, question: Callable[[Counts], Awaitable[Answer]]) -> Answer:
        if not self._is_ready:
            now = self._clock()
            if now < self._ask_again_at:
                return await question(self._stand_in)
            self._ask_again_at = now + self._pause_seconds  # one asks, and the others do not wait with it
        try:
            async with asyncio.timeout(self._timeout_seconds):
                if not self._is_ready:
                    await self._shared.prepare()
                answer = await question(self._shared)
        except (RedisError, OSError) as error:  # TimeoutError is one
            self._lost(error)
            return await question(self._stand_in)
        self._found()
        return answer

    def _found(self) -> None:
        if self._is_lost:
            log.info("Redis answers again: requests are counted there")
        self._is_ready, self._is_lost = True, False

    def _lost(self, error: Exception) -> None:
        if not self._is_lost:
            log.warning(
                "Redis does not answer (%s): until it does, this process counts requests for itself",
                str(error) or type(error).__name__,
            )
        self._is_ready, self._is_lost = False, True
        self._ask_again_at = self._clock() + self._pause_seconds
