"""What is revoked at the auth service, as the booking service sees it: real processes, and no Redis."""

from collections.abc import Callable

import httpx
import pytest

from tests.fixtures.clients import PASSWORD, Client, log_in, new_user
from tests.fixtures.databases import ALL
from tests.fixtures.processes import System
from tests.fixtures.servers import wait_until

# Promised are five seconds; a machine that stands still has more.
SEEN_SECONDS_MAX = 30


@pytest.fixture
def redis_url() -> str:
    """Nobody is there."""
    return "redis://127.0.0.1:1/0"


@pytest.fixture(params=ALL[:2])
def database_kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def status(client: Client) -> int:
    return client.get("/bookings").status_code


def end_at_auth(method: str, path: str) -> Callable[[Client], httpx.Response]:
    return lambda client: client.system.http.request(method, f"{client.system.auth_url}{path}", headers=client.headers)


def test_sessions_that_are_ended_are_over_at_the_booking_service(system: System) -> None:
    system.start_auth()
    system.start_booking()
    here, there = new_user(system, "ada@example.com"), log_in_again(system)
    eve = new_user(system, "eve@example.com")
    assert [status(client) for client in (here, there, eve)] == [200] * 3

    assert end_at_auth("POST", "/logout")(here).status_code == 204
    wait_until(lambda: status(here) == 401, "the session is over", SEEN_SECONDS_MAX)
    assert here.get("/bookings").json()["type"].endswith(":token-revoked")
    assert [status(client) for client in (there, eve)] == [200, 200]

    assert end_at_auth("POST", "/logout/all")(there).status_code == 204
    wait_until(lambda: status(there) == 401, "all of them are over", SEEN_SECONDS_MAX)
    assert status(eve) == 200
    assert status(log_in_again(system)) == 200

    # A process that starts later hears of it too.
    system.kill("booking")
    system.start_booking()
    wait_until(lambda: [status(here), status(there)] == [401, 401], "it hears of both", SEEN_SECONDS_MAX)
    assert status(eve) == 200


def test_what_is_known_counts_while_the_auth_service_is_away_and_readiness_says_so(system: System) -> None:
    system.start_auth()
    system.start_booking()
    gone, ada = new_user(system, "ada@example.com"), log_in_again(system)
    assert [status(gone), status(ada)] == [200, 200]
    end_at_auth("POST", "/logout")(gone)
    wait_until(lambda: status(gone) == 401, "the session is over", SEEN_SECONDS_MAX)

    def told() -> str:
        ready = system.http.get(f"{system.booking_url}/health/ready")
        assert ready.status_code == 200
        return str(ready.json()["dependencies"]["revocations"])

    assert told() == "ok"
    system.kill("auth")
    wait_until(lambda: told() == "stale", "it is missed", SEEN_SECONDS_MAX)
    assert [status(gone), status(ada)] == [401, 200]
    system.start_auth()
    wait_until(lambda: told() == "ok", "it is heard again", SEEN_SECONDS_MAX)
    assert [status(gone), status(ada)] == [401, 200]


def log_in_again(system: System) -> Client:
    return log_in(system, "ada@example.com", PASSWORD)
