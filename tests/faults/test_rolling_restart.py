"""Every process is restarted while clients book and poll behind the proxy of the compose file: no request fails."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from signal import SIGKILL, SIGTERM

import httpx
import pytest
from sqlalchemy import func, select

from booking_service.domain.models import Booking
from shared.database.units import Database
from tests.fixtures.clients import PASSWORD, Client, admin, new_user
from tests.fixtures.databases import REAL
from tests.fixtures.processes import System
from tests.fixtures.reverse_proxy import reverse_proxy
from tests.fixtures.servers import wait_until

CLIENTS = 4
EMAIL = "ada@example.com"
AUTH, BOOKING = ("auth 1", "auth 2"), ("booking 1", "booking 2")
AT_LEAST = 20  # bookings between two restarts, so that each meets traffic
SETTLED_SECONDS_MAX = 60


@pytest.fixture(params=REAL)
def database_kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@dataclass
class Crowd:
    """Clients that book and look at what they booked, one after another and without end."""

    url: str
    ada: Client
    event_id: int
    locations: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    logins: int = 0
    _ending: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def at_work(self) -> Iterator[None]:
        threads = [threading.Thread(target=self._book_and_look) for _ in range(CLIENTS)]
        threads.append(threading.Thread(target=self._log_in))
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._ending.set()
            for thread in threads:
                thread.join()

    def until_served_again(self) -> None:
        bookings, logins = len(self.locations) + AT_LEAST, self.logins + 1

        def served() -> bool:
            return (len(self.locations) >= bookings and self.logins >= logins) or bool(self.failures)

        wait_until(served, "bookings are accepted and people logged in")

    def _book_and_look(self) -> None:
        with httpx.Client(base_url=self.url, headers=self.ada.headers, timeout=60) as http:
            while not self._ending.is_set():
                booked = self._ask(partial(http.post, f"/events/{self.event_id}/book?seats=1"), 202)
                if booked is not None:
                    location = booked.headers["Location"]
                    self.locations.append(location)
                    self._ask(partial(http.get, location), 200)

    def _log_in(self) -> None:
        account = {"email": EMAIL, "password": PASSWORD}
        with httpx.Client(base_url=self.url, timeout=60) as http:
            while not self._ending.is_set():
                self._ask(partial(http.post, "/login", json=account), 200)
                self.logins += 1

    def _ask(self, ask: Callable[[], httpx.Response], wanted: int) -> httpx.Response | None:
        try:
            answer = ask()
        except httpx.HTTPError as error:
            self.failures.append(repr(error))
            return None
        if answer.status_code != wanted:
            self.failures.append(f"{answer.status_code} {answer.text}")
            return None
        return answer


def count(database: Database, status: str) -> int:
    having = select(func.count()).where(Booking.status == status)
    return database.read(lambda connection: connection.execute(having).scalar_one())


@pytest.mark.timeout(600)
def test_no_request_fails_while_everything_is_restarted(
    system: System, booking_database: Database, tmp_path: Path
) -> None:
    ports = {name: system.spare_port() for name in (*AUTH, *BOOKING)}
    system.environment |= {"AUTH_PORT": ports[AUTH[0]], "BOOKING_PORT": ports[BOOKING[0]]}
    system.environment["SESSIONS_MAX"] = "100000"  # a crowd of one user
    system.environment["JWKS_URL"] = f"{system.auth_url}/.well-known/jwks.json"
    start = dict.fromkeys(AUTH, system.start_auth) | dict.fromkeys(BOOKING, system.start_booking)
    for name, port in ports.items():
        start[name](name, port)
    system.start_worker()
    system.start_beat()
    ada, event_id = new_user(system, EMAIL), admin(system).create_event(seats=10**6)

    with reverse_proxy(tmp_path, [ports[name] for name in AUTH], [ports[name] for name in BOOKING]) as url:
        crowd = Crowd(url, ada, event_id)
        with crowd.at_work():
            crowd.until_served_again()
            # In good order, as when a new version comes; and as when a machine dies.
            for how in (SIGTERM, SIGKILL):
                for name, port in ports.items():
                    system.kill(name, how)
                    crowd.until_served_again()
                    start[name](name, port)
                    crowd.until_served_again()
                system.kill("worker", how)
                system.start_worker()
                system.kill("beat", how)
                system.start_beat()
                crowd.until_served_again()

    assert crowd.failures == []
    wait_until(lambda: count(booking_database, "pending") == 0, "all is settled", SETTLED_SECONDS_MAX)
    assert Counter(crowd.locations).most_common(1)[0][1] == 1
    assert count(booking_database, "confirmed") == len(crowd.locations)  # what was sent again was stored once
