"""Breaches of a promise, and what they add up to."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

EXAMPLES_MAX = 5


class Promise(Enum):
    """What is promised; the value is the word for its breach."""

    KEPT = "lost"
    ONCE = "doubled"
    SEATS = "oversold"
    SETTLED = "unsettled"
    NO_500 = "errors_500"
    ASKED_FOR = "invented"
    ANSWERED_IN_TIME = "late"
    FORWARD = "backwards"
    FAIR = "decided otherwise than it should"
    CHANGED = "a change came to something else than it should"
    ARROWS = "off the arrows"
    TURN = "promoted out of turn"
    HOLD = "a hold lasted too long or too short"
    LIMIT = "more than a user may have"
    SHOWN = "shown as it never was"
    ORDER = "out of order"
    AUDIT = "audit broken"
    LOCKED = "changed without the lock"
    RECOVERS = "not recovered"


# The last line of the report has a number for each of these, and one for all others.
NAMED = (Promise.KEPT, Promise.ONCE, Promise.SEATS, Promise.SETTLED, Promise.NO_500)


class Breach(NamedTuple):
    """One case."""

    promise: Promise
    case: str


@dataclass(frozen=True)
class Verdict:
    """All breaches, counted, with a few examples of each."""

    counts: Counter[Promise]
    examples: dict[Promise, list[str]]

    @classmethod
    def of(cls, breaches: Iterable[Breach]) -> "Verdict":
        """Count ``breaches``."""
        counts: Counter[Promise] = Counter()
        examples: dict[Promise, list[str]] = {}
        for promise, case in breaches:
            counts[promise] += 1
            if len(some := examples.setdefault(promise, [])) < EXAMPLES_MAX:
                some.append(case)
        return cls(counts, examples)

    @property
    def is_clean(self) -> bool:
        """Tell whether every promise was kept."""
        return not self.counts

    @property
    def broken(self) -> set[Promise]:
        """The promises that were not."""
        return set(self.counts)

    def numbers(self) -> dict[str, int]:
        """Return the numbers of the last line."""
        named = {promise.value: self.counts[promise] for promise in NAMED}
        return named | {"other": sum(n for promise, n in self.counts.items() if promise not in NAMED)}
