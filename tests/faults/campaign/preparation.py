"""The database before the first client: migrated, with events of every size."""

import random
from contextlib import closing
from functools import partial

from sqlalchemy import create_engine

from booking_service.domain import catalogue
from booking_service.domain.catalogue import EventState, NewEvent
from booking_service.migrations import MIGRATIONS
from shared.clock import utc_now
from shared.database.migrations import upgrade
from shared.database.units import Database
from tests.faults.campaign.world import RIVAL_ROWS, RIVAL_TABLE
from tests.fixtures.bookings import STARTS_AT
from tests.fixtures.databases import settings

BIG_SEATS = 10**7
SMALL_SEATS = (20, 400)

Events = list[EventState]


def prepare(url: str, rng: random.Random, *, big: int, small: int, lanes: int) -> tuple[Events, Events]:
    """Make the database at ``url`` and its events: those that never sell out, and small ones that do."""
    server, _, name = url.rpartition("/")
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    with closing(engine.connect()) as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
        connection.exec_driver_sql(f"CREATE TABLE {name}.{RIVAL_TABLE} (n INT)")
        rows = ",".join(["(0)"] * RIVAL_ROWS)
        connection.exec_driver_sql(f"INSERT INTO {name}.{RIVAL_TABLE} VALUES {rows}")  # noqa: S608  ours
    engine.dispose()
    database = Database.connect(url, settings(), pool_size=1)
    upgrade(database, MIGRATIONS)

    def make(seats: int) -> EventState:
        create = partial(catalogue.create_event, new=NewEvent("E", "V", STARTS_AT, seats), lanes=lanes, now=utc_now())
        return database.write(create, repeat_lost=False)

    made = [make(BIG_SEATS) for _ in range(big)], [make(rng.randint(*SMALL_SEATS)) for _ in range(small)]
    database.close()
    return made


def drop(url: str) -> None:
    """Delete the database at ``url``."""
    server, _, name = url.rpartition("/")
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    with closing(engine.connect()) as connection:
        connection.exec_driver_sql(f"DROP DATABASE {name}")
    engine.dispose()
