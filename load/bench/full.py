"""Everything that the benchmark can measure, into results/full.json, full.md and full.svg."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from load.bench import api_memory, history, latency, seats, settlement_alone
from load.bench.api_memory import MemoryCurve
from load.bench.chart import draw
from load.bench.comparison import Plan, compare, tell
from load.bench.contestants import EMPTY, OURS, ROW_LOCK, TASK_PER_BOOKING
from load.bench.machine import machine, software
from load.bench.measure import Figure, Scenario
from load.bench.options import Options
from load.bench.page import page
from load.bench.report import RESULTS, write_json
from load.bench.scenarios import HALF_POLLS, HOT, HUNDRED, MANY, NOTHING, POLLS, RUSH, SOLD_OUT
from load.bench.session import Session, session
from load.bench.summary import Summary, audit_of
from load.bench.targets import verdicts

MAIN: Plan = (
    (OURS, (HOT, HUNDRED, MANY, SOLD_OUT, POLLS, HALF_POLLS)),
    (EMPTY, (NOTHING,)),
    (ROW_LOCK, (HOT, SOLD_OUT, POLLS)),
    (TASK_PER_BOOKING, (HOT, POLLS)),
)
SCALING: Plan = tuple(
    (replace(OURS, instances=count), [replace(HUNDRED, name=f"{count} API + {count} worker")]) for count in (1, 2, 4)
)
PATH = RESULTS / "full.json"
RUSH_SEATS = 100
RUSH_SECONDS_MAX = 1_800


@dataclass(slots=True)
class Measured:
    """What came out so far."""

    figures: list[Figure] = field(default_factory=list)
    memory: MemoryCurve | None = None
    measured_at: dict[str, str] = field(default_factory=dict)  # each section, UTC

    @classmethod
    def earlier(cls, sections: Sequence[str]) -> "Measured":
        """Take over what an earlier run has measured, unless all ``sections`` are measured anew."""
        if set(sections) == set(SECTIONS) or not PATH.exists():
            return cls()
        result = json.loads(PATH.read_text(encoding="utf-8"))
        memory = result["api_memory"]
        return cls(
            [Figure(**run) for run in result["runs"]],
            MemoryCurve(**memory) if memory else None,
            result["measured_at"],
        )

    def add(self, figures: Sequence[Figure]) -> None:
        """Add ``figures`` in the place of earlier ones of the same scenarios."""
        anew = {(figure.contestant, figure.scenario) for figure in figures}
        self.figures = [f for f in self.figures if (f.contestant, f.scenario) not in anew] + list(figures)


def run(options: Options) -> bool:
    """Measure the chosen sections, write the results after each, and return whether the audit held everywhere."""
    measured = Measured.earlier(options.only)
    audit = "nothing was measured"
    with session(options) as at:
        made_of = {"machine": machine(), **software(at.server, at.bench.stand.redis_url)}
        for name in options.only:
            tell(f"--- {name}")
            SECTIONS[name](at, options, measured)
            measured.measured_at[name] = f"{datetime.now(UTC):%Y-%m-%d %H:%M}"
            audit = _write(measured, options, made_of)
    tell(f"audit {audit}; the tables are in full.md, the chart is full.svg")
    return audit == "ok"


def _write(measured: Measured, options: Options, made_of: dict[str, Any]) -> str:
    summary = Summary(measured.figures)
    held = [audit_of(measured.figures), *([measured.memory.audit] if measured.memory else [])]
    audit = "; ".join(sorted(set(held) - {"ok"})) or "ok"
    against = verdicts(summary, measured.memory)
    result: dict[str, Any] = {
        "targets": [asdict(verdict) | {"met": verdict.met} for verdict in against],
        "audit": audit,
        "measured_at": measured.measured_at,
        **made_of,
        "options": asdict(options),
        "summary": summary.as_json(),
        "api_memory": asdict(measured.memory) if measured.memory else None,
        "runs": [asdict(figure) for figure in measured.figures],
    }
    write_json("full", result)
    (RESULTS / "full.md").write_text(page(result, summary, against), encoding="utf-8")
    draw(summary, against, RESULTS / "full.svg")
    return audit


def _main(at: Session, options: Options, measured: Measured) -> None:
    measured.add(compare(at.bench, MAIN, options.rounds))


def _latency(at: Session, options: Options, measured: Measured) -> None:
    measured.add(latency.measure(at.bench, options.rounds))


def _rush(at: Session, options: Options, measured: Measured) -> None:
    rush = Scenario(RUSH, seats=RUSH_SEATS, answers_max=options.rush_requests, seconds_max=RUSH_SECONDS_MAX)
    measured.add(compare(at.bench, [(OURS, [rush])], options.rounds))


def _scaling(at: Session, options: Options, measured: Measured) -> None:
    measured.add(compare(at.bench, SCALING, options.rounds))


def _settlement(at: Session, options: Options, measured: Measured) -> None:
    measured.add(settlement_alone.measure(at.bench, options.rounds, options.backlog_rows))


def _seats(at: Session, options: Options, measured: Measured) -> None:
    measured.add(seats.measure(at, options))


def _history(at: Session, options: Options, measured: Measured) -> None:
    measured.add(history.measure(at.server, at.bench, options.rounds, options.rows))


def _memory(at: Session, options: Options, measured: Measured) -> None:
    measured.memory = api_memory.measure(at.bench, options.memory_bookings, options.memory_step)


SECTIONS: dict[str, Callable[[Session, Options, Measured], None]] = {
    "main": _main,
    "latency": _latency,
    "rush": _rush,
    "scaling": _scaling,
    "settlement": _settlement,
    "seats": _seats,
    "history": _history,
    "memory": _memory,
}
