"""Sockets of our own: what an address means, and whose fault it is when it cannot be listened on."""

import socket
from contextlib import ExitStack, closing

import pytest

from lab.ports import free_port
from shared.http.listening import CannotListenError, bind

HERE = ("127.0.0.1", "::1")
FOR_DOCUMENTATION = "203.0.113.1"  # RFC 5737: no machine's
SECONDS_MAX = 10


def listening(host: str, port: int) -> ExitStack:
    stack = ExitStack()
    for listener in bind(host, port, host_variable="LISTEN_HOST", port_variable="A_PORT"):
        stack.enter_context(closing(listener)).listen()
    return stack


def reached(port: int) -> set[str]:
    found = set()
    for host in HERE:
        try:
            socket.create_connection((host, port), timeout=SECONDS_MAX).close()
        except ConnectionRefusedError:
            continue
        found.add(host)
    return found


@pytest.mark.parametrize(
    ("host", "where"),
    [
        ("127.0.0.1", {"127.0.0.1"}),
        ("::1", {"::1"}),
        ("::", set(HERE)),
        ("0.0.0.0", {"127.0.0.1"}),  # noqa: S104  what it means is the question
    ],
)
def test_an_address_is_reached_where_it_says(host: str, where: set[str]) -> None:
    port = free_port()
    with listening(host, port):
        assert reached(port) == where


def test_a_name_is_reached_at_each_of_its_addresses() -> None:
    port = free_port()
    named = {str(address[0]) for *_, address in socket.getaddrinfo("localhost", port, type=socket.SOCK_STREAM)}
    with listening("localhost", port):
        assert reached(port) == named & set(HERE)


def test_nobody_is_let_in_before_it_is_listened() -> None:
    port = free_port()
    (bound,) = bind("127.0.0.1", port, host_variable="LISTEN_HOST", port_variable="A_PORT")
    with closing(bound):
        assert reached(port) == set()


@pytest.mark.parametrize("host", ["127.0.0.1", "::", "localhost"])
def test_a_port_in_use_is_the_ports_fault(host: str) -> None:
    port = free_port()
    with listening("127.0.0.1", port), pytest.raises(CannotListenError, match=f"^A_PORT: .*{port}.*already running"):
        bind(host, port, host_variable="LISTEN_HOST", port_variable="A_PORT")


def test_a_port_that_was_just_given_up_is_free() -> None:
    port = free_port()
    with listening("127.0.0.1", port):
        near = socket.create_connection(("127.0.0.1", port), timeout=SECONDS_MAX)
    near.close()
    with listening("127.0.0.1", port):
        assert reached(port) == {"127.0.0.1"}


@pytest.mark.parametrize("host", [FOR_DOCUMENTATION, "2001:db8::1", "no-such-name.invalid", "x" * 64])
def test_an_address_that_is_not_here_is_the_addresss_fault(host: str) -> None:
    with pytest.raises(CannotListenError, match=f"^LISTEN_HOST: {host} "):
        bind(host, free_port(), host_variable="LISTEN_HOST", port_variable="A_PORT")
