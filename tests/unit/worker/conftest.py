"""A booking database on SQLite alone."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.database.units import Database
from tests.fixtures.box_office import booking_settings, migrated_sqlite


@pytest.fixture
def booking_database(tmp_path: Path) -> Iterator[Database]:
    """The fixture that `make_event` builds on."""
    url = migrated_sqlite(tmp_path)
    database = Database.connect(url, booking_settings(url), pool_size=2)
    yield database
    database.close()
