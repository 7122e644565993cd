"""Publishing through Celery to brokers that are away, mute or mad: always over within its bound."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from booking_service.wake.flags import LaneFlags
from booking_service.wake.messages import BROKER_ERRORS, LanePublisher
from tests.fixtures.names import given

TIMEOUT_SECONDS = 0.2
# Connecting and asking may each take the timeout; a busy machine may take a lot longer still. Celery's own defaults
# would wait for ever.
BOUND_SECONDS = 5.0

Serve = Callable[[Callable[[socket.socket], None]], str]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """A server that does the same with each connection, and its URL."""
    with ExitStack() as open_sockets:

        def start(treat: Callable[[socket.socket], None]) -> str:
            listener = open_sockets.enter_context(socket.create_server(("127.0.0.1", 0)))

            def accept() -> None:
                while True:
                    try:
                        connection, _ = listener.accept()
                    except OSError:
                        return
                    open_sockets.push(connection)
                    treat(connection)

            thread = threading.Thread(target=accept, daemon=True)
            thread.start()
            open_sockets.callback(thread.join, BOUND_SECONDS)
            open_sockets.callback(listener.shutdown, socket.SHUT_RDWR)
            return f"redis://127.0.0.1:{listener.getsockname()[1]}/0"

        yield start


def say_nothing(_: socket.socket) -> None: ...


def hang_up(connection: socket.socket) -> None:
    connection.close()


def talk_nonsense(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")


def assert_bounded(url: str) -> None:
    publisher = LanePublisher.connect(url, given, timeout_seconds=TIMEOUT_SECONDS)
    flags = LaneFlags.connect(url, given, expiry_seconds=1, timeout_seconds=TIMEOUT_SECONDS)
    attempts: list[Callable[[], object]] = [
        lambda: publisher.publish([1]),
        lambda: publisher.publish([1, 2]),
        lambda: publisher.publish([1], swept=True),
        lambda: flags.take([1]),
        lambda: flags.renew([1]),
        lambda: flags.clear([1]),
        lambda: flags.clear_overlong([1]),
        flags.ping,
        publisher.sweep,
        publisher.waiting,
        publisher.ping,
    ]
    for attempt in attempts:
        started_at = time.monotonic()
        with pytest.raises(BROKER_ERRORS):
            attempt()
        assert time.monotonic() - started_at < BOUND_SECONDS
    publisher.celery.close()
    flags.close()


def test_a_broker_that_is_away_is_an_error_at_once() -> None:
    assert_bounded("redis://127.0.0.1:1/0")


@pytest.mark.parametrize("treat", [say_nothing, hang_up, talk_nonsense])
def test_a_broker_that_does_not_answer_as_it_should_is_an_error_in_time(
    serve: Serve, treat: Callable[[socket.socket], None]
) -> None:
    assert_bounded(serve(treat))
