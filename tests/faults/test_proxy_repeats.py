"""What the compose file's proxy sends again when a replica took a request and never answered, and what it does not."""

import re
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.fixtures.reverse_proxy import reverse_proxy

ROUND = 3  # proxy_next_upstream_tries
KEY = re.compile(rb"\r\nidempotency-key: *([^\r]*)\r\n", re.IGNORECASE)
BOOK = "/events/7/book?seats=1"
ANSWER = b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class Replicas:
    """Four servers; the first so many requests, wherever they come, are taken and never answered. All others are."""

    def __init__(self) -> None:
        self.requests: list[bytes] = []
        self.unanswered = 1
        self.listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(4)]
        self.threads = [threading.Thread(target=self._serve, args=(listener,)) for listener in self.listeners]
        for thread in self.threads:
            thread.start()

    @property
    def ports(self) -> list[str]:
        return [str(listener.getsockname()[1]) for listener in self.listeners]

    @property
    def keys(self) -> list[bytes]:
        return [found[1] if (found := KEY.search(request)) else b"" for request in self.requests]

    def close(self) -> None:
        for listener in self.listeners:
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        for thread in self.threads:
            thread.join()

    def _serve(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:  # closed
                return
            with connection:
                self.requests.append(connection.recv(65_536))
                if len(self.requests) > self.unanswered:
                    connection.sendall(ANSWER)


@pytest.fixture
def booking() -> Iterator[Replicas]:
    replicas = Replicas()
    yield replicas
    replicas.close()


@pytest.fixture
def auth() -> Iterator[Replicas]:
    replicas = Replicas()
    yield replicas
    replicas.close()


@pytest.fixture
def url(auth: Replicas, booking: Replicas, tmp_path: Path) -> Iterator[str]:
    with reverse_proxy(tmp_path, auth.ports, booking.ports) as url:
        yield url


@pytest.fixture
def replicas(request: pytest.FixtureRequest, auth: Replicas, booking: Replicas) -> Replicas:
    """The service that the test's path belongs to, or else the booking service."""
    path = request.node.callspec.params["path"] if hasattr(request.node, "callspec") else BOOK
    return auth if path.startswith(("/login", "/logout", "/token/", "/users", "/.well-known")) else booking


def test_a_booking_without_a_key_is_sent_again_with_the_key_it_was_given(url: str, replicas: Replicas) -> None:
    assert httpx.post(url + BOOK).status_code == 202
    first, second = replicas.keys
    assert first == second
    assert first.startswith(b"proxy-")
    httpx.post(url + BOOK)
    assert replicas.keys[2] != first  # another booking has another


def test_a_key_of_the_clients_own_is_left_as_it_is(url: str, replicas: Replicas) -> None:
    assert httpx.post(url + BOOK, headers={"Idempotency-Key": '"mine"'}).status_code == 202
    assert replicas.keys == [b'"mine"', b'"mine"']


def test_logging_in_is_sent_again(url: str, auth: Replicas) -> None:
    assert httpx.post(f"{url}/login", json={}).status_code == 202
    assert len(auth.requests) == 2


def test_what_a_whole_round_of_replicas_did_not_answer_gets_a_second_round(url: str, replicas: Replicas) -> None:
    replicas.unanswered = ROUND
    assert httpx.post(url + BOOK).status_code == 202
    assert replicas.keys == [replicas.keys[0]] * (ROUND + 1)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", BOOK),
        ("GET", "/bookings/7"),
        ("DELETE", "/bookings/7"),
        ("DELETE", "/events/7"),
        ("HEAD", "/events"),
        ("POST", "/login"),
        ("POST", "/token/refresh"),
        ("POST", "/logout/all"),
        ("GET", "/login"),
        ("GET", "/users/me"),
        ("GET", "/.well-known/jwks.json"),
    ],
)
def test_a_third_round_there_is_not(url: str, replicas: Replicas, method: str, path: str) -> None:
    replicas.unanswered = 3 * ROUND
    answer = httpx.request(method, url + path)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert len(replicas.requests) == 2 * ROUND
    assert all(request.startswith(f"{method} {path} ".encode()) for request in replicas.requests)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/events"),
        ("POST", "/users"),
        ("POST", "/events/7/book%0A"),
        ("POST", "/EVENTS/7/book"),
        ("POST", "/events/7/BOOK"),
        ("POST", "/bookings/7/confirm"),
        ("PATCH", "/bookings/7"),
        ("PATCH", "/events/7"),
    ],
)
def test_what_may_not_be_done_twice_is_not_sent_again(url: str, replicas: Replicas, method: str, path: str) -> None:
    answer = httpx.request(method, url + path, json={})
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
    assert (len(replicas.requests), replicas.keys) == (1, [b""])
