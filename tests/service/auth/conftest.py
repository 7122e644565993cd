"""An auth service on a SQLite file."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from auth_service.settings import AuthSettings
from tests.fixtures.accounts import accounts_database, auth_settings, running


@pytest.fixture
def settings(tmp_path: Path) -> AuthSettings:
    found = auth_settings(f"sqlite:///{tmp_path}/auth.db")
    with accounts_database(found):
        return found


@pytest.fixture
def client(settings: AuthSettings) -> Iterator[TestClient]:
    with running(settings) as client:
        yield client
