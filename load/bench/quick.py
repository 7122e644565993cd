"""The main scenarios in a few minutes, as ratios measured side by side."""

import json
from dataclasses import asdict

from load.bench.comparison import compare, tell
from load.bench.contestants import EMPTY, OURS, ROW_LOCK, TASK_PER_BOOKING
from load.bench.machine import machine, software
from load.bench.options import Options
from load.bench.ratios import RATIOS, RULED_VS_HOT
from load.bench.report import write_json
from load.bench.scenarios import HOT, HUNDRED, MANY, NOTHING, POLLS, RULED, SOLD_OUT
from load.bench.session import session
from load.bench.summary import Summary, audit_of

PLAN = (
    (OURS, (HOT, HUNDRED, MANY, SOLD_OUT, POLLS, RULED)),
    (EMPTY, (NOTHING,)),
    (ROW_LOCK, (HOT,)),
    (TASK_PER_BOOKING, (HOT,)),
)


def run(options: Options) -> bool:
    """Measure, write results/quick.json, and return whether the audit held."""
    with session(options) as at:
        figures = compare(at.bench, PLAN, options.rounds)
        made_of = software(at.server, at.bench.stand.redis_url)
    summary = Summary(figures)
    spreads = {ratio.name: spread for ratio in (*RATIOS, RULED_VS_HOT) if (spread := ratio.of(summary))}
    ratios = {name: spread.median for name, spread in spreads.items()}
    audit = audit_of(figures)
    result = {
        "ratios": ratios,
        "audit": audit,
        "ratio_spreads": {name: asdict(spread) for name, spread in spreads.items()},
        "machine": machine(),
        "software": made_of,
        "rounds": options.rounds,
        "seconds": options.seconds,
        "connections": options.connections,
        "summary": summary.as_json(),
    }
    write_json("quick", result)
    tell(json.dumps({"ratios": ratios, "audit": audit}))
    return audit == "ok"
