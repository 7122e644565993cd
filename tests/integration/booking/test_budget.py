"""What the hot path may cost: counts, which are the same on every machine, against a budget that is committed here.

A change that goes over a number below makes every booking dearer. When it is worth it, raise the number in the same
commit and say why in `docs/performance.md`; when a change makes something cheaper, lower it.
"""

import asyncio
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import FrameType

import pytest
import uvicorn
from redis import Redis
from uvicorn.server import ServerState

from booking_service.domain.bookings import intake, lookup
from booking_service.domain.seats import settlement
from booking_service.main import create_app
from booking_service.wake.flags import LaneFlags
from booking_service.wake.messages import LanePublisher
from booking_service.wake.waker import Waker
from lab.mysql import MYSQL
from shared.database.units import Database
from shared.http.protocol import bounded_protocol
from shared.http.service import HttpService
from tests.fixtures.bookings import LANES, MakeEvent, new_booking
from tests.fixtures.box_office import booking_settings, migrated_sqlite, token
from tests.fixtures.databases import settings
from tests.fixtures.names import NAMES, given
from tests.fixtures.recorder import Written
from tests.fixtures.servers import wait_until

# Messages to MySQL for a whole batch, COMMIT included.
ROUND_TRIPS_OF_AN_INTAKE = 2
ROUND_TRIPS_OF_A_SETTLEMENT = 7  # lanes, due, stock; confirmed, rejected, stock; COMMIT
ROUND_TRIPS_OF_A_LOOKUP = 2
# Commands to Redis for a whole batch: the flags' script with a SET for each lane, and the message.
REDIS_COMMANDS_OF_A_WAKE_UP = 1 + LANES + 2
# Python functions called on the event loop for one request, from its bytes on, the loop's own and uvicorn's left out.
CALLS_OF_A_BOOKING = 61
CALLS_OF_A_POLL = 54
CALLS_OF_A_REFUSAL = 51

REQUESTS = 30
NOT_OURS = ("asyncio", "uvicorn", "selectors.py", "threading.py", "concurrent", "contextlib.py", "/tests/")


@pytest.fixture
def database_kind() -> str:
    return MYSQL


@pytest.fixture
def connection(booking_database_url: str) -> Database:
    """One connection, so that its session's counter sees everything."""
    return Database.connect(booking_database_url, settings(), pool_size=1)


def round_trips(database: Database, act: Callable[[], object]) -> int:
    def count() -> int:
        row = database.read(lambda c: c.exec_driver_sql("SHOW SESSION STATUS LIKE 'Questions'").one())
        return int(row[1])

    count()
    before = count()
    act()
    return count() - before - ROUND_TRIPS_OF_A_LOOKUP  # the counting's own


def test_a_batch_of_bookings_is_stored_settled_and_found_within_its_round_trips(
    connection: Database, make_event: MakeEvent
) -> None:
    events = [make_event(2) for _ in range(40)]
    batch = [new_booking(event) for event in events for _ in range(3)]
    lanes = sorted({event.lane for event in events})
    accept = partial(intake.accept, batch=batch)
    settle = partial(settlement.settle_batch, lanes=lanes, batch_max=999)
    find = partial(lookup.find_bookings, ids=[new.id for new in batch])
    assert {
        "intake": round_trips(connection, lambda: connection.write(accept, repeat_lost=True)),
        "settlement": round_trips(connection, lambda: connection.write(settle, repeat_lost=True)),
        "lookup": round_trips(connection, lambda: connection.read(find)),
    } == {
        "intake": ROUND_TRIPS_OF_AN_INTAKE,
        "settlement": ROUND_TRIPS_OF_A_SETTLEMENT,
        "lookup": ROUND_TRIPS_OF_A_LOOKUP,
    }
    connection.close()


def test_lanes_are_woken_within_their_commands(redis_url: str) -> None:
    with Redis.from_url(redis_url) as redis:
        redis.flushdb()
        publisher = LanePublisher.connect(redis_url, given, timeout_seconds=5)
        flags = LaneFlags.connect(redis_url, given, expiry_seconds=9, timeout_seconds=5)
        waker = Waker(flags, publisher.publish, 1)
        waker.wake({LANES})  # connects, and loads the script
        wait_until(lambda: redis.llen(NAMES.lanes_queue) == 1, "the first lane is woken")
        before = commands(redis)
        waker.wake(range(LANES))
        wait_until(lambda: commands_since(redis, before).get("lpush"), "the lanes are woken")
        used = sum(commands_since(redis, before).values())
        waker.close()
        publisher.celery.close()
        redis.flushdb()
    assert used <= REDIS_COMMANDS_OF_A_WAKE_UP


def commands(redis: Redis) -> dict[str, int]:
    stats = redis.info("commandstats")
    return {name.removeprefix("cmdstat_"): int(stat["calls"]) for name, stat in stats.items()}


def commands_since(redis: Redis, before: dict[str, int]) -> dict[str, int]:
    watching = ("info", "llen", "client|setinfo")
    return {
        name: calls - before.get(name, 0)
        for name, calls in commands(redis).items()
        if name not in watching and calls > before.get(name, 0)
    }


def test_a_request_is_answered_within_its_calls(tmp_path: Path) -> None:
    configured = booking_settings(migrated_sqlite(tmp_path))
    service = create_app(configured)
    used = asyncio.run(calls_of_each_request(service, token(configured), token(configured, "admin")))
    budget = {"booking": CALLS_OF_A_BOOKING, "poll": CALLS_OF_A_POLL, "refusal": CALLS_OF_A_REFUSAL}
    over = {what: count for what, count in used.items() if count > budget[what]}
    assert not over, f"{over} calls, where the budget is {budget}"


async def calls_of_each_request(service: HttpService, user: str, admin: str) -> dict[str, int]:
    async with service.api.router.lifespan_context(service.api):
        connection = Connection(service)
        body = b'{"event_name":"E","event_venue":"V","event_date":"2099-09-11T19:15:00Z","event_availibility":%d}'
        for capacity in (1_000, 0):
            await connection.ask("POST /events", admin, body % capacity)
        location = (await connection.ask("POST /events/1/book?seats=1", user))[b"location"].decode()
        await connection.ask("POST /events/2/book?seats=1", user)
        return {
            "booking": await calls(partial(connection.ask, "POST /events/1/book?seats=1", user)),
            "poll": await calls(partial(connection.ask, f"GET {location}", user)),
            "refusal": await calls(partial(connection.ask, "POST /events/2/book?seats=1", user)),
        }


async def calls(ask_once: Callable[[], object]) -> int:
    """Count the calls of one request: the fewest of many, because a thread may be done a turn of the loop later."""
    counts = []
    for _ in range(REQUESTS):
        count = 0

        def note(frame: FrameType, event: str, _argument: object) -> None:
            nonlocal count
            count += event == "call" and not any(name in frame.f_code.co_filename for name in NOT_OURS)

        sys.setprofile(note)
        try:
            await ask_once()  # type: ignore[misc]  # what is given is a coroutine function
        finally:
            sys.setprofile(None)
        counts.append(count)
    return min(counts)


class Connection:
    """A client's connection, from the first byte on; only the network is not there."""

    def __init__(self, service: HttpService) -> None:
        protocol_class = bounded_protocol(header_bytes_max=16_384, request_timeout_seconds=60)
        config = uvicorn.Config(service, http=protocol_class, ws="none", log_config=None, access_log=False)
        self._state, self._written = ServerState(), Written()
        self._protocol = protocol_class(config, self._state, {}, asyncio.get_running_loop())
        self._protocol.connection_made(self._written)

    async def ask(self, request_line: str, token: str, body: bytes = b"") -> dict[bytes, bytes]:
        """Send a request and wait until it is answered; return the headers of the answer."""
        lines = [f"{request_line} HTTP/1.1", "Host: x", f"Authorization: Bearer {token}"]
        if body:
            lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
        self._written.text = b""
        self._protocol.data_received("\r\n".join([*lines, "", ""]).encode() + body)
        await asyncio.wait(self._state.tasks)
        _, *headers = self._written.text.partition(b"\r\n\r\n")[0].split(b"\r\n")
        return {name: value for name, _, value in (header.partition(b": ") for header in headers)}
