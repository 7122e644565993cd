"""`make run` as a test sees it: the launcher, the processes below it, and a client of the two services."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpx

from deploy.commands import DELIVERIES_APP
from deploy.embedded import service
from lab.ports import free_port
from tests.deploy.linux import children
from tests.fixtures.servers import wait_until

REPOSITORY = Path(__file__).resolve().parents[2]
HEAL_SECONDS_MAX = 30
STOP_SECONDS_MAX = 60
# What the caller of the tests may have set for other tests.
SERVERS = ("DATABASE_URL", "AUTH_DATABASE_URL", "BOOKING_DATABASE_URL", "REDIS_URL")
USER = {"name": "Ada", "email": "ada@example.com", "password": "a long password", "role": "user"}


class Embedded:
    """One data directory and, while it runs, the launcher that `make run` starts."""

    def __init__(self, data: Path, **variables: str) -> None:
        self.data = data
        self.variables = variables
        self.ports = {"AUTH_PORT": str(free_port()), "BOOKING_PORT": str(free_port())}
        self.auth, self.booking = (f"http://127.0.0.1:{port}" for port in self.ports.values())
        self.console = data.with_suffix(".console")
        self.launcher: subprocess.Popen[bytes] | None = None

    @property
    def environment(self) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if name not in SERVERS}
        return {**inherited, **self.ports, "DATA_DIR": str(self.data), **self.variables}

    @property
    def output(self) -> str:
        return self.console.read_text()

    def start(self) -> None:
        """Start, and wait until it says that everything is ready."""
        launcher = self.launch()
        wait_until(lambda: self.is_ready or launcher.poll() is not None, "everything is ready")
        assert launcher.poll() is None, self.output

    @property
    def is_ready(self) -> bool:
        return "Ctrl-C stops" in self.output

    def launch(self) -> "subprocess.Popen[bytes]":
        """Start, and do not wait."""
        with self.console.open("w") as console:
            self.launcher = launcher = subprocess.Popen(
                [sys.executable, "-m", "deploy.embedded"],
                cwd=REPOSITORY,
                env=self.environment,
                stdout=console,
                stderr=console,
            )
        return launcher

    @property
    def lacks_nothing(self) -> bool:
        """Ask the services themselves, for runs whose output nobody reads."""
        return not service.missing(self.auth) and not service.missing(self.booking)

    def stop(self, how: signal.Signals = signal.SIGINT) -> int:
        assert self.launcher is not None
        self.launcher.send_signal(how)
        return self.launcher.wait(STOP_SECONDS_MAX)

    def processes(self) -> dict[str, int]:
        """Return the id of each process by its name; those of the pool are `pool-0` and so on."""
        assert self.launcher is not None
        supervisors = children(self.launcher.pid)
        if len(supervisors) != 1:
            return {}
        running = {"supervisord": supervisors[0]}
        for pid in children(supervisors[0]):
            running[_name(pid)] = pid
        for number, pid in enumerate(children(running["worker"]) if "worker" in running else []):
            running[f"pool-{number}"] = pid
        return running

    def kill(self, name: str) -> None:
        """Send SIGKILL to the process called ``name`` and wait for its successor."""
        before = self.processes()
        os.kill(before[name], signal.SIGKILL)

        def healed() -> bool:
            now = self.processes()
            return now.keys() >= before.keys() and before[name] not in now.values()

        wait_until(healed, f"{name} is back", HEAL_SECONDS_MAX)

    def token(self, email: str, password: str) -> str:
        answer = self._insist(lambda: httpx.post(f"{self.auth}/login", json={"email": email, "password": password}))
        return str(answer.json()["access_token"])

    def admin_token(self) -> str:
        return self.token("admin@example.com", (self.data / "admin-password").read_text().strip())

    def register(self) -> str:
        self._insist(lambda: httpx.post(f"{self.auth}/users", json=USER))
        return self.token(USER["email"], USER["password"])

    def create_event(self, seats: int) -> int:
        event = {
            "event_name": "Opening night",
            "event_venue": "Main hall",
            "event_date": "2030-01-01T20:00:00Z",
            "event_availibility": seats,
        }
        headers = _bearer(self.admin_token())
        answer = self._insist(lambda: httpx.post(f"{self.booking}/events", json=event, headers=headers))
        return int(answer.json()["event_id"])

    def book(self, token: str, event_id: int) -> str:
        """Book a seat, wait until the booking is settled, and return its id."""
        address = f"{self.booking}/events/{event_id}/book?seats=1"
        booking_id = str(self._insist(lambda: httpx.post(address, headers=_bearer(token))).json()["booking_id"])
        wait_until(lambda: self.status(token, booking_id) != "pending", f"{booking_id} is settled", HEAL_SECONDS_MAX)
        return booking_id

    def status(self, token: str, booking_id: str) -> str:
        headers = {**_bearer(token), "Prefer": "wait=5"}
        answer = self._insist(lambda: httpx.get(f"{self.booking}/bookings/{booking_id}", headers=headers, timeout=10))
        return str(answer.json()["status"])

    @staticmethod
    def _insist(ask: Callable[[], httpx.Response]) -> httpx.Response:
        # A service that has just been killed refuses connections, or answers 503, until it is back.
        answers: list[httpx.Response] = []

        def answered() -> bool:
            try:
                answers.append(ask())
            except httpx.TransportError:
                return False
            return answers[-1].status_code < 500

        wait_until(answered, "the service answers", HEAL_SECONDS_MAX)
        assert answers[-1].is_success, answers[-1].text
        return answers[-1]


def _name(pid: int) -> str:
    command = Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")
    known = {"auth_service": "auth", "booking_service": "booking", "worker": "worker", "beat": "beat"}
    name = next((name for word, name in known.items() if word in command), "broker")
    return {"worker": "deliveries", "beat": "deliveries-beat"}[name] if DELIVERIES_APP in command else name


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}
