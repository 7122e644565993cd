"""What a campaign says at its end: for people, as JSON, and in one last line."""

import json
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from tests.faults.campaign.scheduler import Inflicted
from tests.faults.campaign.verdict import Verdict


@dataclass(frozen=True)
class Report:
    """The figures of one campaign."""

    seed: int
    server: str
    seconds: float
    inflicted: Sequence[Inflicted]
    not_reached: Sequence[str]
    bookings: int
    confirmed: int
    changes: int  # acts that were stored, and what came of itself: holds that ended, promotions
    changed: int  # bookings that were cancelled, by whomever, or got other seats
    promoted: int
    expired: int
    requests: int
    retries: int
    unavailable: int
    lost_connections: int
    snapshots: int
    clients_lag_seconds: float
    verdict: Verdict

    def last_line(self) -> str:
        """Return the one line of JSON that says whether all promises were kept."""
        counts = {"faults": len(self.inflicted), "bookings": self.bookings}
        return json.dumps(counts | self.verdict.numbers() | {"seed": self.seed})

    def figures(self) -> dict[str, Any]:
        """Return everything, for JSON."""
        return {
            "seed": self.seed,
            "server": self.server,
            "seconds": round(self.seconds),
            "faults": len(self.inflicted),
            "not_reached": len(self.not_reached),
            "bookings": self.bookings,
            "confirmed": self.confirmed,
            "changes": self.changes,
            "cancelled_or_changed": self.changed,
            "cancelled_or_changed_percent": round(100 * self.changed / self.bookings, 1),
            "promoted": self.promoted,
            "expired": self.expired,
            "bookings_per_second": round(self.bookings / self.seconds, 1),
            "requests": self.requests,
            "retries": self.retries,
            "answers_503": self.unavailable,
            "connections_lost": self.lost_connections,
            "snapshots_audited": self.snapshots,
            "clients_lag_seconds": round(self.clients_lag_seconds, 1),
            **self.verdict.numbers(),
            "breaches": {promise.value: cases for promise, cases in self.verdict.examples.items()},
            "missed": dict(Counter(self.not_reached)),
            "kinds": self._kinds(),
        }

    def markdown(self) -> str:
        """Return the report for people."""
        figures = self.figures()
        kinds = figures.pop("kinds")
        breaches = figures.pop("breaches")
        missed = figures.pop("missed")
        lines = ["| figure | value |", "|---|---|", *(f"| {name} | {value} |" for name, value in figures.items())]
        lines += ["", "Recovery: seconds from the end of a fault until all that was due then is settled and bookings"]
        lines += ["are accepted again. Alone: while no other fault was near.", ""]
        lines += ["| fault | times | median s | longest s | longest alone s |", "|---|---|---|---|---|"]
        for name, kind in kinds.items():
            alone = "" if kind["longest_alone"] is None else kind["longest_alone"]
            lines.append(f"| {name} | {kind['times']} | {kind['median']} | {kind['longest']} | {alone} |")
        lines += ["", *(f"- not reached, {times} times: {what}" for what, times in missed.items())]
        for promise, cases in breaches.items():
            lines += ["", f"**{promise}**", "", *(f"- {case}" for case in cases)]
        return "\n".join(lines) + "\n"

    def write(self, path: Path) -> None:
        """Write `path`.json and `path`.md."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.with_suffix(".json").write_text(json.dumps(self.figures(), indent=1) + "\n")
        path.with_suffix(".md").write_text(self.markdown())

    def _kinds(self) -> dict[str, dict[str, Any]]:
        kinds: dict[str, list[Inflicted]] = defaultdict(list)
        for fault in self.inflicted:
            kinds[fault.planned.kind.name].append(fault)
        return {name: self._kind(faults) for name, faults in sorted(kinds.items())}

    def _kind(self, faults: list[Inflicted]) -> dict[str, Any]:
        seconds = [fault.recovery_seconds for fault in faults if fault.recovery_seconds is not None]
        alone = [f.recovery_seconds for f in faults if f.recovery_seconds is not None and self._is_alone(f)]
        return {
            "times": len(faults),
            "median": round(median(seconds), 1) if seconds else None,
            "longest": round(max(seconds), 1) if seconds else None,
            "longest_alone": round(max(alone), 1) if alone else None,
        }

    def _is_alone(self, fault: Inflicted) -> bool:
        mine = fault.interval
        others = (other.interval for other in self.inflicted if other is not fault)
        return not any(other.began <= mine.ended and other.ended >= mine.began for other in others)
