"""Real processes among what shells, machines and other programs set: docs/decisions/0012-surroundings.md."""

import os
import pty
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from tests.deploy.embedded import REPOSITORY, STOP_SECONDS_MAX, Embedded
from tests.deploy.linux import is_alive
from tests.fixtures.clients import admin, new_user
from tests.fixtures.processes import System
from tests.fixtures.servers import SQLITE, wait_until

START_SECONDS_MAX = 150
NOBODY = "127.0.0.1:1"
OF_ANOTHER_PROJECT = {
    "CELERY_BROKER_URL": f"redis://{NOBODY}/0",
    "CELERY_BROKER_READ_URL": f"redis://{NOBODY}/0",
    "CELERY_BROKER_WRITE_URL": f"redis://{NOBODY}/0",
    "CELERY_RESULT_BACKEND": f"redis://{NOBODY}/1",
    "CELERY_CONFIG_MODULE": "another.project.celeryconfig",
    "CELERY_LOADER": "another.project:Loader",
    "CELERY_WORKER_QUEUES": "of,another,project",
    "CELERY_WORKER_POOL": "nonsense",
    "CELERY_BEAT_SCHEDULER": "another.project:Scheduler",
    "BROKER_URL": f"redis://{NOBODY}/0",
    "CONFIG_MODULE": "another.project.celeryconfig",
    "DJANGO_SETTINGS_MODULE": "another.project.settings",
}
OF_THE_MACHINE = {
    "HTTP_PROXY": f"http://{NOBODY}",
    "HTTPS_PROXY": f"http://{NOBODY}",
    "ALL_PROXY": f"socks5://{NOBODY}",
    "http_proxy": f"http://{NOBODY}",
    "all_proxy": f"socks5://{NOBODY}",
    "NO_PROXY": "[::1, 10.0.0.0/8, *.",
    "SSL_CERT_FILE": "/nowhere/ca.pem",
    "SSL_CERT_DIR": "/nowhere",
    "SSLKEYLOGFILE": "/nowhere/keys",
    "OPENSSL_CONF": "/nowhere/openssl.cnf",
    "NETRC": "/nowhere/netrc",
    "HOST": "x86_64-conda-linux-gnu",
    "PORT": "80",
    "DEBUG": "release",
    "LOG_LEVEL": "info",
    "WEB_CONCURRENCY": "auto",
    "UVICORN_PORT": "1",
    "TZ": "Nowhere/Land",
    "X%(odd)s": "%(program_name)s %",
}
# Read as an interpreter or a library starts: no process can undo that for itself; `make run` does for those it starts.
AT_START = {
    "PYTHONWARNINGS": "error",
    "PYTHONIOENCODING": "ascii:strict",
    "PYTHONOPTIMIZE": "2",
    "PASSLIB_MAX_PASSWORD_SIZE": "few",
    "CELERY_WORKER_REVOKES_MAX": "many",
    "CELERY_WORKDIR": "/",
    "PICKLE_PROTOCOL": "newest",
}
STRANGE = "dätä 100% \"q\" 'x' $HOME: y"  # each of these means something to make, a shell, supervisor or a URL


@pytest.fixture
def database_kind() -> str:
    """One kind is enough: nothing here depends on it."""
    return SQLITE


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / STRANGE
    folder.mkdir()
    return folder


@pytest.mark.timeout(300)
def test_bookings_settle_whatever_is_set_for_others_and_whoever_stops_reading(folder: Path) -> None:
    embedded = Embedded(folder / "data", **OF_ANOTHER_PROJECT, **OF_THE_MACHINE, **AT_START)
    launcher = subprocess.Popen(
        [sys.executable, "-m", "deploy.embedded"], cwd=REPOSITORY, env=embedded.environment, stdout=subprocess.PIPE
    )
    assert launcher.stdout is not None
    try:
        said = launcher.stdout.readline().decode()
        assert {"CELERY_BROKER_URL", "HOST"} <= set(re.findall(r"\w+", said))
        assert launcher.stdout.readline() == b"Starting \\u2026\n"  # what its character set lacks
        launcher.stdout.close()  # as `make run | head -2` does
        wait_until(lambda: embedded.lacks_nothing or launcher.poll() is not None, "all is ready", START_SECONDS_MAX)
        user = embedded.register()
        assert embedded.status(user, embedded.book(user, embedded.create_event(1))) == "confirmed"
    finally:
        launcher.send_signal(signal.SIGINT)
        assert launcher.wait(STOP_SECONDS_MAX) == 0
    logs = "".join(log.read_text() for log in (folder / "data" / "logs").glob("*.log"))
    assert "Traceback" not in logs


def test_processes_that_are_started_by_hand_keep_to_our_variables(system: System) -> None:
    system.environment.update(OF_ANOTHER_PROJECT | OF_THE_MACHINE)
    system.start_auth()
    system.start_booking()
    system.start_worker()
    system.start_beat()
    ada = new_user(system, "ada@example.com")
    assert ada.outcome(ada.book(admin(system).create_event(seats=1)))["status"] == "confirmed"
    wait_until(system.hears_workers, "beat and the worker are heard")
    assert all("Traceback" not in system.log(name) for name in system.processes)


class Checkout:
    """A copy of the repository with a virtual environment that needs no installing, and `make` in a terminal."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "check out"
        self.folder.mkdir()
        for name in ("auth_service", "booking_service", "worker", "shared", "deploy"):
            (self.folder / name).symlink_to(REPOSITORY / name)
        for name in ("Makefile", "requirements.lock"):
            shutil.copy(REPOSITORY / name, self.folder)
        self.venv = _virtual_environment(folder.parent)
        self.embedded = Embedded(self.folder / ".data", LISTEN_HOST="::", PYTHONSAFEPATH="1", LC_ALL="C")
        self.output = b""

    def make_run(self, *prefix: str) -> tuple[int, int]:
        """Start `make run` from another folder, as the leader of a session with a terminal; return its id and that."""
        command = [*prefix, "make", "-f", str(self.folder / "Makefile"), "run", f"VENV={self.venv}"]
        environment = {name: value for name, value in self.embedded.environment.items() if not name.startswith("MAKE")}
        environment.pop("DATA_DIR")
        pid, terminal = pty.fork()
        if pid == 0:
            signal.signal(signal.SIGHUP, signal.SIG_DFL)  # the tests themselves may run under nohup
            os.chdir("/")
            os.execvpe(command[0], command, environment)  # noqa: S606  no shell: the arguments are a list
        os.set_blocking(terminal, False)

        def said_or_died() -> bool:
            return b"Ctrl-C stops" in self._read(terminal) or not is_alive(pid)

        wait_until(said_or_died, "make run is ready", START_SECONDS_MAX)
        assert b"Ctrl-C stops" in self.output, self.output.decode(errors="replace")
        return pid, terminal

    def _read(self, terminal: int) -> bytes:
        with suppress(OSError):
            while more := os.read(terminal, 65_536):
                self.output += more
        return self.output


def _virtual_environment(folder: Path) -> Path:
    """Make one that shares its packages with the one that runs the tests, in which nothing is left to install."""
    venv = folder / "venv"
    (venv / "bin").mkdir(parents=True)
    (venv / "bin" / "python").symlink_to(Path(sys.executable).resolve())
    (venv / "lib").symlink_to(Path(sys.prefix) / "lib")
    shutil.copy(Path(sys.prefix) / "pyvenv.cfg", venv)
    (venv / "run.stamp").touch()
    return venv


@pytest.fixture
def checkout(folder: Path) -> Iterator[Checkout]:
    checkout = Checkout(folder)
    yield checkout
    launcher = _launcher_of(checkout)
    if launcher:
        os.kill(launcher, signal.SIGKILL)  # what it runs is tied to it


def _launcher_of(checkout: Checkout) -> int | None:
    own = str(checkout.embedded.ports["AUTH_PORT"]).encode()
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            words = (process / "cmdline").read_bytes().split(b"\0")
            if words[1:3] == [b"-m", b"deploy.embedded"] and b"AUTH_PORT=" + own in (process / "environ").read_bytes():
                return int(process.name)
    return None


@pytest.mark.timeout(300)
def test_a_closed_terminal_stops_everything_that_make_started_from_a_strange_place(checkout: Checkout) -> None:
    make, terminal = checkout.make_run()
    launcher = _launcher_of(checkout)
    assert launcher is not None
    answers = [httpx.get(f"http://{host}/health/ready").status_code for host in _everywhere(checkout)]
    assert answers == [200] * 4
    assert f"http://localhost:{checkout.embedded.ports['AUTH_PORT']}".encode() in checkout.output

    os.close(terminal)

    wait_until(lambda: not is_alive(launcher), "the launcher is gone", STOP_SECONDS_MAX)
    wait_until(lambda: not is_alive(make), "make is gone", STOP_SECONDS_MAX)
    os.waitpid(make, 0)
    with pytest.raises(httpx.TransportError):
        httpx.get(f"{checkout.embedded.auth}/health/live")


def _everywhere(checkout: Checkout) -> list[str]:
    return [f"{host}:{port}" for host in ("127.0.0.1", "[::1]") for port in checkout.embedded.ports.values()]
