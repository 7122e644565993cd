"""Ours with other event loops, parsers, clients and servers: what decision records compare."""

import importlib.util
from dataclasses import asdict, replace
from pathlib import Path

from load.bench.comparison import compare, tell
from load.bench.contestants import OURS, Contestant
from load.bench.machine import machine, software
from load.bench.options import Options
from load.bench.report import write_json
from load.bench.scenarios import HUNDRED, POLLS
from load.bench.session import session
from load.bench.summary import Summary, audit_of

SERVE = "load.bench.variant_server"
GRANIAN = ("-m", "granian", "--interface", "asgi", "--factory", "--host", "127.0.0.1", "--port", "{port}")


def run(options: Options) -> bool:
    """Measure each variant that is installed, write results/variants.json, and return whether the audit held."""
    with session(options) as at:
        plan = [(variant, (HUNDRED, POLLS)) for variant in _variants(at.bench.stand.folder)]
        figures = compare(at.bench, plan, options.rounds)
        made_of = software(at.server, at.bench.stand.redis_url)
    summary = Summary(figures)
    audit = audit_of(figures)
    write_json(
        "variants",
        {
            "audit": audit,
            "machine": machine(),
            **made_of,
            "options": asdict(options),
            "summary": summary.as_json(),
        },
    )
    for variant, _ in plan:
        accepted = summary.spread(variant.name, HUNDRED.name, "accepted_per_second")
        polls = summary.spread(variant.name, POLLS.name, "polls_per_second")
        if accepted and polls:
            tell(
                f"{variant.name:27} accepted {accepted.median:5.0f}/s ({accepted.min:.0f}..{accepted.max:.0f})"
                f"  polls {polls.median:5.0f}/s ({polls.min:.0f}..{polls.max:.0f})"
            )
    return audit == "ok"


def _variants(folder: Path) -> list[Contestant]:
    # In front of the real one on the path, so that redis-py finds no hiredis.
    (folder / "hiredis.py").write_text("raise ImportError\n", encoding="utf-8")
    # As shipped the parser is a class of ours with bounds; `plain` is uvicorn's own, which h11 is to be compared with.
    found = [
        replace(OURS, name="as shipped"),
        replace(OURS, name="asyncio loop", api=("-m", SERVE, "--loop", "asyncio")),
        replace(OURS, name="plain httptools", api=("-m", SERVE, "--http", "httptools")),
        replace(OURS, name="plain h11", api=("-m", SERVE, "--http", "h11")),
        replace(OURS, name="redis without hiredis", environment={"PYTHONPATH": str(folder)}),
    ]
    if importlib.util.find_spec("granian"):
        found += [
            replace(OURS, name="granian", api=(*GRANIAN, f"{SERVE}:application")),
            replace(OURS, name="granian, uvloop", api=(*GRANIAN, "--loop", "uvloop", f"{SERVE}:application")),
        ]
    else:
        tell("granian is not installed: left out")
    return found
