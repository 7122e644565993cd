"""How long a booking takes: at full load, at half of that, and alone."""

from dataclasses import replace

from load.bench.comparison import say
from load.bench.contestants import OURS, Running, running
from load.bench.measure import Bench, Figure
from load.bench.scenarios import HALF_LOAD, HOT, LONE

LATENCY_GUESS_MS = 10
FULL_LOAD = replace(HOT, name="full load")


def measure(bench: Bench, rounds: int) -> list[Figure]:
    """Measure full load, half load and the lone request, ``rounds`` times."""
    figures = []
    for _ in range(rounds):
        with running(OURS, bench.stand) as system:
            full = bench.measure(OURS, system, FULL_LOAD)
            half = _half(bench, system, full.accepted_per_second / 2)
            lone = bench.measure(OURS, system, LONE)
        for figure in (full, half, lone):
            say(figure)
            figures.append(figure)
    return figures


def _half(bench: Bench, system: Running, wanted_per_second: float) -> Figure:
    """Load at ``wanted_per_second``: each connection pauses for as long as the answers leave it to."""
    cycle_ms = bench.connections * 1_000 / wanted_per_second
    scenario = replace(HOT, name=HALF_LOAD, pause_ms=max(1, round(cycle_ms - LATENCY_GUESS_MS)))
    trial = bench.measure(OURS, system, scenario)
    latency_ms = bench.connections * 1_000 / trial.accepted_per_second - scenario.pause_ms
    return bench.measure(OURS, system, replace(scenario, pause_ms=max(1, round(cycle_ms - latency_ms))))
