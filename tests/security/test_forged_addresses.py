"""A client cannot choose the address that it is counted by: real bytes, straight to our server and through nginx."""

import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from lab.ports import free_port
from tests.fixtures.accounts import accounts_database, auth_settings
from tests.fixtures.addresses import telling_addresses
from tests.fixtures.box_office import SECRET
from tests.fixtures.processes import System
from tests.fixtures.reverse_proxy import reverse_proxy
from tests.fixtures.wire import Wire

PEER, ELSEWHERE = "127.0.0.1", "198.51.100.7"
FORGED = {
    "one address": b"X-Forwarded-For: 203.0.113.9\r\n",
    "a list": b"X-Forwarded-For: 203.0.113.9, 127.0.0.1\r\n",
    "a list with a proxy in front": b"X-Forwarded-For: 127.0.0.1, 203.0.113.9\r\n",
    "two lines": b"X-Forwarded-For: 127.0.0.1\r\nX-Forwarded-For: 203.0.113.9\r\n",
    "blanks": b"X-Forwarded-For:   203.0.113.9\t\r\n",
    "capitals": b"X-FORWARDED-FOR: 203.0.113.9\r\n",
    "an underscore": b"X_Forwarded_For: 203.0.113.9\r\n",
    "IPv6 with a port": b"X-Forwarded-For: [2001:db8:9::1]:443\r\n",
    "no address": b"X-Forwarded-For: unknown\r\n",
    "nothing": b"X-Forwarded-For:\r\n",
    "the standard's field": b'Forwarded: for="203.0.113.9"\r\n',
    "others' fields": b"X-Real-IP: 203.0.113.9\r\nTrue-Client-IP: 203.0.113.9\r\nCF-Connecting-IP: 203.0.113.9\r\n",
    "a field of the connection": b"Connection: close, X-Forwarded-For\r\nX-Forwarded-For: 203.0.113.9\r\n",
    "an upgrade": b"Connection: upgrade\r\nUpgrade: h2c\r\nX-Forwarded-For: 203.0.113.9\r\n",
}
# What a proxy says, and what it means where it is believed.
SAID = [
    (b"X-Forwarded-For: 203.0.113.9\r\n", "203.0.113.9"),
    (b"X-Forwarded-For: 192.0.2.66, 203.0.113.9\r\n", "203.0.113.9"),
    (b"X-Forwarded-For: 192.0.2.66, 203.0.113.9, 127.0.0.1\r\n", "203.0.113.9"),
    (b"X-Forwarded-For: 192.0.2.66\r\nX-Forwarded-For: 203.0.113.9\r\n", "203.0.113.9"),
    (b"X-Forwarded-For: 203.0.113.9:4711\r\n", "203.0.113.9"),
    (b"X-Forwarded-For: [2001:db8:9::1]:443\r\n", "2001:db8:9::/64"),
    (b"X-Forwarded-For: ::ffff:203.0.113.9\r\n", "203.0.113.9"),
    (b"X-Forwarded-For:\r\n", PEER),
    (b"Forwarded: for=203.0.113.9\r\n", PEER),
]
PER_ADDRESS = 3


def told(port: int, fields: bytes) -> str:
    """Ask where this request comes from."""
    with Wire(port) as wire:
        wire.send(b"GET / HTTP/1.1\r\nHost: x\r\n" + fields + b"\r\n")
        head = wire.read_until(b"\r\n\r\n")
    return head.partition(b"x-address: ")[2].partition(b"\r\n")[0].decode()


@pytest.mark.parametrize("name", FORGED)
def test_who_is_no_proxy_says_in_vain_where_it_comes_from(name: str) -> None:
    with telling_addresses(ELSEWHERE) as port:
        assert told(port, FORGED[name]) == PEER


@pytest.mark.parametrize("trusted", ["127.0.0.1", "127.0.0.0/8", "::1,127.0.0.1"])
@pytest.mark.parametrize("host", ["127.0.0.1", "::"])
def test_a_proxy_is_believed_and_of_a_list_the_last_that_is_no_proxy_counts(trusted: str, host: str) -> None:
    if host == "::" and not socket.has_ipv6:
        pytest.skip("this machine has no IPv6")
    with telling_addresses(trusted, host) as port:
        assert [told(port, fields) for fields, _ in SAID] == [meant for _, meant in SAID]


@pytest.mark.parametrize("trusted", ["127.0.0.1", "*"])
def test_the_proxy_of_the_compose_file_says_where_it_was_asked_from_and_nothing_else(
    tmp_path: Path, trusted: str
) -> None:
    with telling_addresses(trusted) as port, reverse_proxy(tmp_path, [str(port)], [str(port)]) as url:
        proxy = int(urlsplit(url).port or 0)
        assert {name: told(proxy, fields) for name, fields in FORGED.items()} == dict.fromkeys(FORGED, PEER)


@pytest.fixture
def system(tmp_path: Path) -> Iterator[System]:
    """An auth service that three logins from one address are enough for."""
    url = f"sqlite:///{tmp_path}/auth.db"
    with accounts_database(auth_settings(url)):
        pass
    environment = {
        "AUTH_DATABASE_URL": url,
        "ALGORITHM": "HS256",
        "SECRET_KEY": SECRET,
        "AUTH_PORT": str(free_port()),
        "FORWARDED_ALLOW_IPS": ELSEWHERE,
        "LOGINS_PER_ADDRESS_MAX": str(PER_ADDRESS),
    }
    system = System(tmp_path, {name: value for name, value in os.environ.items() if name != "REDIS_URL"} | environment)
    system.start_auth()
    yield system
    system.stop()


def log_in(port: int, fields: bytes) -> tuple[int, bytes]:
    body = json.dumps({"email": "nobody@example.com", "password": "wrong"}).encode()
    head = b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n" % len(body)
    with Wire(port) as wire:
        wire.send(head + fields + b"\r\n" + body)
        answer = wire.read_until(b"\r\n\r\n")
    return int(answer.split()[1]), answer.lower()


def test_a_forger_is_refused_like_anybody_and_the_proxy_hands_the_refusal_on(system: System, tmp_path: Path) -> None:
    port = system.environment["AUTH_PORT"]
    answers = [log_in(int(port), fields) for fields in FORGED.values()]
    with reverse_proxy(tmp_path, [port], [port]) as url:
        answers.append(log_in(int(urlsplit(url).port or 0), b""))
    assert [status for status, _ in answers] == [401] * PER_ADDRESS + [429] * (len(answers) - PER_ADDRESS)
    for _, answer in answers[-2:]:
        for field in (b"retry-after: ", b'ratelimit: "login-address";r=0;t=', b"ratelimit-policy: ", b"problem+json"):
            assert field in answer
