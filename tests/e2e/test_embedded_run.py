"""The whole of `make run`, with its real processes."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy.embedded import REPOSITORY, STOP_SECONDS_MAX, Embedded
from tests.deploy.linux import is_alive
from tests.fixtures.servers import wait_until

SEATS = 100
ASKED = 10


@pytest.fixture
def embedded(tmp_path: Path) -> Iterator[Embedded]:
    embedded = Embedded(tmp_path / "data")
    yield embedded
    if embedded.launcher is not None and embedded.launcher.poll() is None:
        embedded.stop()


@pytest.mark.timeout(240)
def test_whatever_is_killed_comes_back_and_bookings_settle(embedded: Embedded) -> None:
    embedded.start()
    user = embedded.register()
    event_id = embedded.create_event(SEATS)
    booked = [embedded.book(user, event_id)]
    for name in ("auth", "booking", "worker", "pool-0", "beat", "broker", "supervisord"):
        embedded.kill(name)
        embedded.admin_token()
        booked.append(embedded.book(user, event_id))

    running = embedded.processes().values()
    assert embedded.stop() == 0
    assert not [pid for pid in running if is_alive(pid)]

    embedded.start()
    assert {embedded.status(user, booking_id) for booking_id in booked} == {"confirmed"}
    assert _audit(embedded).returncode == 0


def test_when_the_launcher_is_killed_nothing_is_left(embedded: Embedded) -> None:
    embedded.start()
    running = embedded.processes().values()
    embedded.stop(signal.SIGKILL)
    wait_until(lambda: not any(is_alive(pid) for pid in running), "all processes are gone", STOP_SECONDS_MAX)


@pytest.mark.timeout(240)
@pytest.mark.parametrize("name", ["worker", "beat"])
def test_ready_is_said_when_worker_and_beat_are_heard(embedded: Embedded, name: str) -> None:
    launcher = embedded.launch()
    wait_until(lambda: name in embedded.processes(), f"{name} is started")
    os.kill(frozen := embedded.processes()[name], signal.SIGSTOP)

    # Both services are ready, and yet nothing would be settled.
    wait_until(lambda: _asked(embedded) > ASKED or embedded.is_ready, "the launcher asks again and again")
    assert not embedded.is_ready
    assert launcher.poll() is None

    os.kill(frozen, signal.SIGCONT)
    wait_until(lambda: embedded.is_ready, "everything is ready")


def test_the_printed_example_books_a_seat_when_it_is_pasted_into_a_shell(embedded: Embedded) -> None:
    embedded.start()
    example = re.search(r"^AUTH=.*(?=^Ctrl-C)", embedded.output, re.MULTILINE | re.DOTALL)
    assert example is not None
    pasted = subprocess.run(["sh"], input=example.group(), text=True, capture_output=True, check=True)
    assert '"status":"confirmed"' in pasted.stdout.splitlines()[-1], pasted


def _asked(embedded: Embedded) -> int:
    """Count the times that the booking service had to say that it hears nobody."""
    log = embedded.data / "logs" / "booking.log"
    return log.read_text().count("workers: not heard") if log.exists() else 0


def _audit(embedded: Embedded) -> "subprocess.CompletedProcess[str]":
    command = ["-m", "deploy.embedded", "exec", sys.executable, "-m", "booking_service", "audit"]
    return subprocess.run([sys.executable, *command], cwd=REPOSITORY, env=embedded.environment, text=True, check=False)
