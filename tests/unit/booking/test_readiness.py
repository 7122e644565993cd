"""What readiness of the booking service says, and that it asks on the ways that are used."""

from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from uuid import UUID

import pytest
from fastapi.testclient import TestClient
from uuid_utils.compat import uuid7

from booking_service.domain import catalogue
from booking_service.domain.bookings import intake
from booking_service.domain.bookings.intake import NewBooking
from booking_service.domain.catalogue import NewEvent
from lab.waiting import holds_within
from shared.clock import utc_now
from shared.database.units import Database
from tests.fixtures.bookings import NOW, STARTS_AT
from tests.fixtures.box_office import booking_settings, migrated_sqlite, running
from tests.fixtures.databases import settings

OVERDUE_SECONDS = 60
TIMESTAMP_SHIFT = 80
# More than the second for which an answer counts.
SECONDS_MAX = 20


@pytest.fixture
def url(tmp_path: Path) -> str:
    return migrated_sqlite(tmp_path)


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    database = Database.connect(url, settings(), pool_size=1)
    yield database
    database.close()


def accept_booking_made(database: Database, ago: timedelta) -> None:
    create = partial(catalogue.create_event, new=NewEvent("E", "V", STARTS_AT, 5), lanes=1, now=NOW)
    event = database.write(create, repeat_lost=False)
    milliseconds = int(-ago.total_seconds() * 1_000)
    made = UUID(int=uuid7().int + (milliseconds << TIMESTAMP_SHIFT))
    booking = NewBooking(made, event.id, 1, 1, event.lane, None, utc_now())
    database.write(partial(intake.accept, batch=[booking]), repeat_lost=True)


def dependencies(client: TestClient) -> dict[str, str]:
    answer = client.get("/health/ready")
    assert answer.status_code == 200
    found: dict[str, str] = answer.json()["dependencies"]
    return found


@pytest.mark.parametrize(
    ("ago", "state"),
    [
        (timedelta(seconds=OVERDUE_SECONDS + 5), "overdue"),
        (timedelta(seconds=OVERDUE_SECONDS / 2), "ok"),
        # Made by a process whose clock is ahead, or before this machine's was set back.
        (-timedelta(hours=1), "ok"),
    ],
    ids=["late", "in time", "from the future"],
)
def test_a_booking_that_waits_too_long_shows(url: str, database: Database, ago: timedelta, state: str) -> None:
    accept_booking_made(database, ago)
    with running(booking_settings(url, settlement_overdue_seconds=OVERDUE_SECONDS)) as client:
        assert dependencies(client)["settlement"] == state


def test_without_redis_nobody_is_heard_and_the_service_is_ready_all_the_same(url: str) -> None:
    with running(booking_settings(url)) as client:
        found = dependencies(client)
    assert found["redis"] == found["workers"] == "unavailable"
    assert found["settlement"] == "ok"


def test_a_service_that_started_without_its_database_names_the_installation_later(tmp_path: Path) -> None:
    # The file is there, its tables are not.
    url = f"sqlite:///{tmp_path}/booking.db"
    with running(booking_settings(url)) as client:
        assert client.get("/health/live").status_code == 200
        migrated_sqlite(tmp_path)
        assert holds_within(SECONDS_MAX, lambda: dependencies(client)["settlement"] == "ok")
