"""Redis and the database: killed, frozen, out of disk; and rivals that hold the database's locks."""

import random
import time
from contextlib import closing
from functools import partial

import pymysql
from pymysql.cursors import Cursor

from lab.mysql import MYSQL
from lab.waiting import holds_within
from tests.faults.campaign.kinds.registry import kind
from tests.faults.campaign.world import RIVAL_ROWS, RIVAL_TABLE, NotReachedError, World

REDIS, DATABASE = "redis", "database"
# Longer than any timeout of ours towards Redis (5 s) and towards the database (10 s).
REDIS_FROZEN_SECONDS = (6, 9)
DATABASE_FROZEN_SECONDS = (3, 13)
# Longer than DATABASE_LOCK_TIMEOUT_SECONDS (5).
LOCKED_SECONDS = (5.5, 8)
DEADLOCK_TRIES = 10
COME_SECONDS_MAX = 2  # until a settlement has come for what is locked
DEADLOCKS = "SELECT `COUNT` FROM information_schema.innodb_metrics WHERE name='lock_deadlocks'"
FULL_SECONDS = (3, 6)
# A MySQL that waits for room for its binary log looks again only after a minute; most operators restart it.
RESTART_SHARE = 0.8


@kind("Redis killed, back empty", [REDIS], copies=2)
def kill_redis(world: World, rng: random.Random, _: str) -> None:
    world.redis.kill()
    time.sleep(rng.uniform(0, 3))
    world.redis.start()


@kind("Redis frozen", [REDIS])
def freeze_redis(world: World, rng: random.Random, _: str) -> None:
    world.redis.freeze()
    time.sleep(rng.uniform(*REDIS_FROZEN_SECONDS))
    world.redis.thaw()


@kind("database killed", [DATABASE])
def kill_database(world: World, rng: random.Random, _: str) -> None:
    world.database.kill()
    time.sleep(rng.uniform(0, 2))
    world.database.start()


@kind("database frozen", [DATABASE])
def freeze_database(world: World, rng: random.Random, _: str) -> None:
    world.database.freeze()
    time.sleep(world.pause_seconds(rng, *DATABASE_FROZEN_SECONDS))
    world.database.thaw()


@kind("disk of the database full", [DATABASE], possible=lambda world: world.database.disk.is_small)
def fill_disk(world: World, rng: random.Random, _: str) -> None:
    world.database.disk.fill()
    time.sleep(world.pause_seconds(rng, *FULL_SECONDS))
    world.database.disk.free()
    if not world.database.is_alive or (
        world.database.kind == MYSQL and (world.patience < 1 or rng.random() < RESTART_SHARE)
    ):
        world.database.kill()
        world.database.start()


def _lane(world: World, rng: random.Random) -> tuple[int, str]:
    """Choose a busy lane, and list its events."""
    lane = rng.choice(world.driver.crowd.big).lane
    events = [e.id for e in (*world.driver.crowd.big, *world.driver.crowd.small) if e.lane == lane]
    return lane, ",".join(map(str, events))


def _hold(world: World, rng: random.Random, query: str) -> None:
    try:
        with closing(world.rival()) as rival, rival.cursor() as cursor:
            cursor.execute(query)
            time.sleep(rng.uniform(*LOCKED_SECONDS))
            rival.rollback()
    except pymysql.Error as error:
        raise NotReachedError(str(error)) from error


@kind("lock timeout in settlement", [DATABASE])
def stock_locked(world: World, rng: random.Random, _: str) -> None:
    _hold(world, rng, f"SELECT event_id FROM stock WHERE event_id IN ({_lane(world, rng)[1]}) FOR UPDATE")  # noqa: S608  numbers


@kind("lock timeout in intake", [DATABASE])
def events_locked(world: World, rng: random.Random, _: str) -> None:
    _hold(world, rng, f"SELECT id FROM events WHERE id IN ({_lane(world, rng)[1]}) FOR UPDATE")  # noqa: S608  numbers


def _somebody_waits(cursor: Cursor) -> bool:
    cursor.execute("SELECT COUNT(*) FROM information_schema.innodb_trx WHERE trx_state='LOCK WAIT'")
    found = cursor.fetchone()
    return found is not None and found[0] > 0


@kind("deadlock in settlement", [DATABASE], copies=2)
def deadlock(world: World, rng: random.Random, _: str) -> None:
    """Take the locks of settlement the other way round, in a transaction too heavy to be the one that is given up."""
    try:
        with closing(world.rival()) as rival, rival.cursor() as cursor:
            cursor.execute(DEADLOCKS)
            before = cursor.fetchone()
            for _attempt in range(DEADLOCK_TRIES):
                lane, events = _lane(world, rng)
                cursor.execute(f"UPDATE {RIVAL_TABLE} SET n = n + 1 LIMIT {RIVAL_ROWS}")  # noqa: S608  ours
                cursor.execute(f"SELECT event_id FROM stock WHERE event_id IN ({events}) FOR UPDATE")  # noqa: S608  numbers
                holds_within(COME_SECONDS_MAX, partial(_somebody_waits, cursor))
                cursor.execute(f"SELECT id FROM bookings WHERE due_lane={lane} LIMIT 500 FOR UPDATE")  # noqa: S608  numbers
                rival.rollback()
                cursor.execute(DEADLOCKS)
                if cursor.fetchone() != before:
                    return
    except pymysql.Error as error:
        if error.args[0] != pymysql.constants.ER.LOCK_DEADLOCK:
            raise NotReachedError(str(error)) from error
        return
    msg = "no deadlock"
    raise NotReachedError(msg)
