"""A full disk below SQLite: bookings are refused while it lasts, none is half stored, and all is well afterwards.

MySQL and MariaDB meet theirs in the campaign.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from booking_service.domain.bookings.intake import NewBooking
from shared.database.units import Database
from shared.errors import Unavailable
from tests.faults.campaign.database_server import Disk
from tests.fixtures.bookings import MakeEvent, accept, new_booking, settle, states

DISK_BYTES = 16 * 1024**2
BATCH = 200
BATCHES_MAX = 1_000


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    disk = Disk(tmp_path / "disk", DISK_BYTES)
    if not disk.is_small:
        pytest.skip("only root can mount a small disk")
    yield disk
    disk.remove()


@pytest.fixture
def database_url(disk: Disk, tmp_path: Path) -> str:
    assert disk.is_small
    return f"sqlite:///{tmp_path}/disk/test.db"


def test_bookings_are_refused_while_the_disk_is_full_and_none_is_half_stored(
    booking_database: Database, make_event: MakeEvent, disk: Disk
) -> None:
    event = make_event(10**6)
    accepted = [new_booking(event)]
    accept(booking_database, *accepted)
    disk.fill()
    refused: list[NewBooking] = []

    def book_on() -> None:
        for _ in range(BATCHES_MAX):
            refused[:] = [new_booking(event) for _ in range(BATCH)]
            accept(booking_database, *refused)
            accepted.extend(refused)

    with pytest.raises(Unavailable):  # what the files have room for is still accepted
        book_on()
    assert set(states(booking_database, *refused)) == {"absent"}
    assert "absent" not in states(booking_database, *accepted)

    disk.free()
    accept(booking_database, *refused)
    while settle(booking_database, event):
        pass
    assert set(states(booking_database, *accepted[-BATCH:], *refused)) == {"confirmed"}
