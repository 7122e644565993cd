"""POST /users/me/verification and POST /verify-email."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from httpx import Response
from jose import jwt
from pydantic import ValidationError

from auth_service.domain.outbox import PASSWORD_RESET, VERIFICATION
from tests.fixtures.accounts import ADA, auth_settings, bearer, disable, log_in, running
from tests.fixtures.house import refused
from tests.fixtures.mailed import Mailbox, mailing, mailing_settings
from tests.fixtures.outbox import let_pass

EVE = {**ADA, "email": "eve@example.com"}
Service = tuple[TestClient, Mailbox]


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    with mailing(mailing_settings(tmp_path)) as service:
        service[0].post("/users", json=ADA)
        yield service


def ask(client: TestClient, email: str = ADA["email"], **headers: str) -> Response:
    answer: Response = client.post("/users/me/verification", headers=bearer(client, email) | headers)
    return answer


def verify(client: TestClient, token: str) -> Response:
    answer: Response = client.post("/verify-email", json={"token": token})
    return answer


def is_verified(client: TestClient, email: str = ADA["email"]) -> bool:
    return bool(client.get("/users/me", headers=bearer(client, email)).json()["email_verified"])


def test_who_follows_the_link_is_verified(service: Service) -> None:
    client, mailbox = service
    assert not is_verified(client)

    assert ask(client).status_code == 202
    assert not is_verified(client)
    (letter,) = mailbox.letters()
    assert (letter.kind, letter.address, letter.lifetime_minutes) == (VERIFICATION, ADA["email"], 24 * 60)
    assert verify(client, mailbox.token(VERIFICATION)).status_code == 204

    assert is_verified(client)


def test_a_link_works_once(service: Service) -> None:
    client, mailbox = service
    ask(client)
    assert verify(client, mailbox.token(VERIFICATION)).status_code == 204

    refused(verify(client, mailbox.token(VERIFICATION)), 422, "unusable-link")


def test_only_the_newest_link_works(service: Service) -> None:
    client, mailbox = service
    ask(client)
    ask(client)
    older, newer = mailbox.tokens(VERIFICATION)

    refused(verify(client, older), 422, "unusable-link")
    assert verify(client, newer).status_code == 204


def test_a_link_is_good_for_the_address_that_it_was_sent_to(service: Service) -> None:
    client, mailbox = service
    ask(client)
    mailbox.change(ADA["email"], email="new@example.com", email_key="new@example.com")

    refused(verify(client, mailbox.token(VERIFICATION)), 422, "unusable-link")
    assert not is_verified(client, "new@example.com")


def test_each_account_has_links_of_its_own(service: Service) -> None:
    client, mailbox = service
    client.post("/users", json=EVE)
    ask(client)
    ask(client, EVE["email"])
    of_ada, of_eve = mailbox.tokens(VERIFICATION)

    assert verify(client, of_eve).status_code == 204
    assert (is_verified(client), is_verified(client, EVE["email"])) == (False, True)
    assert verify(client, of_ada).status_code == 204


def test_every_refusal_of_a_link_is_the_same(service: Service, tmp_path: Path) -> None:
    client, mailbox = service
    client.post("/users", json=EVE)
    ask(client)
    used = mailbox.token(VERIFICATION)
    verify(client, used)
    client.post("/password-reset", json={"email": ADA["email"]})
    for_something_else = mailbox.token(PASSWORD_RESET)
    ask(client, EVE["email"])
    of_a_disabled_account = mailbox.token(VERIFICATION)
    disable(mailing_settings(tmp_path), EVE["email"])

    answers = [
        verify(client, token)
        for token in (used, for_something_else, of_a_disabled_account, "guessed", "", "\u00fc" * 50)
    ]
    mailbox.end_tokens()
    answers.append(verify(client, of_a_disabled_account))

    assert {answer.status_code for answer in answers} == {422}
    assert len({answer.content for answer in answers}) == 1


def test_a_link_at_its_end_does_not_work(service: Service) -> None:
    client, mailbox = service
    ask(client)
    mailbox.end_tokens()

    refused(verify(client, mailbox.token(VERIFICATION)), 422, "unusable-link")


def test_who_is_verified_needs_no_link(service: Service) -> None:
    client, mailbox = service
    ask(client)
    verify(client, mailbox.token(VERIFICATION))

    refused(ask(client), 409, "already-verified")


@pytest.mark.parametrize(
    ("locale", "header", "language"), [(None, "fr-CH, fr;q=0.9", "fr"), ("zh-CN", "fr", "zh"), (None, "xx", "en")]
)
def test_the_letter_is_in_the_readers_language(
    service: Service, locale: str | None, header: str, language: str
) -> None:
    client, mailbox = service
    mailbox.change(ADA["email"], locale=locale)

    ask(client, **{"Accept-Language": header})

    assert [letter.language for letter in mailbox.letters()] == [language]


def test_languages_may_come_on_several_lines(service: Service) -> None:
    client, mailbox = service
    lines = [*bearer(client).items(), ("Accept-Language", "xx"), ("Accept-Language", "es")]

    assert client.post("/users/me/verification", headers=lines).status_code == 202
    assert mailbox.letters()[0].language == "es"


def test_nobody_asks_for_somebody_else(service: Service) -> None:
    client, mailbox = service
    assert client.post("/users/me/verification").status_code == 401
    assert mailbox.letters() == []


def test_with_mail_off_it_is_said(tmp_path: Path) -> None:
    with mailing(auth_settings(f"sqlite:///{tmp_path}/auth.db")) as (client, mailbox):
        client.post("/users", json=ADA)
        refused(ask(client), 409, "mail-off")
        assert mailbox.letters() == []


def test_where_it_is_demanded_who_is_not_verified_may_look_and_not_book(tmp_path: Path) -> None:
    with mailing(mailing_settings(tmp_path, require_verified_email=True)) as (client, mailbox):
        client.post("/users", json=ADA)
        before = log_in(client).json()
        assert scope(before["access_token"]) == {"bookings:read"}

        ask(client)
        verify(client, mailbox.token(VERIFICATION))
        refreshed = client.post("/token/refresh", json={"refresh_token": before["refresh_token"]}).json()

        assert scope(refreshed["access_token"]) == {"bookings:read", "bookings:create"}
        assert scope(log_in(client).json()["access_token"]) == {"bookings:read", "bookings:create"}


def test_it_cannot_be_demanded_where_no_mail_is_sent(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="REQUIRE_VERIFIED_EMAIL needs mail"):
        mailing_settings(tmp_path, mail_mode="off", require_verified_email=True)


def test_where_it_is_not_demanded_everybody_books(service: Service) -> None:
    assert "bookings:create" in scope(log_in(service[0]).json()["access_token"])


def scope(token: str) -> set[str]:
    return set(str(jwt.get_unverified_claims(token)["scope"]).split())


def test_mail_that_nobody_takes_is_seen_by_readiness(tmp_path: Path) -> None:
    settings = mailing_settings(tmp_path)
    with mailing(settings) as (client, mailbox):
        client.post("/users", json=ADA)
        ask(client)
        assert client.get("/health/ready").json()["dependencies"]["mail"] == "ok"
        let_pass(mailbox.database, 61)
    with running(settings) as client:
        answer = client.get("/health/ready")
        assert (answer.status_code, answer.json()["status"]) == (200, "degraded")
        assert answer.json()["dependencies"]["mail"] == "overdue"
