"""The memory of one API process over a million bookings."""

from dataclasses import dataclass

from load.bench import events, generator
from load.bench.comparison import tell
from load.bench.contestants import OURS, running, user_tokens
from load.bench.generator import Load
from load.bench.measure import BOOK, PLENTY, Bench

EVENTS = 100
STEP_SECONDS_MAX = 1_800


@dataclass(frozen=True, slots=True)
class MemoryCurve:
    """Bookings made so far, and the memory of the process at that moment."""

    bookings: list[int]
    mib: list[float]
    growth_percent: float  # from the first look to the highest after it
    audit: str


def measure(bench: Bench, bookings: int, step: int) -> MemoryCurve:
    """Make ``bookings`` with one process and look at its memory after each ``step``."""
    first = events.make_events(bench.database, EVENTS, PLENTY)
    load = Load("POST", BOOK, first, EVENTS, STEP_SECONDS_MAX, bench.connections, answers_max=step)
    made: list[int] = []
    mib: list[float] = []
    with running(OURS, bench.stand) as system:
        for total in range(step, bookings + 1, step):
            answers = generator.send(system.urls, user_tokens(1), load)
            if answers.statuses["202"] < step:
                tell(f"only {answers.statuses['202']} of {step} bookings were accepted")
            made.append(total)
            mib.append(round(system.crew.memory_mib()["api"], 1))
            tell(f"{total:,} bookings: the API process has {mib[-1]:.1f} MiB")
        bench.wait_settled()
    growth = (max(mib) - mib[0]) / mib[0] * 100 if mib else 0.0
    return MemoryCurve(made, mib, round(growth, 1), events.verdict(bench.database))
