"""The campaign must be able to fail: each deliberate mistake is caught, and without it the same run is clean.

On MySQL where MYSQL_URL names one, else on MariaDB.
"""

import os
from pathlib import Path
from uuid import uuid4

import pytest

from tests.faults.campaign.focused import perform
from tests.faults.campaign.mutations import MUTATIONS
from tests.faults.campaign.stages import SHOWN, STAGES
from tests.fixtures.servers import Servers

# Twice what a busy machine was seen to need for the longest.
pytestmark = pytest.mark.timeout(400)


@pytest.fixture
def database_url(servers: Servers) -> str:
    server_url = servers.mysql() if os.environ.get("MYSQL_URL") else servers.mariadb()
    return f"{server_url}/campaign_{uuid4().hex}"


@pytest.mark.parametrize("name", STAGES)
def test_the_stage_is_clean_without_a_mistake(name: str, database_url: str, tmp_path: Path) -> None:
    verdict = perform(STAGES[name], database_url, tmp_path)
    assert verdict.is_clean, verdict.examples


@pytest.mark.parametrize("mistake", SHOWN)
def test_the_mistake_is_caught(mistake: str, database_url: str, tmp_path: Path) -> None:
    stage, promise = SHOWN[mistake]
    verdict = perform(STAGES[stage], database_url, tmp_path, mistake)
    assert promise in verdict.broken, verdict.examples


def test_every_mistake_and_every_stage_has_its_test() -> None:
    assert {name for mistake in SHOWN for name in mistake.split(",")} == set(MUTATIONS)
    assert {stage for stage, _ in SHOWN.values()} == set(STAGES)
