"""What `make run` waits for before it says Ready, and what it says instead."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from deploy.embedded import service
from deploy.embedded.banner import missing_parts
from lab.ports import free_port


@contextmanager
def answering(status: int, body: bytes) -> Iterator[str]:
    """Answer each request so, at the address that is given."""

    class Service(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Service) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("status", "body", "missing"),
    [
        (200, b'{"dependencies": {"database": "ok", "workers": "ok"}}', {}),
        # Bookings of an earlier run may wait: they are being settled.
        (200, b'{"dependencies": {"workers": "ok", "settlement": "overdue"}}', {}),
        (200, b'{"dependencies": {"redis": "ok", "workers": "not heard"}}', {"workers": "not heard"}),
        (503, b'{"dependencies": {"database": "unavailable", "keys": "ok"}}', {"database": "unavailable"}),
        # Somebody else's port.
        (404, b"<html>", {"an answer": "none"}),
        (200, b"[]", {"an answer": "none"}),
    ],
)
def test_what_a_service_lacks_is_what_it_says(status: int, body: bytes, missing: dict[str, str]) -> None:
    with answering(status, body) as address:
        assert service.missing(address) == missing


def test_a_service_that_does_not_run_has_no_answer() -> None:
    assert service.missing(f"http://127.0.0.1:{free_port()}") == {"an answer": "none"}


def test_each_part_that_did_not_come_up_is_named_with_its_log() -> None:
    missing = {"auth": {"database": "unavailable"}, "booking": {"an answer": "none", "workers": "not heard"}}
    assert missing_parts(missing, Path("logs")).splitlines() == [
        "auth did not become ready: database: unavailable; see logs/auth.log",
        "booking did not become ready: an answer: none; see logs/booking.log",
        "booking did not become ready: workers: not heard; see logs/worker.log and logs/beat.log",
    ]
