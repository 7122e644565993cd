"""The end of a process: what is in flight is answered, nobody gets a 500, and nothing looks like a bug in the log."""

import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from tests.fixtures.booking_alone import booking_alone
from tests.fixtures.box_office import EVENT, bearer, booking_settings, token
from tests.fixtures.processes import System
from tests.fixtures.wire import Wire

WAIT_SECONDS = 30
SHUTDOWN_SECONDS = 20
SETTINGS = booking_settings("sqlite:///never-made.db")


@pytest.fixture
def system(tmp_path: Path) -> Iterator[System]:
    """A booking service that logs each request."""
    with booking_alone(tmp_path, SHUTDOWN_SECONDS=SHUTDOWN_SECONDS) as system:
        yield system


def book(system: System) -> str:
    url = system.booking_url
    event = system.http.post(f"{url}/events", json=EVENT, headers=bearer(SETTINGS, "admin")).json()["event_id"]
    answer = system.http.post(f"{url}/events/{event}/book?seats=1", headers=bearer(SETTINGS))
    return str(answer.headers["Location"])


def end(system: System, how: signal.Signals) -> None:
    process = system.processes["booking"]
    process.send_signal(how)
    process.wait(SHUTDOWN_SECONDS / 2)  # long before it would give up on those who wait


def test_an_idle_service_ends_at_once(system: System) -> None:
    with Wire(int(system.environment["BOOKING_PORT"])):
        end(system, signal.SIGTERM)
    assert "Traceback" not in system.log("booking")


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_who_waits_for_a_decision_is_answered_when_the_service_ends(system: System, how: signal.Signals) -> None:
    path = book(system)
    waiting = f"Host: x\r\nPrefer: wait={WAIT_SECONDS}\r\nAuthorization: Bearer {token(SETTINGS)}\r\n\r\n"
    with ExitStack() as connections:
        polls = [connections.enter_context(Wire(int(system.environment["BOOKING_PORT"]))) for _ in range(3)]
        for poll in polls:
            poll.send(f"GET {path} HTTP/1.1\r\n{waiting}".encode())
        # One whose connection was opened after theirs is answered, so they are being waited for.
        assert httpx.get(system.booking_url + path, headers=bearer(SETTINGS)).json()["status"] == "pending"
        end(system, how)
        answers = [poll.read_to_end() for poll in polls]
    assert [answer.statuses for answer in answers] == [[200]] * 3
    assert all(b'"status":"pending"' in answer.text for answer in answers)
    assert "Traceback" not in system.log("booking")
