"""A database that neither answers nor refuses: everybody is answered within the timeouts, and work goes on after."""

import signal
import time
from collections.abc import Callable
from contextlib import ExitStack

import httpx
import pytest

from shared.database.units import REPEAT_SECONDS_MAX, Database
from tests.faults.conftest import Proxied
from tests.fixtures.clients import admin, new_user
from tests.fixtures.databases import REAL
from tests.fixtures.processes import System
from tests.fixtures.servers import wait_until
from tests.fixtures.wire import Wire

CONNECT_SECONDS, LOCK_SECONDS, READ_SECONDS = 1, 1, 2
# The last attempt begins before REPEAT_SECONDS_MAX, and then waits for an answer as long as any.
ANSWER_SECONDS_MAX = REPEAT_SECONDS_MAX + READ_SECONDS + 5
RECOVERY_SECONDS_MAX = 30
PATIENT_READ_SECONDS, SHUTDOWN_SECONDS = 120, 2


@pytest.fixture(params=REAL)
def database_kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_requests_are_answered_while_the_database_is_frozen_and_work_again_after(
    system: System, booking_database: Database, proxied: Proxied
) -> None:
    system.environment |= {
        "BOOKING_DATABASE_URL": proxied.url,
        "DATABASE_CONNECT_TIMEOUT_SECONDS": str(CONNECT_SECONDS),
        "DATABASE_LOCK_TIMEOUT_SECONDS": str(LOCK_SECONDS),
        "DATABASE_READ_TIMEOUT_SECONDS": str(READ_SECONDS),
    }
    system.start_auth()
    system.start_booking()
    system.start_worker()
    system.start_beat()
    ada, event_id = new_user(system, "ada@example.com"), admin(system).create_event(seats=5)
    before = ada.book(event_id)
    assert ada.outcome(before)["status"] == "confirmed"

    proxied.proxy.black_hole()
    questions: list[Callable[[], httpx.Response]] = [
        lambda: ada.book(event_id, key="k"),
        lambda: ada.get(before.headers["Location"]),
    ]
    for ask in questions:
        began = time.monotonic()
        answer = ask()
        assert (answer.status_code, bool(answer.headers["Retry-After"])) == (503, True)
        assert time.monotonic() - began < ANSWER_SECONDS_MAX
    ready = system.http.get(f"{system.booking_url}/health/ready")
    assert (ready.status_code, ready.json()["dependencies"]["database"]) == (503, "unavailable")
    assert system.http.get(f"{system.booking_url}/health/live").status_code == 200

    proxied.proxy.accept()
    wait_until(lambda: ada.book(event_id, key="k").status_code == 202, "bookings are accepted", RECOVERY_SECONDS_MAX)
    # One booking, whether the attempt that got a 503 was stored or not.
    assert ada.outcome(ada.book(event_id, key="k"))["status"] == "confirmed"
    assert booking_database.read(lambda c: c.exec_driver_sql("SELECT COUNT(*) FROM bookings").scalar()) == 2


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_who_waits_for_it_when_the_service_must_end_is_told_to_come_back(
    system: System, proxied: Proxied, how: signal.Signals
) -> None:
    system.environment |= {
        "BOOKING_DATABASE_URL": proxied.url,
        "DATABASE_READ_TIMEOUT_SECONDS": str(PATIENT_READ_SECONDS),
        "SHUTDOWN_SECONDS": str(SHUTDOWN_SECONDS),
    }
    system.start_auth()
    system.start_booking()
    ada, event_id = new_user(system, "ada@example.com"), admin(system).create_event(seats=5)
    location = ada.book(event_id).headers["Location"]
    token = f"Host: x\r\nAuthorization: Bearer {ada.token}\r\n\r\n"
    asked = [f"POST /events/{event_id}/book?seats=1", f"GET {location}", f"GET /events/{event_id}", "GET /events"]

    proxied.proxy.black_hole()
    with ExitStack() as stack:
        connections = [stack.enter_context(Wire(int(system.environment["BOOKING_PORT"]))) for _ in asked]
        for connection, request in zip(connections, asked, strict=True):
            connection.send(f"{request} HTTP/1.1\r\n{token}".encode())
        # One whose connection was opened after theirs is answered, so they are being waited for.
        assert httpx.get(f"{system.booking_url}/health/live").status_code == 200
        process = system.processes["booking"]
        process.send_signal(how)
        answers = [connection.read_to_end() for connection in connections]
        process.wait(PATIENT_READ_SECONDS / 2)  # although its threads would wait for the database much longer
    assert [answer.statuses for answer in answers] == [[503]] * len(asked)
    assert all("retry-after: 2" in answer.text.decode().lower() for answer in answers)
    assert "Traceback" not in system.log("booking")
