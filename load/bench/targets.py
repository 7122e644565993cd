"""What the figures are to reach, beside what was measured."""

from dataclasses import dataclass

from load.bench import waiting_lists
from load.bench.api_memory import MemoryCurve
from load.bench.contestants import OURS
from load.bench.ratios import FULL_VS_EMPTY_TABLE, RATIOS, SEATS
from load.bench.scenarios import HALF_LOAD, LONE
from load.bench.settlement_alone import EVENTS, WORKER, scenario_name
from load.bench.summary import Spread, Summary


@dataclass(frozen=True, slots=True)
class Verdict:
    """A target of the issue, and what was measured; None when it was not."""

    text: str
    target: float
    measured: Spread | None
    unit: str = ""
    at_least: bool = True  # else below

    @property
    def met(self) -> bool | None:
        """Tell whether the median reaches the target."""
        if self.measured is None:
            return None
        return self.measured.median >= self.target if self.at_least else self.measured.median < self.target


def verdicts(summary: Summary, memory: MemoryCurve | None) -> list[Verdict]:
    """Hold what was measured against every target."""
    ratios = [
        Verdict(ratio.text, ratio.target, ratio.of(summary), at_least=ratio.at_least)
        for ratio in (*RATIOS, FULL_VS_EMPTY_TABLE, *SEATS)
    ]
    half = summary.spread(OURS.name, HALF_LOAD, "settled_p99_ms")
    lone = summary.spread(OURS.name, LONE.name, "settled_p50_ms")
    growth = Spread.of([memory.growth_percent]) if memory else None
    return [
        *ratios,
        Verdict("request to settled at 50 % load, p99", 100, half, "ms", at_least=False),
        Verdict("request to settled of a lone request, p50", 15, lone, "ms", at_least=False),
        *(
            Verdict(
                f"promotion from a long waiting list, {kind}, p99",
                50,
                summary.spread(OURS.name, waiting_lists.scenario_name(kind, waiting_lists.LONG), "changed_p99_ms"),
                "ms",
                at_least=False,
            )
            for kind in waiting_lists.SEATS_WANTED_MAX
        ),
        *(
            Verdict(
                f"settlement alone, {scenario_name(count)}",
                20_000,
                summary.spread(WORKER.name, scenario_name(count), "settled_per_second"),
                "/s",
            )
            for count in EVENTS
        ),
        Verdict("growth of the API's memory after the first look", 10, growth, "%", at_least=False),
    ]
