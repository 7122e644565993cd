"""The proxy does what a fault asks of it, seen from a client and a server that only echoes."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest

from tests.faults.campaign.proxy import Cut, Proxy, Way, proxy_of
from tests.fixtures.servers import wait_until

SECONDS_MAX = 20
SHORT_SECONDS = 0.2
LONG_SECONDS = 3  # longer than a busy machine stands still


class Echo:
    """Sends back what it gets, and remembers it."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self.heard = b""
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                threading.Thread(target=self._echo, args=(connection,), daemon=True).start()

    def _echo(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            while data := connection.recv(65_536):
                self.heard += data
                connection.sendall(data)


@pytest.fixture
def echo() -> Iterator[Echo]:
    echo = Echo()
    yield echo
    echo.close()


@pytest.fixture
def proxy(echo: Echo) -> Iterator[Proxy]:
    with proxy_of("127.0.0.1", echo.port) as proxy:
        yield proxy


@pytest.fixture
def client(proxy: Proxy) -> Iterator[socket.socket]:
    with connect(proxy) as client:
        yield client


def connect(proxy: Proxy) -> socket.socket:
    return socket.create_connection(("127.0.0.1", proxy.port), timeout=SECONDS_MAX)


def ask(client: socket.socket, words: bytes) -> bytes:
    client.sendall(words)
    return client.recv(65_536)


def test_bytes_pass_both_ways(client: socket.socket) -> None:
    assert ask(client, b"hello") == b"hello"


def test_a_cut_ends_connections_in_good_order_and_new_ones_work(proxy: Proxy, client: socket.socket) -> None:
    assert ask(client, b"hello") == b"hello"
    proxy.cut()
    assert client.recv(1) == b""
    with connect(proxy) as another:
        assert ask(another, b"again") == b"again"


def test_a_reset_is_a_reset(proxy: Proxy, client: socket.socket) -> None:
    assert ask(client, b"hello") == b"hello"
    proxy.cut(reset=True)
    with pytest.raises(ConnectionResetError):
        client.recv(1)


def test_new_connections_are_refused_until_they_are_accepted_again(proxy: Proxy) -> None:
    proxy.refuse()
    with pytest.raises(ConnectionRefusedError):
        connect(proxy)
    proxy.accept()
    with connect(proxy) as client:
        assert ask(client, b"hello") == b"hello"


def test_a_delay_holds_bytes_back(proxy: Proxy, client: socket.socket) -> None:
    proxy.delay(SHORT_SECONDS)
    began = time.monotonic()
    assert ask(client, b"hello") == b"hello"
    assert time.monotonic() - began >= 2 * SHORT_SECONDS


def test_a_delay_of_one_way_leaves_the_other_alone(proxy: Proxy, echo: Echo, client: socket.socket) -> None:
    proxy.delay(LONG_SECONDS, Way.TO_CLIENT)
    began = time.monotonic()
    client.sendall(b"hello")
    wait_until(lambda: echo.heard == b"hello", "the server hears it", LONG_SECONDS)
    assert client.recv(65_536) == b"hello"
    assert time.monotonic() - began >= LONG_SECONDS


@pytest.mark.parametrize(("way", "reaches_server"), [(Way.TO_SERVER, False), (Way.TO_CLIENT, True)])
def test_a_black_hole_swallows_one_way_and_gives_back_later(
    proxy: Proxy, echo: Echo, client: socket.socket, way: Way, *, reaches_server: bool
) -> None:
    proxy.black_hole(way)
    client.settimeout(SHORT_SECONDS)
    with pytest.raises(TimeoutError):
        ask(client, b"hello")
    if reaches_server:
        wait_until(lambda: echo.heard == b"hello", "the server hears it", SECONDS_MAX)
    assert (echo.heard == b"hello") is reaches_server
    client.settimeout(SECONDS_MAX)
    proxy.accept()
    assert client.recv(65_536) == b"hello"


def test_what_a_black_hole_swallowed_is_lost_when_the_connection_is_cut(
    proxy: Proxy, echo: Echo, client: socket.socket
) -> None:
    proxy.black_hole()
    client.sendall(b"hello")
    time.sleep(SHORT_SECONDS)
    proxy.cut(reset=True)
    with pytest.raises(ConnectionResetError):
        client.recv(1)
    proxy.accept()
    with connect(proxy) as another:
        assert ask(another, b"again") == b"again"
    assert echo.heard == b"again"


def test_cut_before_a_pattern_the_server_never_sees_it(proxy: Proxy, echo: Echo, client: socket.socket) -> None:
    cut = proxy.cut_at(Cut(b"COMMIT", after=False))
    assert ask(client, b"hello") == b"hello"
    with pytest.raises(ConnectionResetError):
        ask(client, b"COMMIT")
    assert cut.done.wait(SECONDS_MAX)
    assert echo.heard == b"hello"


def test_cut_after_a_pattern_the_server_acts_and_its_answer_is_lost(
    proxy: Proxy, echo: Echo, client: socket.socket
) -> None:
    cut = proxy.cut_at(Cut(b"COMMIT", after=True))
    with pytest.raises(ConnectionResetError):
        ask(client, b"COMMIT")
    assert cut.done.wait(SECONDS_MAX)
    assert echo.heard == b"COMMIT"


def test_the_nth_time_counts_on_all_connections(proxy: Proxy, client: socket.socket) -> None:
    proxy.cut_at(Cut(b"COMMIT", after=False, nth=3))
    assert ask(client, b"COMMIT") == b"COMMIT"
    with connect(proxy) as another:
        assert ask(another, b"COMMIT") == b"COMMIT"
        with pytest.raises(ConnectionResetError):
            ask(another, b"COMMIT")
    assert ask(client, b"COMMIT") == b"COMMIT"


def test_a_pattern_may_come_in_two_parts(proxy: Proxy, client: socket.socket) -> None:
    proxy.cut_at(Cut(b"COMMIT", after=False))
    assert ask(client, b"COM") == b"COM"
    with pytest.raises(ConnectionResetError):
        ask(client, b"MIT")


def test_a_pattern_may_wait_for_another_on_the_same_connection(proxy: Proxy, client: socket.socket) -> None:
    proxy.cut_at(Cut(b"COMMIT", after=False, armed_by=b"INSERT"))
    assert ask(client, b"SELECT") == b"SELECT"
    assert ask(client, b"COMMIT") == b"COMMIT"
    assert ask(client, b"INSERT") == b"INSERT"
    with pytest.raises(ConnectionResetError):
        ask(client, b"COMMIT")


def test_a_cut_that_is_forgotten_does_nothing(proxy: Proxy, client: socket.socket) -> None:
    proxy.forget(proxy.cut_at(Cut(b"COMMIT", after=False)))
    assert ask(client, b"COMMIT") == b"COMMIT"
