"""The system under test as real processes, each behind proxies of its own and ended by its id."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from sqlalchemy import make_url

from deploy.commands import BEAT as BEAT_COMMAND
from deploy.commands import BOOKING, WORKER
from lab.ports import free_port
from lab.processes import end, end_group, launch
from lab.waiting import holds_within, wait_for
from tests.faults.campaign.orders import Orders
from tests.faults.campaign.pointed import CLOCK_SECONDS, MUTATION, ORDERS_FOLDER
from tests.faults.campaign.proxy import LoopThread, Proxy
from tests.faults.campaign.tokens import SECRET, TOKENS

READY_SECONDS_MAX = 60
LIVE_SECONDS_MAX = 5
STOP_SECONDS_MAX = 90
APIS = ("api0", "api1")
WORKERS = ("worker0", "worker1")
BEAT = "beat"
SECOND_BEAT = "beat-again"
LAUNCHER = "tests.faults.campaign.pointed"


@dataclass
class Slot:
    """The place of one process: how it is started, and the one that runs there now."""

    name: str
    arguments: tuple[str, ...]
    environment: dict[str, str]
    orders: Orders
    port: int | None = None
    process: subprocess.Popen[bytes] | None = None
    groups: list[int] = field(default_factory=list)  # of all that were started here: a killed worker leaves children

    @property
    def is_alive(self) -> bool:
        return self.process is not None and self.process.poll() is None


class System:
    """API processes, workers and beat around a database and a Redis."""

    def __init__(self, folder: Path, database_url: str, redis_port: int, environment: Mapping[str, str]) -> None:
        """Prepare to run on the migrated database; ``environment`` overrides the settings."""
        self.folder = folder
        self._proxies = LoopThread()
        url = make_url(database_url)
        target = (url.host or "127.0.0.1", url.port or 3306)
        redis = ("127.0.0.1", redis_port)
        self.database_proxies = {name: Proxy(self._proxies, target) for name in (*APIS, "workers")}
        self.redis_proxies = {name: Proxy(self._proxies, redis) for name in ("apis", "workers")}
        self._open_proxies = self.proxies()
        self._url = url.set(host="127.0.0.1").update_query_dict({"ssl_disabled": "true"})
        tokens = {
            "ALGORITHM": TOKENS.algorithm,
            "SECRET_KEY": SECRET,
            "TOKEN_ISSUER": TOKENS.issuer,
            "TOKEN_AUDIENCE": TOKENS.audience,
        }
        self._settings = {**tokens, "LOG_LEVEL": "WARNING", "RATE_LIMITS": "off", **environment}
        self.slots: dict[str, Slot] = {}
        for name in APIS:
            self._add_api(name)
        for name in WORKERS:
            self._add(name, "workers", (*WORKER, "-n", f"{name}@%h"))
        for name in (BEAT, SECOND_BEAT):
            self._add(name, "workers", BEAT_COMMAND)

    def start(self, *names: str, extra: Mapping[str, str] | None = None) -> None:
        """Start those that do not run, with ``extra`` environment, and wait until API processes are ready."""
        for slot in (self.slots[name] for name in names):
            if slot.is_alive:
                continue
            _, *what = slot.arguments  # without its own -m
            command = [sys.executable, "-m", LAUNCHER, *what]
            slot.process = launch(command, self.log(slot.name), {**slot.environment, **(extra or {})}, apart=True)
            slot.groups.append(slot.process.pid)
        for name in names:
            self.wait_ready(name)

    def wait_ready(self, name: str) -> None:
        """Wait until an API process answers, whatever its database does; for others do not wait."""
        slot = self.slots[name]
        if slot.port is not None:
            wait_for(lambda: _lives(slot.port or 0) or not slot.is_alive, f"{name} is ready", READY_SECONDS_MAX)

    def kill(self, name: str, how: signal.Signals = signal.SIGKILL) -> None:
        """Send ``how`` to a process, wait for its end, then end what it left behind, as a container's end would."""
        slot = self.slots[name]
        if slot.process is None:
            return
        slot.process.send_signal(how)
        if not holds_within(STOP_SECONDS_MAX, lambda: not slot.is_alive):
            msg = f"{name} did not end within {STOP_SECONDS_MAX} s of {how.name}"
            raise TimeoutError(msg)
        self.sweep_up(name)

    def wait_dead(self, name: str, seconds_max: float) -> bool:
        """Wait until a process has ended by itself."""
        return holds_within(seconds_max, lambda: not self.slots[name].is_alive)

    def sweep_up(self, name: str) -> None:
        """End the groups of processes that ran in a slot and whose leader is dead."""
        slot = self.slots[name]
        for group in list(slot.groups):
            if slot.process is not None and slot.process.pid == group and slot.is_alive:
                continue
            end_group(group)
            slot.groups.remove(group)

    def stop(self) -> None:
        """End everything; again is no harm."""
        end([slot.process for slot in self.slots.values() if slot.process is not None], STOP_SECONDS_MAX)
        for name in self.slots:
            self.sweep_up(name)
        while self._open_proxies:
            self._open_proxies.pop().close()
        self._proxies.close()

    def proxies(self) -> list[Proxy]:
        """List all proxies."""
        return [*self.database_proxies.values(), *self.redis_proxies.values()]

    def log(self, name: str) -> Path:
        """Name the file to which a process writes."""
        return self.folder / f"{name}.log"

    def ports(self, names: Iterable[str] = APIS) -> list[int]:
        """List where the API processes answer."""
        return [slot.port for name in names if (slot := self.slots[name]).port is not None]

    def _add_api(self, name: str) -> None:
        port = free_port()
        self._add(name, name, BOOKING, BOOKING_PORT=str(port))
        self.slots[name].port = port

    def _add(self, name: str, database_proxy: str, arguments: tuple[str, ...], **extra: str) -> None:
        database = self._url.set(port=self.database_proxies[database_proxy].port)
        redis = self.redis_proxies["apis" if name in APIS else "workers"]
        orders = Orders(self.folder / "orders" / name)
        environment = {
            **os.environ,
            "BOOKING_DATABASE_URL": database.render_as_string(hide_password=False),
            "REDIS_URL": f"redis://127.0.0.1:{redis.port}/0",
            ORDERS_FOLDER: str(orders.folder),
            CLOCK_SECONDS: "0",
            MUTATION: "",
            **self._settings,
            **extra,
        }
        self.slots[name] = Slot(name, arguments, environment, orders)


def _lives(port: int) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=LIVE_SECONDS_MAX)
    try:
        connection.request("GET", "/health/live")
        return connection.getresponse().status == HTTPStatus.OK
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
