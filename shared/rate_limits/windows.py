"""Sliding windows in the memory of this process, which is bounded however many keys come."""

import time
from collections.abc import Callable, Hashable

from shared.rate_limits.policies import Policy, Standing, seconds_to_wait, standing

REFUSED = -1


class Windows:
    """Counts the requests of each key; all keys share their slots, so that forgetting costs nothing."""

    def __init__(self, policy: Policy, keys_max: int, clock: Callable[[], float] = time.monotonic) -> None:
        """Remember ``keys_max`` keys a slot, of two slots; ``clock`` gives seconds."""
        self.policy = policy
        self._keys_max = keys_max
        self._clock = clock
        self._ends_at = clock() + policy.window_seconds
        self._previous: dict[Hashable, int] = {}
        self._current: dict[Hashable, int] = {}

    def __len__(self) -> int:
        """Return how many counts are in memory."""
        return len(self._previous) + len(self._current)

    def take(self, key: Hashable) -> tuple[int, int]:
        """Count a request; return how many more ``key`` may send and the seconds until the slot ends.

        When there was none left it is not counted: REFUSED, and the seconds until one is taken again. In one function,
        without an object: a booking pays for each call.
        """
        policy, left = self.policy, self._ends_at - self._clock()
        if left <= 0:
            left = self._next_slot(left)
        counted, before = self._current.get(key, 0), self._previous.get(key, 0)
        remaining = policy.quota - counted - int(before * left / policy.window_seconds) - 1
        if remaining < 0:
            return REFUSED, seconds_to_wait(policy, before, counted, left)
        if counted == 0 and len(self._current) >= self._keys_max:
            # The newest one goes. A crowd of addresses that come once each pushes out itself, and nobody who was
            # counted before it.
            self._current.popitem()
        self._current[key] = counted + 1
        return remaining, int(left) + 1

    def count(self, key: Hashable) -> Standing:
        """Count a request as `take` does, for who can afford an object."""
        remaining, seconds = self.take(key)
        return Standing(self.policy, max(remaining, 0), seconds, is_refused=remaining == REFUSED)

    def look(self, key: Hashable) -> Standing:
        """Return where ``key`` stands, and count nothing."""
        left = self._ends_at - self._clock()
        if left <= 0:
            left = self._next_slot(left)
        return standing(self.policy, self._previous.get(key, 0), self._current.get(key, 0), left)

    def _next_slot(self, left: float) -> float:
        """Begin the slot that ``left``, which is negative, lies in; return what is left of it."""
        window = self.policy.window_seconds
        passed = int(-left // window)  # slots in which nobody came
        self._previous = {} if passed else self._current
        self._current = {}
        self._ends_at += (passed + 1) * window
        return left + (passed + 1) * window
