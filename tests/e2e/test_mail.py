"""Mail from a request to the reader's mailbox, by the real processes and over a real SMTP server."""

import re
from collections.abc import Iterator

import pytest

from lab.mysql import MYSQL
from tests.fixtures.clients import PASSWORD, log_in, new_user
from tests.fixtures.mail_server import MailServer, mail_server
from tests.fixtures.mailed import MAIL_TOKEN_SECRET, variables_of
from tests.fixtures.processes import System
from tests.fixtures.servers import SQLITE, wait_until

ADA, NEW_PASSWORD = "ada@example.com", "staple battery horse correct"
LINK_BASE = "https://tickets.example"


@pytest.fixture
def server() -> Iterator[MailServer]:
    with mail_server() as server:
        yield server


@pytest.fixture
def mailing(system: System, server: MailServer) -> System:
    """A system that sends mail to ``server``, and tries again at once."""
    system.environment |= variables_of(server) | {"MAIL_LINK_BASE": LINK_BASE}
    return system


def text_of(server: MailServer) -> str:
    body = server.taken[-1].get_body(("plain",))
    assert body is not None
    return str(body.get_content())


def token_in(server: MailServer, page: str) -> str:
    found = re.search(rf"^{LINK_BASE}/{page}#token=(\S+)\s", text_of(server), re.MULTILINE)
    assert found is not None, text_of(server)
    return found[1]


def ask(system: System, path: str, headers: dict[str, str], **body: str) -> None:
    answer = system.http.post(f"{system.auth_url}{path}", headers=headers, json=body or None)
    assert answer.status_code == 202, answer.text


def post(system: System, path: str, **body: str) -> int:
    return int(system.http.post(f"{system.auth_url}{path}", json=body).status_code)


@pytest.mark.parametrize("database_kind", [SQLITE, MYSQL])
def test_links_reach_their_readers_whatever_the_mail_server_does(mailing: System, server: MailServer) -> None:
    mailing.start_auth()
    ada = new_user(mailing, ADA)
    server.to_recipients = ["451 greylisted", "421 too busy"]
    ask(mailing, "/users/me/verification", ada.headers | {"Accept-Language": "de"})

    # The nudge waited in the queue for somebody to hear it; the next attempts are found by the sweep alone.
    mailing.start_deliveries()
    wait_until(lambda: len(server.to_recipients) == 1, "the mail is tried")
    assert server.taken == []
    mailing.start_deliveries_beat()
    wait_until(lambda: server.taken, "the mail arrives")
    assert server.taken[-1]["Subject"] == "Bestätigen Sie Ihre E-Mail-Adresse"
    token = token_in(server, "verify-email")
    assert post(mailing, "/verify-email", token=token) == 204
    assert mailing.http.get(f"{mailing.auth_url}/users/me", headers=ada.headers).json()["email_verified"]

    # The connection ends behind the message, and then the worker dies: it is sent again under the same id.
    server.drops = 1
    mailing.kill("deliveries")
    mailing.start_deliveries()
    ask(mailing, "/password-reset", {}, email=ADA)
    ask(mailing, "/password-reset", {}, email="nobody@example.com")
    wait_until(lambda: len(server.taken) == 3, "the mail arrives twice")
    assert server.taken[1]["Message-ID"] == server.taken[2]["Message-ID"]
    reset = token_in(server, "password-reset")
    assert post(mailing, "/password-reset/confirm", token=reset, password=NEW_PASSWORD) == 204
    wait_until(lambda: len(server.taken) == 4, "the owner is told")
    assert post(mailing, "/login", email=ADA, password=PASSWORD) == 401
    log_in(mailing, ADA, NEW_PASSWORD)

    assert server.recipients == [ADA] * 4
    assert mailing.run("-m", "auth_service", "outbox", "list").stdout == "no mail is failed\n"
    logs = "".join(mailing.log(name) for name in mailing.processes)
    assert "was delivered" in logs
    assert [secret for secret in (token, reset, MAIL_TOKEN_SECRET, ADA, "Traceback") if secret in logs] == []
