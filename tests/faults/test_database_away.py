"""With the database gone each request gets a 503 that says when to come back, and nothing is half-done."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest
from sqlalchemy import select

from booking_service.domain.models import Booking
from shared.database import Database
from tests.fixtures.bookings import NOW
from tests.fixtures.clients import admin, new_user
from tests.fixtures.databases import REAL
from tests.fixtures.processes import System

CHUNK_BYTES = 65_536


class Switch:
    """A TCP relay in front of the database that can be turned off: connections end, and new ones are refused."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._serve()

    def turn_off(self) -> None:
        # Shut down first: a close alone leaves the thread in accept(), which would still take one connection.
        _shut(self._listener)
        for thread in self._threads[:1]:
            thread.join()
        for end in self._ends:
            _shut(end)
        for thread in self._threads:
            thread.join()
        for end in (self._listener, *self._ends):
            end.close()

    def turn_on(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self._serve()

    def _serve(self) -> None:
        self._ends: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._start(self._accept)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                far = socket.create_connection(("127.0.0.1", self._target))
                self._ends += [near, far]
                self._start(_pump, near, far)
                self._start(_pump, far, near)

    def _start(self, work: Callable[..., None], *arguments: socket.socket) -> None:
        thread = threading.Thread(target=work, args=arguments)
        self._threads.append(thread)
        thread.start()


def _pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(CHUNK_BYTES):
            target.sendall(data)
    _shut(source)
    _shut(target)


def _shut(end: socket.socket) -> None:
    with suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)


@pytest.fixture(params=REAL)
def database_kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def switch(booking_database: Database) -> Iterator[Switch]:
    switch = Switch(booking_database.engine.url.port or 0)
    yield switch
    switch.turn_off()


def test_requests_get_503_while_the_database_is_away_and_work_again_after(
    system: System, switch: Switch, booking_database: Database
) -> None:
    through = booking_database.engine.url.set(port=switch.port).render_as_string(hide_password=False)
    system.environment |= {"AUTH_DATABASE_URL": through, "BOOKING_DATABASE_URL": through}
    system.start_auth()
    system.start_booking()
    ada, root = new_user(system, "ada@example.com"), admin(system)
    event_id = root.create_event(seats=5)
    before = ada.book(event_id)

    switch.turn_off()
    event = {"event_name": "E", "event_venue": "V", "event_date": NOW.isoformat(), "event_availibility": 1}
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

    switch.turn_on()
    after = ada.book(event_id)
    assert after.status_code == 202
    stored = booking_database.read(lambda c: set(c.scalars(select(Booking.id))))
    assert {str(booking_id) for booking_id in stored} == {a.json()["booking_id"] for a in (before, after)}
    assert all("Traceback" not in system.log(name) for name in system.processes)
