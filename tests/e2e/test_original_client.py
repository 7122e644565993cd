"""The six calls of the clients that were there first: as they send them, and what they read of the answers."""

from typing import Any

import httpx

from tests.fixtures.processes import ADMIN_EMAIL, ADMIN_PASSWORD, System
from tests.fixtures.servers import wait_until

USER = {"name": "Ada", "email": "ada@example.com", "password": "a long password", "role": "user"}
EVENT = {
    "event_name": "Opening night",
    "event_venue": "Main hall",
    "event_date": "2099-01-01T20:00:00",  # they send no zone
    "event_availibility": 10,
}


class OriginalClient:
    """Knows the two addresses and six calls, sends no header but its token, and ignores what it does not know."""

    def __init__(self, system: System) -> None:
        self._http, self._auth, self._booking = system.http, system.auth_url, system.booking_url
        self._headers: dict[str, str] = {}

    def register(self, user: dict[str, str]) -> dict[str, Any]:
        return self._read(self._http.post(f"{self._auth}/users", json=user), 201)

    def log_in(self, email: str, password: str) -> None:
        answer = self._read(self._http.post(f"{self._auth}/login", json={"email": email, "password": password}), 200)
        assert answer["token_type"] == "bearer"
        self._headers = {"Authorization": f"Bearer {answer['access_token']}"}

    def me(self) -> dict[str, Any]:
        return self._read(self._http.get(f"{self._auth}/users/me", headers=self._headers), 200)

    def create_event(self, event: dict[str, object]) -> dict[str, Any]:
        return self._read(self._http.post(f"{self._booking}/events", json=event, headers=self._headers), 201)

    def events(self) -> list[dict[str, Any]]:
        answer = self._http.get(f"{self._booking}/events")
        assert answer.status_code == 200, answer.text
        return list(answer.json())

    def book(self, event_id: int, seats: int) -> dict[str, Any]:
        url = f"{self._booking}/events/{event_id}/book?seats={seats}"
        return self._read(self._http.post(url, headers=self._headers), 202)

    @staticmethod
    def _read(answer: httpx.Response, status: int) -> dict[str, Any]:
        assert answer.status_code == status, answer.text
        return dict(answer.json())


def test_the_six_calls_of_the_original_clients_work_unchanged(system: System) -> None:
    system.start_auth()
    system.start_booking()
    system.start_worker()
    ada, admin = OriginalClient(system), OriginalClient(system)

    registered = ada.register(USER)
    assert {name: registered[name] for name in ("name", "email", "role")} == {
        "name": "Ada",
        "email": "ada@example.com",
        "role": "user",
    }
    assert "password" not in registered
    ada.log_in(USER["email"], USER["password"])
    assert ada.me()["email"] == "ada@example.com"

    admin.log_in(ADMIN_EMAIL, ADMIN_PASSWORD)
    created = admin.create_event(EVENT)
    shown = {**EVENT, "event_date": "2099-01-01T20:00:00Z", "event_id": created["event_id"]}
    assert {name: created[name] for name in shown} == shown
    (listed,) = ada.events()
    assert {name: listed[name] for name in shown} == shown

    booked = ada.book(created["event_id"], 2)
    assert (booked["event_id"], booked["seats"], booked["status"]) == (created["event_id"], 2, "pending")
    # They look at the event for what came of it.
    wait_until(lambda: ada.events()[0]["event_availibility"] == 8, "the seats are taken")
