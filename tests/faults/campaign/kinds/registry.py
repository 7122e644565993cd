"""The kinds of faults: a name, what each lays hands on, and how it is done."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tests.faults.campaign.world import World

Inflict = Callable[..., None]


@dataclass(frozen=True)
class Kind:
    """One kind. It picks one of each group in ``needs``; two faults never hold the same at a time."""

    name: str
    needs: Sequence[Sequence[str]]
    copies: int
    possible: Callable[[World], bool]
    inflict: Inflict

    def pick(self, rng: random.Random) -> list[str]:
        """Choose whom it hits."""
        return [rng.choice(group) for group in self.needs]


KINDS: dict[str, Kind] = {}


def kind(
    name: str,
    *needs: Sequence[str],
    copies: int = 1,
    possible: Callable[[World], bool] = lambda _: True,
) -> Callable[[Inflict], Inflict]:
    """Register ``inflict(world, rng, *picked)``; it comes ``copies`` times in each round."""

    def register(inflict: Inflict) -> Inflict:
        KINDS[name] = Kind(name, needs, copies, possible, inflict)
        return inflict

    return register
