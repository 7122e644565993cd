"""The rush: real clients, real processes, four workers, ten seats."""

import asyncio
from collections import Counter

import httpx
import pytest

from tests.fixtures.clients import Client, admin, new_user
from tests.fixtures.databases import REAL
from tests.fixtures.processes import System
from tests.fixtures.servers import wait_until

REQUESTS = 200
SEATS = 10
WORKERS = 4
TIMEOUT_SECONDS = 60


@pytest.fixture(params=REAL)
def database_kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def rush(system: System) -> System:
    """Two API processes and four workers."""
    system.environment["WORKER_CONCURRENCY"] = "1"
    system.start_auth()
    # The crowd is one process, which beside other tests takes long between connecting and asking.
    system.environment["REQUEST_TIMEOUT_SECONDS"] = "300"
    system.start_booking()
    for n in range(WORKERS):
        system.start_worker(f"worker{n}")
    system.start_beat()
    return system


async def book_at_once(urls: list[str], users: list[Client], event_id: int) -> list[dict[str, object]]:
    """Send all requests before any is answered, and follow each to its decision."""
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(limits=limits, timeout=TIMEOUT_SECONDS) as http:

        async def book(n: int) -> dict[str, object]:
            url, headers = urls[n % len(urls)], users[n % len(users)].headers
            answer = await http.post(f"{url}/events/{event_id}/book", params={"seats": 1}, headers=headers)
            if answer.status_code == 409:
                return {"status": "rejected"}
            assert answer.status_code == 202, answer.text
            location, waiting = answer.headers["Location"], headers | {"Prefer": "wait=30"}
            result: dict[str, object] = (await http.get(f"{url}{location}", headers=waiting)).json()
            return result

        return await asyncio.gather(*(book(n) for n in range(REQUESTS)))


def test_the_last_ten_seats_go_to_ten_of_two_hundred(rush: System) -> None:
    urls = [rush.booking_url, rush.start_booking("booking2", rush.spare_port())]
    users = [new_user(rush, f"user{n}@example.com") for n in range(4)]
    event_id = admin(rush).create_event(SEATS)
    outcomes = asyncio.run(book_at_once(urls, users, event_id))
    assert Counter(outcome["status"] for outcome in outcomes) == {"confirmed": SEATS, "rejected": REQUESTS - SEATS}
    wait_until(lambda: rush.run("-m", "booking_service", "audit", check=False).returncode == 0, "the audit holds")
