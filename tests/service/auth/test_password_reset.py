"""POST /password-reset and POST /password-reset/confirm."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from httpx import Response
from sqlalchemy import func, select

from auth_service.domain import recovery
from auth_service.domain.audit_log import COMMAND_LINE, By
from auth_service.domain.models import OneTimeToken
from auth_service.domain.outbox import PASSWORD_CHANGED, PASSWORD_RESET, VERIFICATION
from auth_service.settings import AuthSettings
from shared.clock import utc_now
from shared.outbox.rows import DUE, VOID
from tests.fixtures import outbox
from tests.fixtures.accounts import ADA, PASSWORD, auth_settings, bearer, disable, log_in
from tests.fixtures.databases import statements_of
from tests.fixtures.house import refused
from tests.fixtures.mailed import MAIL_TOKEN_SECRET, Mailbox, mailing, mailing_settings

NEW_PASSWORD = "staple battery horse correct"
NOBODY = "nobody@example.com"
RACERS = 8
LIFETIME = timedelta(minutes=30)
Service = tuple[TestClient, Mailbox]


@pytest.fixture
def settings(tmp_path: Path) -> AuthSettings:
    return mailing_settings(tmp_path)


@pytest.fixture
def service(settings: AuthSettings) -> Iterator[Service]:
    with mailing(settings) as service:
        service[0].post("/users", json=ADA)
        yield service


def ask(client: TestClient, email: str = ADA["email"], **headers: str) -> Response:
    answer: Response = client.post("/password-reset", json={"email": email}, headers=headers)
    return answer


def confirm(client: TestClient, token: str, password: str = NEW_PASSWORD) -> Response:
    answer: Response = client.post("/password-reset/confirm", json={"token": token, "password": password})
    return answer


def test_who_reads_the_mailbox_gets_a_new_password(service: Service) -> None:
    client, mailbox = service
    assert ask(client, " ADA@example.COM ").status_code == 202
    (letter,) = mailbox.letters()
    assert (letter.kind, letter.address, letter.lifetime_minutes) == (PASSWORD_RESET, ADA["email"], 30)

    assert confirm(client, mailbox.token(PASSWORD_RESET)).status_code == 204

    assert log_in(client).status_code == 401
    assert log_in(client, password=NEW_PASSWORD).status_code == 200


def test_a_new_password_ends_all_sessions(service: Service) -> None:
    client, mailbox = service
    session = log_in(client).json()
    headers = {"Authorization": f"Bearer {session['access_token']}"}
    ask(client)
    confirm(client, mailbox.token(PASSWORD_RESET))

    assert client.get("/users/me", headers=headers).status_code == 401
    assert client.post("/token/refresh", json={"refresh_token": session["refresh_token"]}).status_code == 401


def test_the_owner_is_told_of_a_new_password(service: Service) -> None:
    client, mailbox = service
    mailbox.change(ADA["email"], locale="de")
    ask(client)
    confirm(client, mailbox.token(PASSWORD_RESET))

    notice = mailbox.letters()[-1]
    assert (notice.kind, notice.address, notice.language) == (PASSWORD_CHANGED, ADA["email"], "de")


def test_who_got_the_link_reads_the_mailbox_which_is_verified_by_that(service: Service) -> None:
    client, mailbox = service
    ask(client)
    confirm(client, mailbox.token(PASSWORD_RESET))

    assert client.get("/users/me", headers=bearer(client, password=NEW_PASSWORD)).json()["email_verified"]


def test_a_link_works_once_and_only_the_newest(service: Service) -> None:
    client, mailbox = service
    ask(client)
    ask(client)
    older, newer = mailbox.tokens(PASSWORD_RESET)

    refused(confirm(client, older), 422, "unusable-link")
    assert confirm(client, newer).status_code == 204
    refused(confirm(client, newer, "another password"), 422, "unusable-link")
    assert log_in(client, password=NEW_PASSWORD).status_code == 200


def test_of_many_who_use_a_link_at_once_one_succeeds(service: Service) -> None:
    client, mailbox = service
    ask(client)
    token = mailbox.token(PASSWORD_RESET)
    passwords = [f"password number {number}" for number in range(RACERS)]

    with ThreadPoolExecutor(RACERS) as threads:
        answers = list(threads.map(lambda password: confirm(client, token, password).status_code, passwords))

    assert sorted(answers) == [204, *[422] * (RACERS - 1)]
    assert log_in(client, password=passwords[answers.index(204)]).status_code == 200


def test_a_link_for_something_else_sets_no_password(service: Service) -> None:
    client, mailbox = service
    client.post("/users/me/verification", headers=bearer(client))

    refused(confirm(client, mailbox.token(VERIFICATION)), 422, "unusable-link")
    assert log_in(client).status_code == 200


def test_a_link_at_its_end_or_of_an_account_that_was_disabled_sets_no_password(
    service: Service, settings: AuthSettings
) -> None:
    client, mailbox = service
    ask(client)
    token = mailbox.token(PASSWORD_RESET)
    disable(settings, ADA["email"])
    refused(confirm(client, token), 422, "unusable-link")
    mailbox.change(ADA["email"], disabled_at=None)
    mailbox.end_tokens()
    refused(confirm(client, token), 422, "unusable-link")


@pytest.mark.parametrize("password", ["short", "p" * 73, "with a\ttab in it"])
def test_a_new_password_follows_everyones_rules_and_a_wrong_one_costs_no_link(service: Service, password: str) -> None:
    client, mailbox = service
    ask(client)
    token = mailbox.token(PASSWORD_RESET)

    answer = confirm(client, token, password)
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == ["#/password"]
    assert confirm(client, token).status_code == 204


def test_no_answer_tells_who_has_an_account(service: Service, settings: AuthSettings) -> None:
    client, mailbox = service
    client.post("/users", json={**ADA, "email": "gone@example.com"})
    disable(settings, "gone@example.com")

    answers = [ask(client, email) for email in (ADA["email"], NOBODY, "gone@example.com", "no address at all", "")]

    assert {answer.status_code for answer in answers[:4]} == {202}
    assert len({answer.content for answer in answers[:4]}) == 1
    varying = {"x-request-id", "date", "ratelimit"}  # the last says how many more may come from here
    headers = [{k: v for k, v in answer.headers.items() if k not in varying} for answer in answers[:4]]
    assert all(header == headers[0] for header in headers)
    assert answers[4].status_code == 422  # by its form
    assert [letter.address for letter in mailbox.letters()] == [ADA["email"]]


def test_each_answer_costs_the_same_work_of_the_database(service: Service) -> None:
    # Asked of the domain: the service's own processes look at the database now and then.
    database, work = service[1].database, []
    for email in (ADA["email"], NOBODY):
        statements: list[str] = []
        ask_domain = partial(
            recovery.ask,
            email=email,
            accept_language="",
            by=By(None, COMMAND_LINE, utc_now()),
            secret=MAIL_TOKEN_SECRET,
            lifetime=LIFETIME,
        )
        with statements_of(database, statements):
            database.write(ask_domain, repeat_lost=False)
        work.append(statements)

    assert len(work[0]) == len(work[1]) > 2
    assert work[0] == work[1]
    rows = outbox.rows(database)
    assert [row.state for row in rows] == [DUE, VOID]
    assert NOBODY not in str(rows[1].payload)
    assert abs(len(rows[0].payload) - len(rows[1].payload)) == len(NOBODY) - len(ADA["email"])


def test_what_is_stored_is_no_token(service: Service, tmp_path: Path) -> None:
    client, mailbox = service
    ask(client)
    token = mailbox.token(PASSWORD_RESET)
    assert len(token) == 43

    stored = b"".join(file.read_bytes() for file in tmp_path.glob("auth.db*"))
    assert ADA["email"].encode() in stored
    assert token.encode() not in stored
    assert MAIL_TOKEN_SECRET.encode() not in stored


def test_no_address_of_a_request_comes_into_a_letter(service: Service) -> None:
    client, mailbox = service
    ask(client, Host="evil.example", **{"X-Forwarded-Host": "evil.example", "Forwarded": "host=evil.example"})

    row = outbox.rows(mailbox.database)[-1]
    assert "evil" not in row.payload


def test_the_language_is_that_of_the_request_unless_the_account_has_one(service: Service) -> None:
    client, mailbox = service
    ask(client, **{"Accept-Language": "es-MX"})
    mailbox.change(ADA["email"], locale="fr")
    ask(client, **{"Accept-Language": "es-MX"})

    assert [letter.language for letter in mailbox.letters()] == ["es", "fr"]


def test_with_mail_off_everybody_is_told_the_same(tmp_path: Path) -> None:
    with mailing(auth_settings(f"sqlite:///{tmp_path}/auth.db")) as (client, mailbox):
        client.post("/users", json=ADA)
        answers = [ask(client, email) for email in (ADA["email"], NOBODY)]
        assert {refused(answer, 409, "mail-off") for answer in answers} == {"Ask whoever runs it."}
        refused(confirm(client, "x"), 409, "mail-off")
        assert outbox.rows(mailbox.database) == []
        assert log_in(client, password=PASSWORD).status_code == 200


def test_of_an_erased_account_no_link_is_left(service: Service) -> None:
    client, mailbox = service
    ask(client)
    token = mailbox.token(PASSWORD_RESET)
    erased = client.request("DELETE", "/users/me", json={"password": PASSWORD}, headers=bearer(client))
    assert erased.status_code == 204, erased.text

    refused(confirm(client, token), 422, "unusable-link")
    links = select(func.count()).select_from(OneTimeToken)
    assert mailbox.database.read(lambda connection: connection.scalar(links)) == 0


@pytest.mark.parametrize("email", [ADA["email"], NOBODY])
def test_nobodys_mailbox_is_filled(tmp_path: Path, email: str) -> None:
    with mailing(mailing_settings(tmp_path, links_per_account_max=2)) as (client, mailbox):
        client.post("/users", json=ADA)
        assert [ask(client, email.upper()).status_code for _ in range(3)] == [202, 202, 429]
        assert len(outbox.rows(mailbox.database)) == 2
        assert ask(client, "another@example.com").status_code == 202
