"""The audit: asks every invariant for the rows that break it. Harmless on a live database."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from booking_service.domain.invariants import invariants

ROWS_MAX = 100

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Violation:
    """An invariant that is broken, with up to ROWS_MAX rows that show it."""

    invariant: str
    rows: Sequence[Row]


def audit(connection: Connection, *, now: datetime, overdue: timedelta | None) -> list[Violation]:
    """Question every invariant; an empty list is what it should be."""
    violations = []
    for invariant in invariants(now, overdue):
        rows = connection.execute(invariant.broken.limit(ROWS_MAX)).mappings().all()
        if rows:
            violations.append(Violation(invariant.name, [dict(row) for row in rows]))
    return violations
