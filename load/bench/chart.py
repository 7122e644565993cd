"""The results as a picture."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from load.bench.contestants import EMPTY, OURS, ROW_LOCK, TASK_PER_BOOKING
from load.bench.scenarios import BOOK_AND_CANCEL, HOT, HUNDRED, MANY, NOTHING, POLLS, RULED, SOLD_OUT
from load.bench.summary import Spread, Summary
from load.bench.targets import Verdict

# Words stay words, and the same results make the same file.
STYLE: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "event-booking",
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
}
MET, MISSED, OTHERS = "#2a7f62", "#c8553d", "#8d99ae"
INCHES = (9.0, 10.6)
BEFORE_LINES: Any = {"facecolor": "white", "edgecolor": "none", "pad": 1}
ROOM = 1.35  # for what is written behind the longest bar

BARS = (
    ("ours, settled, 1 hot event", OURS.name, HOT.name, "settled_per_second"),
    ("ours, accepted, 100 events", OURS.name, HUNDRED.name, "accepted_per_second"),
    ("ours, settled, 10,000 events", OURS.name, MANY.name, "settled_per_second"),
    ("ours, sold out (409)", OURS.name, SOLD_OUT.name, "rejected_per_second"),
    ("ours, polls", OURS.name, POLLS.name, "polls_per_second"),
    ("ours, settled, hot event with rules", OURS.name, RULED.name, "settled_per_second"),
    ("ours, cancelled while others book", OURS.name, BOOK_AND_CANCEL.name, "cancelled_per_second"),
    ("empty endpoint", EMPTY.name, NOTHING.name, "accepted_per_second"),
    ("row lock, settled, 1 hot event", ROW_LOCK.name, HOT.name, "settled_per_second"),
    ("row lock, sold out (409)", ROW_LOCK.name, SOLD_OUT.name, "rejected_per_second"),
    ("row lock, polls", ROW_LOCK.name, POLLS.name, "polls_per_second"),
    ("task per booking, settled, 1 hot event", TASK_PER_BOOKING.name, HOT.name, "settled_per_second"),
    ("task per booking, polls", TASK_PER_BOOKING.name, POLLS.name, "polls_per_second"),
)


def draw(summary: Summary, verdicts: Sequence[Verdict], path: Path) -> None:
    """Write a chart to ``path``: how far each target is reached, and the rates of the contestants."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=INCHES, layout="constrained")
        above, below = figure.subplots(2, 1)
        _draw_targets(above, [verdict for verdict in verdicts if verdict.measured])
        _draw_rates(below, summary)
        metadata = {"Date": None} if path.suffix == ".svg" else None
        figure.savefig(path, metadata=metadata)


def _draw_targets(axes: Axes, verdicts: Sequence[Verdict]) -> None:
    reached = [_reached(verdict) for verdict in verdicts]
    axes.barh(
        [verdict.text for verdict in verdicts],
        reached,
        color=[MET if verdict.met else MISSED for verdict in verdicts],
        height=0.66,
    )
    for place, (verdict, share) in enumerate(zip(verdicts, reached, strict=True)):
        bound = "≥" if verdict.at_least else "<"
        label = f"{_number(verdict.measured)} {verdict.unit}  ({bound} {verdict.target:,g})"
        axes.text(share + 0.02, place, label, va="center", bbox=BEFORE_LINES)
    axes.axvline(1, color="black", linewidth=1, zorder=1)
    axes.set_title("How far each target is reached: right of the line is met", loc="left", fontweight="bold")
    axes.set_xlim(0, max([1.0, *reached]) * ROOM)
    axes.invert_yaxis()
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:.0%}")


def _draw_rates(axes: Axes, summary: Summary) -> None:
    bars = [(label, spread, name) for label, name, *key in BARS if (spread := summary.spread(name, *key))]
    rates = [spread.median for _, spread, _ in bars]
    whiskers = [[s.median - s.min for _, s, _ in bars], [s.max - s.median for _, s, _ in bars]]
    axes.barh(
        [label for label, _, _ in bars],
        rates,
        xerr=whiskers,
        color=[MET if name == OURS.name else OTHERS for _, _, name in bars],
        height=0.66,
        error_kw={"linewidth": 0.8, "capsize": 2},
    )
    most = max([1.0, *(spread.max for _, spread, _ in bars)])
    for place, (_, spread, _) in enumerate(bars):
        axes.text(spread.max + most * 0.015, place, f"{spread.median:,.0f}", va="center")
    axes.set_title("A second: medians, least to most", loc="left", fontweight="bold")
    axes.set_xlim(0, most * ROOM)
    axes.invert_yaxis()
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")


def _reached(verdict: Verdict) -> float:
    """Return 1 for a target that is just met, and more when it is exceeded."""
    if verdict.measured is None:
        return 0.0
    measured = verdict.measured.median
    if verdict.at_least:
        return measured / verdict.target
    return verdict.target / measured if measured > 0 else 2.0


def _number(spread: Spread | None) -> str:
    return "" if spread is None else f"{spread.median:,.3g}" if spread.median < 1_000 else f"{spread.median:,.0f}"  # noqa: PLR2004
