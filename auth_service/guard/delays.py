"""The delay that grows with each wrong password: how long it is, and counts of tries in this process.

A try is counted before its password is checked, so that a thousand at once are not all the first. What was right, or
could not be checked, is given back.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from auth_service.guard.memory import Memory

Pair = tuple[str, str]  # an address and an account

FIRST_DELAY_SECONDS: Final = 1
# Of one account from all addresses: later and shorter, because a stranger can bring it about.
ACCOUNT_TRIES_FREE: Final = 100
ACCOUNT_DELAY_SECONDS_MAX: Final = 60
# How many wrong passwords in a row an address may send to an account and still be one that has logged in to it before:
# as many as NIST SP 800-63B-4, section 3.2.2, allows an account.
KNOWN_TRIES_MAX: Final = 100
KNOWN_SECONDS: Final = 30 * 86_400
# Whoever waits until all is forgotten gets no more tries than who tries again after each of the longest delays.
LONGEST_DELAYS_KEPT: Final = 4


@dataclass(frozen=True, slots=True)
class Attempt:
    """A login that is about to be checked: whose, from where, and how long it must wait."""

    address: str
    account: str
    is_known: bool = False  # this address has logged in to this account before
    is_counted: bool = False
    wait_seconds: float = 0  # it need not

    @property
    def is_delayed(self) -> bool:
        """Whether a wrong password is told to wait."""
        return self.wait_seconds > 0

    @property
    def may_pass(self) -> bool:
        """Whether a right password is let in."""
        return self.is_known or not self.is_delayed


@dataclass(frozen=True, slots=True)
class Rules:
    """Delays in seconds after the first try, the second and so on; the last is that of all further ones."""

    of_pair: Sequence[int]
    of_account: Sequence[int]
    kept_seconds: int

    @classmethod
    def of(cls, tries_free: int, delay_seconds_max: int) -> "Rules":
        """Make the rules by which the wrong passwords of one address begin to cost time after ``tries_free``."""
        return cls(
            growing(tries_free, delay_seconds_max),
            growing(ACCOUNT_TRIES_FREE, min(ACCOUNT_DELAY_SECONDS_MAX, delay_seconds_max)),
            LONGEST_DELAYS_KEPT * delay_seconds_max,
        )


def growing(tries_free: int, delay_seconds_max: int) -> list[int]:
    """Return the delays after each try: none before ``tries_free``, then a second, then twice as long each time."""
    delays = [0] * (tries_free - 1) + [FIRST_DELAY_SECONDS]
    while delays[-1] < delay_seconds_max:
        delays.append(min(2 * delays[-1], delay_seconds_max))
    return delays


@dataclass(slots=True)
class _Tries:
    count: int = 0
    delayed_until: float = 0  # by the clock


class Delays:
    """Tries in the memory of this process."""

    def __init__(self, rules: Rules, keys_max: int, clock: Callable[[], float] = time.monotonic) -> None:
        """Remember ``keys_max`` pairs of address and account, as many accounts, and as many pairs that logged in."""
        self._rules = rules
        self._clock = clock
        kept = rules.kept_seconds
        self._of_pairs = Memory[Pair, _Tries](kept, keys_max, spares_oldest=True)
        self._of_accounts = Memory[str, _Tries](kept, keys_max, spares_oldest=True)
        # How many wrong passwords came in a row from where a right one had come before.
        self._known = Memory[Pair, _Tries](KNOWN_SECONDS, keys_max, spares_oldest=False)

    def __len__(self) -> int:
        """Return how many entries are in memory."""
        return len(self._of_pairs) + len(self._of_accounts) + len(self._known)

    def begin(self, address: str, account: str) -> Attempt:
        """Count a try, unless it must wait; return for how long."""
        now, pair = self._clock(), (address, account)
        is_known = self._is_known(pair, now)
        of_pair = self._of_pairs.get(pair, now) or _Tries()
        of_account = self._of_accounts.get(account, now) or _Tries()
        wait_seconds = max(of_pair.delayed_until - now, of_account.delayed_until - now, 0)
        is_counted = wait_seconds == 0
        if is_counted:
            _count(of_pair, self._rules.of_pair, now)
            _count(of_account, self._rules.of_account, now)
            self._of_pairs.put(pair, of_pair, now)
            self._of_accounts.put(account, of_account, now)
        return Attempt(address, account, is_known, is_counted, wait_seconds)

    def succeeded(self, attempt: Attempt) -> None:
        """Remember where a right password came from, and forget the wrong ones that came from there."""
        now, pair = self._clock(), (attempt.address, attempt.account)
        self._of_pairs.forget(pair)
        self._known.put(pair, _Tries(), now)
        if attempt.is_counted:
            _uncount(self._of_accounts.get(attempt.account, now))

    def give_back(self, attempt: Attempt) -> None:
        """Undo the count of a try whose password was not checked."""
        now, pair = self._clock(), (attempt.address, attempt.account)
        if attempt.is_known:
            _uncount(self._known.get(pair, now))
        if attempt.is_counted:
            _uncount(self._of_pairs.get(pair, now))
            _uncount(self._of_accounts.get(attempt.account, now))

    def _is_known(self, pair: Pair, now: float) -> bool:
        known = self._known.get(pair, now)
        if known is None:
            return False
        known.count += 1
        if known.count > KNOWN_TRIES_MAX:
            self._known.forget(pair)
            return False
        return True


def _count(tries: _Tries, delays: Sequence[int], now: float) -> None:
    tries.count += 1
    tries.delayed_until = now + delays[min(tries.count, len(delays)) - 1]


def _uncount(tries: _Tries | None) -> None:
    if tries is not None:
        tries.count = max(tries.count - 1, 0)
