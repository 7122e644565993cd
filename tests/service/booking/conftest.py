"""What tests of the booking service over HTTP may ask for."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fixtures.house import House, open_house


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """A booking service with settlement by hand."""
    with open_house(tmp_path) as house:
        yield house
