"""`python -m load.bench quick`: the main scenarios in about two minutes, as ratios measured side by side."""

import json
import os
import platform
import statistics
import sys
import tempfile
from collections import defaultdict
from dataclasses import asdict
from pathlib import Path

from load.bench import events
from load.bench.contestants import EMPTY, OURS, ROW_LOCK, TASK_PER_BOOKING, Contestant
from load.bench.measure import Bench, Figure, Scenario
from load.bench.servers import fresh_database, fresh_redis, mysql_version

RESULTS = Path(__file__).parent / "results"
ROUNDS = 2
SECONDS = 4

HOT = Scenario("1 hot event", 1)
HUNDRED = Scenario("100 events", 100)
MANY = Scenario("10,000 events", 10_000)
SOLD_OUT = Scenario("sold out", 1, seats=0)
POLLS = Scenario("polls", 1, polls=True)
NOTHING = Scenario("100 events", 100, settles=False)

QUICK: tuple[tuple[Contestant, tuple[Scenario, ...]], ...] = (
    (OURS, (HOT, HUNDRED, MANY, SOLD_OUT, POLLS)),
    (EMPTY, (NOTHING,)),
    (ROW_LOCK, (HOT,)),
    (TASK_PER_BOOKING, (HOT,)),
)


def main() -> int:
    """Measure, print a table, write the results; exit 1 when the audit does not hold."""
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory() as folder, fresh_redis(Path(folder)) as redis_url, fresh_database() as url:
        database = events.database_of(url)
        events.prepare(database)
        bench = Bench(database, url, redis_url, Path(folder), SECONDS)
        for turn in range(ROUNDS):
            # In the opposite order each time: what is first or last is not always the same one.
            for contestant, scenarios in QUICK if turn % 2 == 0 else reversed(QUICK):
                figures += bench.run(contestant, scenarios)
                sys.stdout.writelines(f"{_line(figure)}\n" for figure in figures[-len(scenarios) :])
                sys.stdout.flush()
        database.close()
        version = mysql_version(os.environ["MYSQL_URL"])
    result = {
        "ratios": ratios(figures),
        "audit": "; ".join({figure.audit for figure in figures} - {"ok"}) or "ok",
        "machine": {"cpus": os.cpu_count(), "python": platform.python_version(), "mysql": version},
        "rounds": ROUNDS,
        "seconds": SECONDS,
        "figures": [asdict(figure) for figure in figures],
    }
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "quick.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    sys.stdout.write(json.dumps({"ratios": result["ratios"], "audit": result["audit"]}) + "\n")
    return 0 if result["audit"] == "ok" else 1


def ratios(figures: list[Figure]) -> dict[str, float]:
    """Divide medians by medians."""
    by = defaultdict(list)
    for figure in figures:
        by[figure.contestant, figure.scenario].append(figure)

    def median(contestant: Contestant, scenario: Scenario, name: str) -> float:
        return statistics.median(float(getattr(figure, name)) for figure in by[contestant.name, scenario.name])

    hot = median(OURS, HOT, "settled_per_second")
    empty = median(EMPTY, NOTHING, "accepted_per_second")
    quotients = {
        "settled_vs_row_lock": hot / median(ROW_LOCK, HOT, "accepted_per_second"),
        "settled_vs_task_per_booking": hot / median(TASK_PER_BOOKING, HOT, "settled_per_second"),
        "accepted_vs_empty": median(OURS, HUNDRED, "accepted_per_second") / empty,
        "many_events_vs_hot": median(OURS, MANY, "settled_per_second") / hot,
        "sold_out_vs_empty": median(OURS, SOLD_OUT, "rejected_per_second") / empty,
        "polls_vs_empty": median(OURS, POLLS, "polls_per_second") / empty,
    }
    return {name: round(quotient, 3) for name, quotient in quotients.items()}


def _line(figure: Figure) -> str:
    unexpected = f"  UNEXPECTED {figure.unexpected}" if figure.unexpected else ""
    settled = f"{figure.settled_per_second:7.0f}/s"
    times = f"p50 {figure.settled_p50_ms:.0f} p99 {figure.settled_p99_ms:.0f} ms"
    return (
        f"{figure.contestant:17} {figure.scenario:14} accepted {figure.accepted_per_second:7.0f}/s  settled {settled} "
        f"({times})  409 {figure.rejected_per_second:7.0f}/s  polls {figure.polls_per_second:7.0f}/s  "
        f"audit {figure.audit}{unexpected}"
    )


if __name__ == "__main__":
    sys.exit(main())
