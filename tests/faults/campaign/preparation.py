"""The database before the first client: migrated, with events of every size."""

import random
from collections.abc import Sequence
from contextlib import closing
from datetime import timedelta
from functools import partial

from sqlalchemy import Connection, create_engine, update

from booking_service.domain import catalogue
from booking_service.domain.catalogue import NewEvent
from booking_service.domain.models import Installation
from booking_service.domain.rules import GivenRules
from booking_service.migrations import MIGRATIONS
from shared.clock import utc_now
from shared.database.migrations import upgrade
from shared.database.units import Database
from tests.faults.campaign.offers import BIG_SEATS, Offer, Terms, big_terms, small_terms
from tests.faults.campaign.world import RIVAL_ROWS, RIVAL_TABLE
from tests.fixtures.bookings import STARTS_AT
from tests.fixtures.databases import settings
from tests.fixtures.names import INSTALLATION

SMALL_SEATS = (20, 400)

Offers = list[Offer]


def migrate(url: str) -> None:
    """Make the database at ``url`` with its tables."""
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
    # So that those who take and send messages know the queues without the database, which may be away.
    database.write(lambda c: c.execute(update(Installation).values(name=INSTALLATION)), repeat_lost=True)

    database.close()


def prepare(url: str, rng: random.Random, *, big: int, small: int, lanes: int) -> tuple[Offers, Offers]:
    """Make the database at ``url`` and its events of all kinds: those that never sell out, and small ones that do."""
    never_sold_out = [(BIG_SEATS, big_terms(number)) for number in range(big)]
    sold_out = [(rng.randint(*SMALL_SEATS), small_terms(rng)) for _ in range(small)]
    migrate(url)
    offers = offer(url, [*never_sold_out, *sold_out], lanes)
    return offers[:big], offers[big:]


def offer(url: str, wanted: Sequence[tuple[int, Terms]], lanes: int) -> Offers:
    """Make events with so many seats and such rules in the database at ``url``."""
    database = Database.connect(url, settings(), pool_size=1)
    offers = [database.write(partial(_create, wanted=each, lanes=lanes), repeat_lost=False) for each in wanted]
    database.close()
    return offers


def _create(connection: Connection, wanted: tuple[int, Terms], lanes: int) -> Offer:
    seats, terms = wanted
    now = utc_now()
    rules = GivenRules(
        seats_per_user_max=terms.seats_per_user_max,
        cancel_until=None if terms.cancel_seconds is None else now + timedelta(seconds=terms.cancel_seconds),
        hold_seconds=terms.hold_seconds,
        waitlist=terms.waitlist,
        waitlist_max=terms.waiting_max or None,
    )
    event = catalogue.create_event(connection, NewEvent("E", "V", STARTS_AT, seats, rules), lanes=lanes, now=now)
    return Offer(event.id, event.lane, seats, terms)


def drop(url: str) -> None:
    """Delete the database at ``url``."""
    server, _, name = url.rpartition("/")
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    with closing(engine.connect()) as connection:
        connection.exec_driver_sql(f"DROP DATABASE {name}")
    engine.dispose()
