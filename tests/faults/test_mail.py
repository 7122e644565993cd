"""Mail when a worker is killed, the mail server hangs or is away, and Redis too: each arrives at least once."""

import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from lab.mysql import MYSQL
from lab.redis import RedisServer
from lab.server import NoServerError
from tests.deploy.linux import children
from tests.fixtures.clients import new_user
from tests.fixtures.mail_server import MailServer, mail_server
from tests.fixtures.mailed import variables_of
from tests.fixtures.processes import System
from tests.fixtures.servers import SQLITE, missing, wait_until

NOBODY = "nobody@example.com"
READERS = 5
DELIVERY_SECONDS_MAX = 20
# What may pass until a mail whose worker was killed is sent by another: the lease, and a start on a busy machine.
SECONDS_MAX = 90


@pytest.fixture(params=[SQLITE, MYSQL])
def database_kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    try:
        redis = RedisServer(tmp_path)
    except NoServerError as error:
        missing(f"this test kills a Redis of its own: {error}")
    with redis.running():
        yield redis


@pytest.fixture
def redis_url(redis: RedisServer) -> str:
    return redis.url


@pytest.fixture
def server() -> Iterator[MailServer]:
    with mail_server() as server:
        yield server


@pytest.fixture
def mailing(system: System, server: MailServer) -> System:
    system.environment |= variables_of(server) | {
        "DELIVERY_SECONDS_MAX": str(DELIVERY_SECONDS_MAX),
        "SMTP_TIMEOUT_SECONDS": "0.9",
    }
    system.start_auth()
    system.start_deliveries()
    system.start_deliveries_beat()
    return system


def ask(system: System, email: str) -> None:
    answer = system.http.post(f"{system.auth_url}/password-reset", json={"email": email})
    assert answer.status_code == 202, answer.text


@pytest.mark.timeout(300)
def test_each_mail_arrives_whoever_is_killed_or_away(mailing: System, server: MailServer, redis: RedisServer) -> None:
    readers = [f"reader{number}@example.com" for number in range(READERS)]
    for reader in readers:
        new_user(mailing, reader)

    # The worker dies, with those of its pool, while the server keeps it waiting for its answer.
    server.hangs = True
    ask(mailing, readers[0])
    wait_until(lambda: server.kept_waiting, "a mail is under way", SECONDS_MAX)
    pool = children(mailing.processes["deliveries"].pid)
    mailing.kill("deliveries")
    for pid in pool:
        with suppress(ProcessLookupError):  # it has noticed that its parent is gone
            os.kill(pid, signal.SIGKILL)
    assert server.taken == []
    server.hangs = False
    ask(mailing, readers[1])

    # Redis is away: mail is accepted, and sent when it is back.
    redis.kill()
    ask(mailing, readers[2])
    ask(mailing, NOBODY)
    redis.start()
    mailing.start_deliveries()

    # The mail server puts off, and loses connections behind the message.
    server.to_recipients += ["451 later", "450 later"]
    server.drops = 2
    for reader in readers[3:]:
        ask(mailing, reader)

    wait_until(lambda: set(server.recipients) >= set(readers), "each reader has got mail", SECONDS_MAX)
    assert NOBODY not in server.recipients
    ids = {str(message["Message-ID"]): str(message["To"]) for message in server.taken}
    assert sorted(ids.values()) == sorted(readers)  # what came twice has the id of the first
    assert mailing.run("-m", "auth_service", "outbox", "list").stdout == "no mail is failed\n"
