"""Medians and spreads of figures that were measured several times."""

import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from load.bench.measure import Figure


@dataclass(frozen=True, slots=True)
class Spread:
    """The median of some runs, the least and the most."""

    median: float
    min: float
    max: float

    @classmethod
    def of(cls, values: Iterable[float]) -> "Spread":
        """Take the values of all runs, at least one."""
        found = sorted(values)
        return cls(statistics.median(found), found[0], found[-1])


class Summary:
    """All runs, by contestant and scenario, in the order in which they were made."""

    def __init__(self, figures: Sequence[Figure]) -> None:
        """Group ``figures``."""
        self._runs: dict[tuple[str, str], list[Figure]] = defaultdict(list)
        for figure in figures:
            self._runs[figure.contestant, figure.scenario].append(figure)

    def keys(self) -> list[tuple[str, str]]:
        """List contestants with their scenarios."""
        return list(self._runs)

    def has(self, contestant: str, scenario: str) -> bool:
        """Tell whether it was measured."""
        return (contestant, scenario) in self._runs

    def values(self, contestant: str, scenario: str, name: str) -> list[float]:
        """Return the figure called ``name`` of each run; a dot leads into one by process."""
        outer, _, inner = name.partition(".")
        found = (getattr(figure, outer) for figure in self._runs.get((contestant, scenario), ()))
        return [float(value.get(inner, 0.0) if inner else value) for value in found]

    def spread(self, contestant: str, scenario: str, name: str) -> Spread | None:
        """Return the figure called ``name``, None when it was not measured."""
        values = self.values(contestant, scenario, name)
        return Spread.of(values) if values else None

    def audit(self, contestant: str, scenario: str) -> str:
        """Return what the audit said of all runs: `ok`, or each complaint once."""
        return audit_of(self._runs[contestant, scenario])

    def as_json(self) -> list[dict[str, Any]]:
        """Return every figure of every contestant and scenario as median, min and max."""
        return [
            {
                "contestant": contestant,
                "scenario": scenario,
                "runs": len(runs),
                "audit": audit_of(runs),
                "unexpected": sum(figure.unexpected for figure in runs),
            }
            | _spreads([asdict(figure) for figure in runs])
            for (contestant, scenario), runs in self._runs.items()
        ]


def audit_of(figures: Iterable[Figure]) -> str:
    """Return what the audit said of all: `ok`, or each complaint once."""
    return "; ".join(sorted({figure.audit for figure in figures} - {"ok"})) or "ok"


def _spreads(runs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in runs[0].items():
        if isinstance(value, dict):
            found[name] = _spreads([run[name] for run in runs])
        elif isinstance(value, float):
            found[name] = {key: round(number, 3) for key, number in asdict(Spread.of(r[name] for r in runs)).items()}
    return found
