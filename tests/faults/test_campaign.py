"""A short campaign: every kind of fault once, under load, with a seed that never changes.

`make faults` runs the long one.
"""

from pathlib import Path

import pytest

from lab.mysql import preferred
from lab.server import NoServerError
from tests.faults.campaign.campaign import Options, run
from tests.faults.campaign.kinds.registry import KINDS

SEED = 7
SECONDS_MAX = 300
# Things stay away for a tenth of the long campaign's times, and never shorter than what makes the fault.
PATIENCE = 0.1
RATE_PER_SECOND = 60
FAULTS_MIN = 30
BOOKINGS_MIN = 1_500


@pytest.mark.timeout(600)
def test_nothing_is_lost_doubled_or_oversold_while_every_part_dies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What waits for a flag of a dead drainer waits as long: a minute, as it ships, is the long campaign's business.
    monkeypatch.setenv("WAKE_FLAG_SECONDS", "10")
    try:
        kind = preferred()
    except NoServerError as error:
        pytest.fail(f"this campaign kills a database server of its own: {error}")
    options = Options(
        seed=SEED,
        kind=kind,
        folder=tmp_path,
        seconds_max=SECONDS_MAX,
        rounds=1,
        patience=PATIENCE,
        rate_per_second=RATE_PER_SECOND,
        snapshot_seconds=3,
    )
    report = run(options)
    print(report.markdown())
    assert report.verdict.is_clean, report.verdict.examples
    assert len(report.inflicted) >= FAULTS_MIN
    assert {fault.planned.kind.name for fault in report.inflicted} <= set(KINDS)
    assert report.bookings >= BOOKINGS_MIN
