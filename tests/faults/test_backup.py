"""A backup taken while bookings come and are settled, and a recovery up to the moment before a mistake.

The commands are those of docs/operating.md, on a MySQL of the test's own.
"""

import re
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pymysql
import pytest
from sqlalchemy import Row, select

from booking_service.domain import catalogue
from booking_service.domain.audit import audit
from booking_service.domain.catalogue import EventState, NewEvent
from booking_service.domain.models import Booking, Stock
from booking_service.migrations import MIGRATIONS
from shared.clock import utc_now
from shared.database.migrations import upgrade
from shared.database.units import Database
from tests.faults.campaign.database_server import DatabaseServer, NoServerError, preferred
from tests.fixtures.bookings import LANES, NOW, STARTS_AT, accept, new_booking, settle
from tests.fixtures.databases import settings
from tests.fixtures.servers import MYSQL, missing, wait_until

SEATS = 150  # fewer than are asked for
BATCH = 20
BATCHES_BETWEEN = 5
POSITION = re.compile(r"SOURCE_LOG_FILE='(?P<file>[^']+)', SOURCE_LOG_POS=(?P<position>\d+)")
MISTAKE = "DROP TABLE bookings"
MISTAKE_IN_LOG = re.compile(r"^# at (\d+)\n(?:(?!# at ).*\n)*?DROP TABLE `bookings`", re.MULTILINE)

Rows = Sequence[Row[tuple[object, ...]]]


@pytest.fixture
def servers_of_its_own(tmp_path: Path) -> Iterator[list[DatabaseServer]]:
    try:
        preferred([MYSQL])
    except NoServerError as error:
        missing(str(error))
    with ExitStack() as stack:
        servers = []
        for name in ("before", "after"):
            (tmp_path / name).mkdir()
            server = DatabaseServer(MYSQL, tmp_path / name)
            stack.callback(server.remove)
            server.start()
            servers.append(server)
        yield servers


@dataclass
class Sales:
    """Bookings that are accepted and settled, batch after batch, while the rest happens."""

    database: Database
    event: EventState
    batches: int = 0

    @contextmanager
    def going_on(self) -> Iterator[None]:
        ending = threading.Event()

        def sell() -> None:
            while not ending.is_set():
                accept(self.database, *(new_booking(self.event) for _ in range(BATCH)))
                settle(self.database, self.event)
                self.batches += 1

        thread = threading.Thread(target=sell)
        thread.start()
        try:
            self.until_more()
            yield
            self.until_more()
        finally:
            ending.set()
            thread.join()

    def until_more(self) -> None:
        goal = self.batches + BATCHES_BETWEEN
        wait_until(lambda: self.batches >= goal, "bookings are settled")


def opened(server: DatabaseServer) -> Database:
    return Database.connect(f"{server.url}/booking", settings(), pool_size=3)


def stored(database: Database) -> tuple[Rows, Rows]:
    bookings, stock = select(*Booking.__table__.c).order_by(Booking.id), select(*Stock.__table__.c)
    return database.read(lambda c: (c.execute(bookings).all(), c.execute(stock).all()))


def run(server: DatabaseServer, program: str, *arguments: str, into: Path, fed: Path | None = None) -> None:
    with into.open("wb") as output, (fed or Path("/dev/null")).open("rb") as given:
        subprocess.run([*server.program(program), *arguments], check=True, stdin=given, stdout=output)


def test_a_dump_and_the_binary_log_bring_back_all_before_a_mistake(
    servers_of_its_own: list[DatabaseServer], tmp_path: Path
) -> None:
    before, after = servers_of_its_own
    execute(before, "CREATE DATABASE booking")
    database = opened(before)
    upgrade(database, MIGRATIONS)
    create = partial(catalogue.create_event, new=NewEvent("E", "V", STARTS_AT, SEATS), lanes=LANES, now=NOW)
    sales = Sales(database, database.write(create, repeat_lost=False))
    dump, log, changes = tmp_path / "backup.sql", tmp_path / "log.txt", tmp_path / "changes.sql"

    with sales.going_on():
        options = ["--single-transaction", "--source-data=2", "--set-gtid-purged=OFF", "--hex-blob"]
        run(before, "mysqldump", *login(before), *options, "--databases", "booking", into=dump)
        execute(before, "FLUSH BINARY LOGS")  # what comes after the dump is in several files
    expected = stored(database)
    assert len(expected[0]) > SEATS  # sold out, after the dump or before
    execute(before, f"USE booking; {MISTAKE}")
    database.close()

    began = POSITION.search(dump.read_text())
    assert began is not None
    files = before.binary_logs(began["file"])
    run(before, "mysqlbinlog", files[-1], into=log)
    mistake = MISTAKE_IN_LOG.search(log.read_text())
    assert mistake is not None
    positions = [f"--start-position={began['position']}", f"--stop-position={mistake[1]}"]
    run(before, "mysqlbinlog", "--skip-gtids", *positions, *files, into=changes)

    run(after, "mysql", *login(after), fed=dump, into=log)
    recovered = opened(after)
    assert len(stored(recovered)[0]) < len(expected[0])
    run(after, "mysql", *login(after), fed=changes, into=log)
    assert stored(recovered) == expected
    assert recovered.read(partial(audit, now=utc_now(), overdue=None)) == []
    upgrade(recovered, MIGRATIONS)  # the version came along: there is nothing to do
    recovered.close()


def login(server: DatabaseServer) -> list[str]:
    return ["--no-defaults", "--host=127.0.0.1", f"--port={server.port}", "--user=root"]


def execute(server: DatabaseServer, statements: str) -> None:
    connection = pymysql.connect(host="127.0.0.1", port=server.port, user="root")
    with connection, connection.cursor() as cursor:
        for statement in statements.split("; "):
            cursor.execute(statement)
