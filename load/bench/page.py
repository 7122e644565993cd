"""The results as a page of tables."""

from collections.abc import Iterable, Sequence
from typing import Any

from load.bench.contestants import OURS
from load.bench.scenarios import RUSH
from load.bench.summary import Spread, Summary
from load.bench.targets import Verdict

ROUNDED_FROM = 100  # from here on a figure needs no decimals
MET = {True: "yes", False: "**no**", None: "not measured"}
RATES = (
    "accepted_per_second",
    "settled_per_second",
    "rejected_per_second",
    "polls_per_second",
    "cancelled_per_second",
)
TIMES = tuple(f"{what}_p{percent}_ms" for what in ("http", "settled", "changed") for percent in (50, 95, 99))
WHAT_TIMES_ARE = """\
HTTP: until the answer. Settled: from the booking's `created_at` to its `settled_at`. Changed: from the cancellation's
`created_at` to its `done_at`; of a waiting list, from asking for it until the seat is seen to be the next one's."""
MYSQL = ("writes_per_1000", "commits_per_1000", "statements_per_1000")
PROCESSES = ("api", "worker", "beat", "mysqld", "redis", "load generator")


def page(result: dict[str, Any], summary: Summary, verdicts: Sequence[Verdict]) -> str:
    """Write Markdown; each figure is a median, and behind it the least and the most of all rounds."""
    parts = [
        "# What `make bench` measured",
        _circumstances(result),
        "![Ratios and rates](full.svg)",
        "## Targets",
        _targets(verdicts),
        "## Rates a second",
        _figures(summary, RATES, ("accepted", "settled", "409", "polls", "cancelled"), with_audit=True),
        *_rush(summary),
        "## Times, milliseconds",
        WHAT_TIMES_ARE,
        _figures(summary, TIMES, [name.removesuffix("_ms").replace("_", " ") for name in TIMES]),
        "## Processor milliseconds a booking",
        _figures(summary, _by_process("cpu_ms_per_booking"), PROCESSES),
        "## Processor milliseconds an answer",
        _figures(summary, _by_process("cpu_ms_per_answer"), PROCESSES),
        "## MySQL, for 1,000 bookings",
        _figures(summary, MYSQL, ("transactions that wrote", "COMMIT statements", "statements")),
        "## Memory, MiB",
        "Resident, at the end of a run, of a process and those that it forked; what they share counts in each.",
        _figures(summary, _by_process("memory_mib"), PROCESSES[:-1]),
        *_api_memory(result["api_memory"]),
    ]
    return "\n\n".join(parts) + "\n"


def _circumstances(result: dict[str, Any]) -> str:
    machine, options = result["machine"], result["options"]
    lines = (
        f"machine: {machine['cpu']}, {machine['cores']} cores, {machine['memory_gib']} GiB, {machine['kernel']}",
        "the servers, the contestants and the load generator share it",
        f"versions: {_pairs(result['versions'])}",
        f"MySQL: {result['mysql_from']}; {_pairs(result['mysql_settings'])}",
        f"{options['rounds']} rounds in alternating order, {options['seconds']} s of load each, warmed up before",
        f"{options['connections']} clients, each asking again as soon as it is answered",
        f"parts, when each ended (UTC): {_pairs(result['measured_at'])}",
        f"audit after each run: {result['audit']}",
    )
    return "\n".join(f"- {line}" for line in lines)


def _targets(verdicts: Sequence[Verdict]) -> str:
    rows = [
        (
            verdict.text,
            f"{'at least' if verdict.at_least else 'below'} {verdict.target:,g} {verdict.unit}",
            _cell(verdict.measured),
            MET[verdict.met],
        )
        for verdict in verdicts
    ]
    return _table(("figure", "target", "measured", "met"), rows)


def _figures(summary: Summary, names: Sequence[str], titles: Sequence[str], *, with_audit: bool = False) -> str:
    rows = []
    for contestant, scenario in summary.keys():  # noqa: SIM118  not a dict
        cells = [_cell(summary.spread(contestant, scenario, name)) for name in names]
        if any(cells):
            audit = [summary.audit(contestant, scenario)] if with_audit else []
            rows.append((contestant, scenario, *cells, *audit))
    return _table(("contestant", "scenario", *titles, *["audit"] * with_audit), rows)


def _rush(summary: Summary) -> list[str]:
    seconds = summary.spread(OURS.name, RUSH, "seconds")
    confirmed = summary.spread(OURS.name, RUSH, "confirmed")
    if seconds is None or confirmed is None:
        return []
    return [f"The sold-out rush was answered in {_cell(seconds)} s; {_cell(confirmed)} bookings were confirmed."]


def _api_memory(curve: dict[str, Any] | None) -> list[str]:
    if curve is None:
        return []
    rows = [(f"{bookings:,}", f"{mib:.1f}") for bookings, mib in zip(curve["bookings"], curve["mib"], strict=True)]
    return [
        "## Memory of one API process over many bookings",
        f"It grew by {curve['growth_percent']} % after the first look; audit {curve['audit']}.",
        _table(("bookings", "MiB"), rows),
    ]


def _by_process(name: str) -> list[str]:
    return [f"{name}.{process}" for process in (PROCESSES[:-1] if name == "memory_mib" else PROCESSES)]


def _cell(spread: Spread | None) -> str:
    if spread is None or not spread.max:
        return ""
    if spread.min == spread.max:
        return _number(spread.median)
    return f"{_number(spread.median)} ({_number(spread.min)}..{_number(spread.max)})"


def _number(value: float) -> str:
    if value >= ROUNDED_FROM or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.3g}"


def _pairs(values: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items())


def _table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [titles, ["---"] * len(titles), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
