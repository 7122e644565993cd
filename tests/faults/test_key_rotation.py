"""The signing key is replaced twice while clients log in and book, and then the first one is taken for stolen."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial

import httpx
import pytest
from jose import jwt

from tests.fixtures.clients import PASSWORD, admin, new_user
from tests.fixtures.databases import REAL
from tests.fixtures.keys import ENCRYPTION_SECRET
from tests.fixtures.processes import System
from tests.fixtures.servers import wait_until

EMAIL = "eve@example.com"  # who logs in again and again, and of whose sessions the oldest end for that
CLIENTS = 2
REPLICAS = 2
PUBLISHED_SECONDS = 5  # before a key signs; the least that can be set
REFUSED_SECONDS_MAX = 5  # after its key was retired at once
ROUNDS = 3  # that are served by each signature, so that each meets traffic
SIGNED_SECONDS_MAX = 60


@pytest.fixture(params=REAL)
def database_kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@dataclass
class Crowd:
    """Clients that log in at one replica, are asked who they are by the other, and book, without end.

    One more goes on with the token that it had in the beginning.
    """

    auth_urls: list[str]
    booking_url: str
    event_id: int
    first_token: str
    failures: list[str] = field(default_factory=list)
    served: dict[tuple[str, str], int] = field(
        default_factory=dict
    )  # rounds by replica and the key that it signed with
    _ending: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def at_work(self) -> Iterator[None]:
        threads = [threading.Thread(target=self._log_in_and_book, args=(number,)) for number in range(CLIENTS)]
        threads.append(threading.Thread(target=self._go_on_booking))
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._ending.set()
            for thread in threads:
                thread.join()

    def until_all_sign_with(self, key_id: str) -> None:
        def signs() -> bool:
            by_replica = [self.served.get((url, key_id), 0) for url in self.auth_urls]
            return min(by_replica) >= ROUNDS or bool(self.failures)

        wait_until(signs, f"all replicas sign with {key_id}", SIGNED_SECONDS_MAX)

    def _log_in_and_book(self, number: int) -> None:
        with httpx.Client(timeout=60) as http:
            while not self._ending.is_set():
                number += 1
                replica, other = (self.auth_urls[(number + step) % REPLICAS] for step in (0, 1))
                login = {"email": EMAIL, "password": PASSWORD}
                answer = self._ask(partial(http.post, f"{replica}/login", json=login), 200)
                if answer is None:
                    continue
                token = answer.json()["access_token"]
                headers = {"Authorization": f"Bearer {token}"}
                self._ask(partial(http.get, f"{other}/users/me", headers=headers), 200)
                self._book(http, token)
                signed = (replica, jwt.get_unverified_header(token)["kid"])
                self.served[signed] = self.served.get(signed, 0) + 1

    def _go_on_booking(self) -> None:
        with httpx.Client(timeout=60) as http:
            while not self._ending.wait(0.05):
                self._book(http, self.first_token)

    def _book(self, http: httpx.Client, token: str) -> None:
        url, headers = f"{self.booking_url}/events/{self.event_id}/book", {"Authorization": f"Bearer {token}"}
        booked = self._ask(partial(http.post, url, params={"seats": 1}, headers=headers), 202)
        if booked is not None:
            self._ask(partial(http.get, f"{self.booking_url}{booked.headers['Location']}", headers=headers), 200)

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


def rotate(system: System, algorithm: str) -> str:
    told = system.run("-m", "auth_service", "keys", "rotate", "--algorithm", algorithm).stdout
    return told.split()[1]


@pytest.mark.timeout(300)
def test_no_request_is_refused_while_keys_are_replaced_and_a_stolen_key_is_refused_within_five_seconds(
    system: System,
) -> None:
    system.environment |= {
        "KEY_ENCRYPTION_SECRET": ENCRYPTION_SECRET,
        "KEY_PUBLISHED_SECONDS": str(PUBLISHED_SECONDS),
    }
    other_port = system.spare_port()
    system.start_auth("auth 1")
    system.start_auth("auth 2", other_port)
    system.start_booking()
    auth_urls = [system.auth_url, f"http://127.0.0.1:{other_port}"]
    ada, event_id = new_user(system, "ada@example.com"), admin(system).create_event(seats=10**6)
    new_user(system, EMAIL)
    first = jwt.get_unverified_header(ada.token)["kid"]

    crowd = Crowd(auth_urls, system.booking_url, event_id, ada.token)
    with crowd.at_work():
        crowd.until_all_sign_with(first)
        second = rotate(system, "ES256")
        crowd.until_all_sign_with(second)
        third = rotate(system, "RS256")
        crowd.until_all_sign_with(third)
    assert crowd.failures == []
    assert len({key_id for _, key_id in crowd.served}) == 3

    def is_refused() -> bool:
        mine = [system.http.get(f"{url}/users/me", headers=ada.headers).status_code for url in auth_urls]
        return [*mine, ada.book(event_id).status_code] == [401] * (REPLICAS + 1)

    assert not is_refused()
    system.run("-m", "auth_service", "keys", "retire", first, "--now")
    wait_until(is_refused, "tokens of the retired key are refused everywhere", REFUSED_SECONDS_MAX)
    again = system.http.post(f"{system.auth_url}/login", json={"email": EMAIL, "password": PASSWORD}).json()
    headers = {"Authorization": f"Bearer {again['access_token']}"}
    assert system.http.get(f"{auth_urls[1]}/users/me", headers=headers).status_code == 200
    booked = system.http.post(f"{system.booking_url}/events/{event_id}/book?seats=1", headers=headers)
    assert booked.status_code == 202
    assert all("Traceback" not in system.log(name) for name in system.processes)
