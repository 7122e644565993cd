"""Contestants side by side, over several rounds in alternating order."""

import sys
from collections.abc import Sequence
from typing import TypeVar

from load.bench.contestants import Contestant
from load.bench.measure import Bench, Figure, Scenario

Item = TypeVar("Item")
Plan = Sequence[tuple[Contestant, Sequence[Scenario]]]


def compare(bench: Bench, plan: Plan, rounds: int) -> list[Figure]:
    """Put each contestant of ``plan`` through its scenarios, ``rounds`` times, and say each figure as it comes."""
    figures = []
    for turn in range(rounds):
        for contestant, scenarios in alternating(plan, turn):
            for figure in bench.run(contestant, alternating(scenarios, turn)):
                say(figure)
                figures.append(figure)
    return figures


def alternating(items: Sequence[Item], turn: int) -> list[Item]:
    """Return ``items`` in the opposite order each turn: what is first or last is not always the same one."""
    return list(items) if turn % 2 == 0 else list(reversed(items))


def say(figure: Figure) -> None:
    """Print a line for a figure."""
    rates = {
        "accepted": figure.accepted_per_second,
        "settled": figure.settled_per_second,
        "409": figure.rejected_per_second,
        "polls": figure.polls_per_second,
        "cancelled": figure.cancelled_per_second,
    }
    words = [f"{name} {rate:.0f}/s" for name, rate in rates.items() if rate]
    if figure.settled_p50_ms:
        words.append(f"settled in p50 {figure.settled_p50_ms:.1f} p99 {figure.settled_p99_ms:.1f} ms")
    if figure.changed_p50_ms:
        words.append(f"changed in p50 {figure.changed_p50_ms:.1f} p99 {figure.changed_p99_ms:.1f} ms")
    if not words:  # a page
        words.append(f"answered in p50 {figure.http_p50_ms:.1f} p99 {figure.http_p99_ms:.1f} ms")
    words.append(f"audit {figure.audit}")
    if figure.unexpected:
        words.append(f"UNEXPECTED {figure.unexpected}")
    tell(f"{figure.contestant:17} {figure.scenario:21} {'  '.join(words)}")


def tell(line: str) -> None:
    """Print a line at once, also into a pipe."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
