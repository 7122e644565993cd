"""Looking bookings up: an ordinary one costs one read, and only what is held or waited for costs another."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar, TypeVar
from uuid import UUID

import pytest
from sqlalchemy import Connection, update

from booking_service.box_office.lookups import Lookups
from booking_service.domain.models import Hold, Stock
from shared.database.units import Database
from tests.fixtures.asking import booked, set_rules
from tests.fixtures.box_office import booking_settings
from tests.fixtures.databases import statements_of
from tests.fixtures.desk import Desk, Run

TABLE = re.compile(r"FROM (bookings|holds|waiting)\b")
Result = TypeVar("Result")


async def reads(url: str, booking_ids: list[UUID]) -> list[str]:
    """Find bookings with a new process's lookups; name the tables that were read, in order."""
    settings = booking_settings(url)
    database = Database.connect(url, settings, pool_size=2)
    found = Lookups(database, settings)
    statements: list[str] = []
    with statements_of(database, statements):
        for booking_id in booking_ids:
            assert await found.booking(booking_id) is not None
    await found.close()
    database.close()
    return [TABLE.findall(statement)[-1] for statement in statements]


@pytest.mark.parametrize(
    ("rules", "seats", "expected"),
    [
        ({}, [1, 1, 1], ["bookings"] * 3),  # the last one is rejected
        ({"hold_seconds": 600}, [1, 1], ["bookings", "holds"] * 2),
        # The list is read once, however many ask for their places.
        ({"waitlist": "strict"}, [2, 1, 1], ["bookings", "bookings", "waiting", "bookings"]),
    ],
)
def test_only_what_a_booking_needs_is_read(
    run: Run, tmp_path: Path, rules: dict[str, object], seats: list[int], expected: list[str]
) -> None:
    read: list[str] = []

    async def story(desk: Desk) -> None:
        if rules:
            set_rules(desk, **rules)
            desk.write(update(Stock).where(Stock.event_id == desk.event.id).values(waiting_max=9))
        booking_ids = [await booked(desk, number) for number in seats]
        read.extend(await reads(f"sqlite:///{tmp_path}/booking.db", booking_ids))

    run(story)
    assert read == expected


class Interrupted(Database):
    """A database where something happens after the first read."""

    happening: ClassVar[list[Callable[[], None]]] = []

    def read(self, work: Callable[[Connection], Result]) -> Result:
        result = super().read(work)
        if self.happening:
            self.happening.pop()()
        return result


def test_a_hold_that_ends_between_two_reads_is_told_as_what_became_of_it(run: Run, tmp_path: Path) -> None:
    async def story(desk: Desk) -> None:
        set_rules(desk, hold_seconds=600)
        booking_id = await booked(desk)
        url = f"sqlite:///{tmp_path}/booking.db"
        settings = booking_settings(url)
        database = Interrupted.connect(url, settings, pool_size=2)
        found = Lookups(database, settings)

        def expire() -> None:
            desk.write(update(Hold).values(expires_at=datetime(2026, 1, 1, tzinfo=UTC)))
            desk.settle()

        Interrupted.happening.append(expire)
        view = await found.booking(booking_id)
        await found.close()
        database.close()
        assert view is not None
        assert (view.state.status, view.expires_at) == ("expired", None)

    run(story)
