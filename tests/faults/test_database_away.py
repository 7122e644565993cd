"""With the database gone each request gets a 503 that says when to come back, and nothing is half-done."""

from contextlib import closing

import pytest
from sqlalchemy import select

from booking_service.domain.models import Booking
from booking_service.wake.sign_of_life import SignOfLife
from shared.database.units import Database
from tests.faults.conftest import Proxied
from tests.fixtures.bookings import STARTS_AT
from tests.fixtures.clients import admin, new_user
from tests.fixtures.databases import REAL
from tests.fixtures.names import stored
from tests.fixtures.processes import System
from tests.fixtures.servers import wait_until


@pytest.fixture(params=REAL)
def database_kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_requests_get_503_while_the_database_is_away_and_work_again_after(
    system: System, proxied: Proxied, booking_database: Database
) -> None:
    system.environment |= {"AUTH_DATABASE_URL": proxied.url, "BOOKING_DATABASE_URL": proxied.url}
    system.start_auth()
    system.start_booking()
    ada, root = new_user(system, "ada@example.com"), admin(system)
    event_id = root.create_event(seats=5)
    before = ada.book(event_id)

    proxied.proxy.refuse()
    proxied.proxy.cut()
    event = {"event_name": "E", "event_venue": "V", "event_date": STARTS_AT.isoformat(), "event_availibility": 1}
    answers = [
        ada.book(event_id),
        ada.get(before.headers["Location"]),
        ada.get("/events"),
        ada.get(f"/events/{event_id}"),
        system.http.post(f"{system.booking_url}/events", json=event, headers=root.headers),
        system.http.post(f"{system.auth_url}/login", json={"email": "ada@example.com", "password": "x" * 20}),
        system.http.get(f"{system.auth_url}/users/me", headers=ada.headers),
        system.http.get(f"{system.booking_url}/health/ready"),
        system.http.get(f"{system.auth_url}/health/ready"),
    ]
    assert [answer.status_code for answer in answers] == [503] * len(answers)
    assert all(int(answer.headers["Retry-After"]) >= 1 for answer in answers)
    assert {a.headers["Content-Type"] for a in answers[:-2]} == {"application/problem+json"}
    assert system.http.get(f"{system.booking_url}/health/live").status_code == 200

    proxied.proxy.accept()
    after = ada.book(event_id)
    assert after.status_code == 202
    stored = booking_database.read(lambda c: set(c.scalars(select(Booking.id))))
    assert {str(booking_id) for booking_id in stored} == {a.json()["booking_id"] for a in (before, after)}
    assert all("Traceback" not in system.log(name) for name in system.processes)


def test_a_worker_says_in_a_line_what_it_could_not_do(
    system: System, proxied: Proxied, booking_database: Database, redis_url: str
) -> None:
    system.environment["BOOKING_DATABASE_URL"] = proxied.url
    system.start_worker()
    system.start_beat()
    with closing(SignOfLife.connect(redis_url, stored(booking_database), timeout_seconds=5)) as sign:
        wait_until(sign.read, "a sweep was completed")
    proxied.proxy.refuse()
    proxied.proxy.cut()
    wait_until(lambda: "booking.sweep [] failed" in system.log("worker"), "a sweep has failed")
    assert "Traceback" not in system.log("worker")


def test_a_worker_that_starts_meanwhile_waits_and_says_so(
    system: System, proxied: Proxied, booking_database: Database, redis_url: str
) -> None:
    system.environment["BOOKING_DATABASE_URL"] = proxied.url
    proxied.proxy.refuse()
    system.start_worker()
    system.start_beat()
    for name in ("worker", "beat"):
        wait_until(lambda name=name: "waiting for the name" in system.log(name), f"{name} waits")  # type: ignore[misc]
    proxied.proxy.accept()
    with closing(SignOfLife.connect(redis_url, stored(booking_database), timeout_seconds=5)) as sign:
        wait_until(sign.read, "a sweep was completed")
    assert all("Traceback" not in system.log(name) for name in ("worker", "beat"))
