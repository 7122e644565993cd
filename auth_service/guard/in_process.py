"""Counts in the memory of this process: the stand-in while there is no Redis, and enough where there is one process."""

import time
from collections.abc import Callable

from auth_service.guard.delays import Attempt, Delays, Rules
from shared.rate_limits.policies import Policy, Standing
from shared.rate_limits.windows import Windows


class CountsInProcess:
    """Counts that no other process sees."""

    def __init__(self, rules: Rules, keys_max: int, clock: Callable[[], float] = time.monotonic) -> None:
        """Remember ``keys_max`` keys of each kind; ``clock`` gives seconds."""
        self._keys_max = keys_max
        self._clock = clock
        self._windows: dict[str, Windows] = {}
        self._delays = Delays(rules, keys_max, clock)

    async def take(self, policy: Policy, key: str) -> Standing:
        """Count a request; return where ``key`` stands with ``policy``."""
        return self._of(policy).count(key)

    async def look(self, policy: Policy, key: str) -> Standing:
        """Return where ``key`` stands with ``policy``, and count nothing."""
        return self._of(policy).look(key)

    async def begin(self, address: str, account: str) -> Attempt:
        """Count a login, unless it must wait; return for how long."""
        return self._delays.begin(address, account)

    async def succeeded(self, attempt: Attempt) -> None:
        """Remember where a right password came from, and forget the wrong ones that came from there."""
        self._delays.succeeded(attempt)

    async def give_back(self, attempt: Attempt) -> None:
        """Undo the count of a login whose password was not checked."""
        self._delays.give_back(attempt)

    def _of(self, policy: Policy) -> Windows:
        windows = self._windows.get(policy.name)
        if windows is None:
            windows = self._windows[policy.name] = Windows(policy, self._keys_max, self._clock)
        return windows
