"""What migrations do to the rows that are there, up and down; and that settlement never changes the size of a row."""

from collections.abc import Callable
from functools import partial
from uuid import UUID

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import CHAR, delete

from booking_service.domain import catalogue
from booking_service.domain.bookings import lookup
from booking_service.domain.bookings.lookup import BookingState
from booking_service.domain.catalogue import NewEvent
from booking_service.domain.installation import installation_name
from booking_service.domain.models import VERSION_TABLE, Booking, Installation
from booking_service.migrations import MIGRATIONS
from shared.database.migrations import configuration, upgrade
from shared.database.types import NoneAs
from shared.database.units import Database
from tests.fixtures.bookings import LANES, NOW, STARTS_AT, accept, new_booking, settle, states

WRITTEN_BY_A_CONFIRMATION = ("status", "due_lane", "settled_at")


def migrate(database: Database, how: Callable[[Config, str], None], revision: str) -> None:
    config = configuration(MIGRATIONS)
    with database.engine.begin() as connection:
        config.attributes["connection"] = connection
        how(config, revision)


def all_nulls(database: Database) -> list[tuple[bool, bool]]:
    nulls = "SELECT due_lane IS NULL, settled_at IS NULL FROM bookings ORDER BY id"
    return [(bool(lane), bool(at)) for lane, at in database.read(lambda c: c.exec_driver_sql(nulls).all())]


def test_bookings_survive_the_change_to_rows_of_one_size(booking_database: Database) -> None:
    create = partial(catalogue.create_event, new=NewEvent("E", "V", STARTS_AT, 2), lanes=LANES, now=NOW)
    event = booking_database.write(create, repeat_lost=False)
    won, lost, waiting = new_booking(event, 2, key="a"), new_booking(event), new_booking(event, key="b")
    accept(booking_database, won, lost)
    settle(booking_database, event)
    accept(booking_database, waiting)

    def stored() -> dict[UUID, BookingState]:
        return booking_database.read(partial(lookup.find_bookings, ids=[b.id for b in (won, lost, waiting)]))

    before = stored()
    migrate(booking_database, command.downgrade, "0001")
    assert all_nulls(booking_database) == [(True, False), (True, False), (False, True)]
    migrate(booking_database, command.upgrade, "head")
    assert all_nulls(booking_database) == [(False, False)] * 3
    assert stored() == before
    assert settle(booking_database, event) == 1
    assert states(booking_database, won, lost, waiting) == ["confirmed", "rejected", "rejected"]


def test_an_installation_keeps_its_name_and_no_two_share_one(booking_database: Database) -> None:
    name = booking_database.read(installation_name)
    upgrade(booking_database, MIGRATIONS)
    assert booking_database.read(installation_name) == name
    migrate(booking_database, command.downgrade, "0002")
    migrate(booking_database, command.upgrade, "head")
    assert booking_database.read(installation_name) != name


def test_a_naming_that_was_ended_halfway_is_begun_again(booking_database: Database) -> None:
    # MySQL has committed the table by then, and the name is not there yet.
    with booking_database.engine.begin() as connection:
        connection.execute(delete(Installation))
        connection.exec_driver_sql(f"UPDATE {VERSION_TABLE} SET version_num='0002'")  # noqa: S608  a constant
    with pytest.raises(LookupError, match="installation"):
        booking_database.read(installation_name)
    migrate(booking_database, command.upgrade, "head")
    assert booking_database.read(installation_name)


def test_what_a_confirmation_writes_has_one_size() -> None:
    columns = [Booking.__table__.c[name] for name in WRITTEN_BY_A_CONFIRMATION]
    assert not any(column.nullable for column in columns)  # NULL takes no room, so what replaces it needs some
    assert all(isinstance(column.type, CHAR | NoneAs) for column in columns)
