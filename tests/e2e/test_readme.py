"""README's commands, run as a newcomer runs them: in a fresh copy of the repository, from an empty folder."""

import os
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import create_engine, text

from lab.ports import free_port
from lab.processes import REPOSITORY
from tests.fixtures.checkout import copy_repository
from tests.fixtures.servers import Servers, wait_until

README = (REPOSITORY / "README.md").read_text()
BLOCKS = re.findall(r"^```sh\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
RUN, TEST, ADDRESSES, EXAMPLE, ON_MYSQL, *COMPOSE = BLOCKS
INSTALL_SECONDS_MAX = 300
STOP_SECONDS_MAX = 60
# What may stand in the environment of whoever runs the tests, and would not in a newcomer's.
NOT_A_NEWCOMERS = ("AUTH_DATABASE_URL", "BOOKING_DATABASE_URL", "DATABASE_URL", "REDIS_URL", "VIRTUAL_ENV", "MAKEFLAGS")


class Newcomer:
    """A fresh copy of the repository and a terminal in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = copy_repository(folder)
        self.auth_port, self.booking_port = str(free_port()), str(free_port())

    def environment(self, **more: str) -> dict[str, str]:
        clean = {name: value for name, value in os.environ.items() if name not in NOT_A_NEWCOMERS}
        return clean | {"AUTH_PORT": self.auth_port, "BOOKING_PORT": self.booking_port} | more

    def start(self, block: str) -> subprocess.Popen[str]:
        """Run a block that ends with `make run`, and wait until it says what to do next."""
        with (self.folder / "terminal").open("w") as terminal:
            process = subprocess.Popen(
                ["sh", "-ec", block.replace("make run", "exec make run")],
                cwd=self.folder,
                env=self.environment(),
                stdout=terminal,
                stderr=terminal,
                text=True,
                start_new_session=True,
            )
        wait_until(
            lambda: "Ctrl-C stops" in self.said() or process.poll() is not None,
            "make run is ready",
            INSTALL_SECONDS_MAX,
        )
        assert process.poll() is None, self.said()
        return process

    def said(self) -> str:
        return (self.folder / "terminal").read_text()

    def paste_example(self) -> str:
        """Fill in the addresses and the login that `make run` printed, paste the example; return its last line."""
        password = re.search(r"^ADMIN_PASSWORD='(.*)'$", self.said(), re.MULTILINE)
        assert password is not None
        addresses = (
            ADDRESSES.replace("8001", self.auth_port).replace("8002", self.booking_port).replace("…", password[1])
        )
        shell = subprocess.run(
            ["sh", "-ec", addresses + EXAMPLE],
            cwd=self.folder,
            env=self.environment(),
            capture_output=True,
            text=True,
            check=True,
        )
        return shell.stdout.splitlines()[-1]

    def press_ctrl_c(self, process: subprocess.Popen[str]) -> int:
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to make and to what it runs
        return process.wait(STOP_SECONDS_MAX)


@pytest.fixture(scope="module")
def newcomer(tmp_path_factory: pytest.TempPathFactory) -> Newcomer:
    return Newcomer(tmp_path_factory.mktemp("newcomer"))


@pytest.fixture
def on_mysql(servers: Servers) -> Iterator[str]:
    """README's block for real servers, with addresses that exist here."""
    server, redis = servers.mysql(), servers.redis()
    names = [f"readme_{uuid4().hex}" for _ in range(2)]
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for name in names:
            connection.execute(text(f"CREATE DATABASE {name}"))
        block = ON_MYSQL.replace("redis://127.0.0.1:6379/0", redis)
        for name, placeholder in zip(names, ("auth", "booking"), strict=True):
            block = block.replace(f"mysql+pymysql://user:password@127.0.0.1:3306/{placeholder}", f"{server}/{name}")
        yield block
        for name in names:
            connection.execute(text(f"DROP DATABASE {name}"))
    engine.dispose()


@pytest.mark.timeout(600)
def test_make_run_and_the_example_work_from_a_fresh_copy(newcomer: Newcomer) -> None:
    process = newcomer.start(RUN)
    try:
        assert '"status":"confirmed"' in newcomer.paste_example()
    finally:
        newcomer.press_ctrl_c(process)


@pytest.mark.timeout(600)
def test_the_same_command_runs_on_real_servers(newcomer: Newcomer, on_mysql: str) -> None:
    process = newcomer.start(on_mysql)
    try:
        assert '"status":"confirmed"' in newcomer.paste_example()
    finally:
        newcomer.press_ctrl_c(process)


def test_readme_shows_the_example_that_make_run_prints() -> None:
    assert (REPOSITORY / "deploy/example.sh").read_text() == EXAMPLE


def test_ci_runs_the_tests_with_the_command_of_readme() -> None:
    assert TEST.strip() in (REPOSITORY / ".ci/run").read_text().splitlines()


def test_the_container_commands_are_those_that_make_compose_test_takes_from_readme() -> None:
    commands = [line for block in COMPOSE for line in block.splitlines()]
    assert commands
    assert all(command.startswith("docker compose ") for command in commands)
    assert "grep '^docker compose ' README.md" in (REPOSITORY / "deploy/compose/try-out").read_text()
