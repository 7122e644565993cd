"""`make bench-quick` in small: nothing else would notice that the benchmark does not start any more."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lab.programs import find_program
from load.bench.ratios import RATIOS
from tests.fixtures.checkout import copy_repository
from tests.fixtures.servers import Servers, missing

QUICK = [sys.executable, "-m", "load.bench", "quick", "--rounds", "1", "--seconds", "1", "--connections", "8"]
# Half a minute on a machine that has nothing else to do.
SECONDS_MAX = 300
STOP_SECONDS_MAX = 90


@pytest.mark.timeout(SECONDS_MAX + STOP_SECONDS_MAX + 60)
def test_the_quick_benchmark_compares_all_contestants_and_keeps_every_promise(servers: Servers, tmp_path: Path) -> None:
    if find_program("wrk") is None:
        missing("wrk is not installed, the load generator")
    url = servers.mysql()
    copy = copy_repository(tmp_path)
    told = run(copy, os.environ | {"MYSQL_URL": url})
    result: dict[str, Any] = json.loads((copy / "load/bench/results/quick.json").read_text())
    assert result["audit"] == "ok"
    assert {name for name, ratio in result["ratios"].items() if ratio > 0} >= {ratio.name for ratio in RATIOS}, told
    assert not [row for row in result["summary"] if row["unexpected"]], told


def run(folder: Path, environment: dict[str, str]) -> str:
    """Run the benchmark that is in ``folder``; return what it said."""
    with subprocess.Popen(
        QUICK, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            told, _ = process.communicate(timeout=SECONDS_MAX)
        except subprocess.TimeoutExpired:
            process.terminate()  # upon which it ends what it has started
            told, _ = process.communicate(timeout=STOP_SECONDS_MAX)
            pytest.fail(f"not done within {SECONDS_MAX} s:\n{told}")
    if "the server must be durable" in told:
        missing(told)
    assert process.returncode == 0, told
    return told
