"""All that a fault may lay hands on."""

import random
from dataclasses import dataclass
from typing import Any

import pymysql

from lab.redis import RedisServer
from lab.waiting import holds_within
from tests.faults.campaign.disk import DatabaseServer
from tests.faults.campaign.driver import Driver
from tests.faults.campaign.orders import Orders
from tests.faults.campaign.system import APIS, BEAT, WORKERS, System

REACH_SECONDS_MAX = 15
RIVAL_TABLE = "campaign_rival"
RIVAL_ROWS = 2_000


class NotReachedError(Exception):
    """The moment for the fault did not come; it is not counted."""


@dataclass(frozen=True)
class World:
    """One campaign's processes. ``patience``: for how long things are away, as a share of the long campaign's times."""

    system: System
    database: DatabaseServer
    database_name: str
    redis: RedisServer
    driver: Driver
    patience: float

    def pause_seconds(self, rng: random.Random, least: float, most: float) -> float:
        """Choose how long to leave things broken, in seconds of the long campaign."""
        return max(least, rng.uniform(least, most) * self.patience)

    def orders(self, name: str) -> Orders:
        """Return the orders to one process."""
        return self.system.slots[name].orders

    def rival(self) -> "pymysql.Connection[Any]":
        """Connect to the database beside the system."""
        return pymysql.connect(
            host="127.0.0.1",
            port=self.database.port,
            user="root",
            database=self.database_name,
            connect_timeout=5,
            read_timeout=30,
            init_command="SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
        )

    def mend(self) -> None:
        """Put right whatever a fault may have left behind that could not do so itself."""
        self.redis.thaw()
        self.database.thaw()
        self.database.disk.free()
        self.redis.start()
        self.database.start()
        for proxy in self.system.proxies():
            proxy.accept()
        self.system.start(*APIS, *WORKERS, BEAT)


def reached(condition: Any, what: str) -> None:  # noqa: ANN401  any test of truth
    """Wait until a fault has struck. Raises NotReachedError."""
    if not holds_within(REACH_SECONDS_MAX, condition):
        raise NotReachedError(what)
