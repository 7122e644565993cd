"""What the processes wrote about themselves: the second defence behind the lane's lock must never have been needed."""

from collections.abc import Iterator

from tests.faults.campaign.system import WORKERS, System
from tests.faults.campaign.verdict import Breach, Promise

SIGN = "raised unexpected: SettlementConflictError"


def written_without_lock(system: System) -> Iterator[Breach]:
    """Find settlements that met rows which somebody had changed under their lock."""
    for name in WORKERS:
        log = system.log(name)
        if not log.exists():
            continue
        with log.open(errors="replace") as lines:
            yield from (Breach(Promise.LOCKED, f"{name}: {line.strip()}") for line in lines if SIGN in line)
