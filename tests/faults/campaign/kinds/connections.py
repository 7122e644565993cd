"""Connections to the database and to Redis: cut at a commit, cut, reset, refused, delayed, black-holed."""

import random
import time
from functools import partial

from tests.faults.campaign.kinds.registry import kind
from tests.faults.campaign.proxy import MYSQL_COMMIT, Cut, Proxy, Way
from tests.faults.campaign.system import APIS
from tests.faults.campaign.world import NotReachedError, World, reached

INTAKE, REQUEST, SETTLEMENT = b"INSERT INTO bookings", b"INSERT INTO changes", b"UPDATE bookings"
DATABASE_LINKS = tuple(f"{name}'s link to the database" for name in (*APIS, "workers"))
REDIS_LINKS = tuple(f"{name}' link to Redis" for name in ("apis", "workers"))
WORKERS_LINK = DATABASE_LINKS[-1:]
APIS_LINKS = DATABASE_LINKS[:-1]
BLACK_HOLE_SECONDS = (2, 12)
DELAYED_SECONDS = (2, 6)
REFUSED_SECONDS = (0.5, 3)
DELAY_SECONDS = (0.02, 0.4)


def _proxy(world: World, link: str) -> Proxy:
    name = link.split("'", maxsplit=1)[0]
    return (world.system.redis_proxies if link in REDIS_LINKS else world.system.database_proxies)[name]


def _cut_commit(world: World, rng: random.Random, link: str, *, after: bool, armed_by: bytes) -> None:
    proxy = _proxy(world, link)
    cut = proxy.cut_at(Cut(MYSQL_COMMIT, after, rng.randint(1, 3), armed_by))
    try:
        reached(cut.done.is_set, f"COMMIT on {link}")
    except NotReachedError:
        proxy.forget(cut)
        raise


def _register() -> None:
    for what, links, statement in (
        ("an intake", APIS_LINKS, INTAKE),
        ("a change's request", APIS_LINKS, REQUEST),
        ("a settlement", WORKERS_LINK, SETTLEMENT),
    ):
        for when, after in (("before", False), ("after", True)):
            kind(f"cut {when} the COMMIT of {what}", links)(partial(_cut_commit, after=after, armed_by=statement))
    for where, links in (("database", DATABASE_LINKS), ("Redis", REDIS_LINKS)):
        kind(f"connections to {where} cut", links, copies=2)(_cut)
        kind(f"connections to {where} refused", links)(_refused)
        kind(f"connections to {where} delayed", links)(_delayed)
        kind(f"connections to {where} black-holed", links)(_black_holed)


def _cut(world: World, rng: random.Random, link: str) -> None:
    _proxy(world, link).cut(reset=rng.random() < 0.5)


def _refused(world: World, rng: random.Random, link: str) -> None:
    proxy = _proxy(world, link)
    proxy.refuse()
    proxy.cut(reset=True)
    time.sleep(rng.uniform(*REFUSED_SECONDS))
    proxy.accept()


def _delayed(world: World, rng: random.Random, link: str) -> None:
    proxy = _proxy(world, link)
    proxy.delay(rng.uniform(*DELAY_SECONDS), *_some_ways(rng))
    time.sleep(rng.uniform(*DELAYED_SECONDS))
    proxy.accept()


def _black_holed(world: World, rng: random.Random, link: str) -> None:
    proxy = _proxy(world, link)
    proxy.black_hole(*_some_ways(rng))
    time.sleep(world.pause_seconds(rng, *BLACK_HOLE_SECONDS))
    if rng.random() < 0.5:
        proxy.cut(reset=True)
    proxy.accept()


def _some_ways(rng: random.Random) -> list[Way]:
    return rng.choice([[Way.TO_SERVER], [Way.TO_CLIENT], list(Way)])


_register()
