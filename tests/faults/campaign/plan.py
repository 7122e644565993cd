"""The plan of faults: made of a seed alone, so that the same seed makes the same plan."""

import random
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from tests.faults.campaign.kinds import connections, messages, processes, servers
from tests.faults.campaign.kinds.registry import KINDS, Kind

REGISTERED = (connections, messages, processes, servers)  # importing them registers their kinds


class Planned(NamedTuple):
    """A fault to come: what, to whom, and the seed of what it chooses itself."""

    number: int
    kind: Kind
    picked: Sequence[str]
    seed: str


def plan(seed: int, rounds: int | None = None) -> Iterator[Planned]:
    """Plan round after round; in each all kinds come, each as often as it has copies, in an order of its own."""
    rng = random.Random(seed)
    number = 0
    done = 0
    while rounds is None or done < rounds:
        deck = [kind for kind in KINDS.values() for _ in range(kind.copies if rounds is None else 1)]
        rng.shuffle(deck)
        for kind in deck:
            number += 1
            yield Planned(number, kind, kind.pick(rng), f"{seed}:{number}")
        done += 1
