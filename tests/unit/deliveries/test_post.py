"""From a row of the outbox to a message."""

import json
import logging
from datetime import UTC, datetime
from email.message import EmailMessage
from uuid import UUID, uuid4

import pytest

from auth_service.domain.one_time_tokens import hash_of, token_of
from auth_service.domain.outbox import PASSWORD_CHANGED, PASSWORD_RESET
from shared.outbox.claims import Claim
from shared.outbox.turn import Later, Refused
from worker.deliveries.post import OTHER_SECRET, Post
from worker.deliveries.sender import Sender

SECRET = "a secret of thirty-two characters or more"
ADDRESS = "Ada@bücher.example"


def claim(
    kind: str = PASSWORD_RESET, address: str = ADDRESS, secret: str = SECRET, token_id: UUID | None = None
) -> Claim:
    token_id = token_id or uuid4()
    link = {"token_id": str(token_id), "token_hash": hash_of(token_of(secret, token_id)).hex()}
    payload = {
        "address": address,
        "language": "de",
        "link": link if kind == PASSWORD_RESET else None,
        "lifetime_minutes": 30,
    }
    return Claim(uuid4(), kind, json.dumps(payload), 1, datetime.now(UTC), is_late=False)


class Mailer:
    """Takes messages, or does not."""

    def __init__(self, outcome: Exception | None = None) -> None:
        self.outcome = outcome
        self.sent: list[EmailMessage] = []

    def __call__(self, message: EmailMessage) -> None:
        if self.outcome is not None:
            raise self.outcome
        self.sent.append(message)


def post(mailer: Mailer, *, shows_links: bool = False) -> Post:
    return Post(mailer, Sender.of("tickets@example.com"), "https://tickets.example", SECRET, shows_links)


def text(mailer: Mailer) -> str:
    body = mailer.sent[-1].get_body(("plain",))
    assert body is not None
    return str(body.get_content())


def test_a_letter_leaves_with_the_token_whose_hash_is_stored(caplog: pytest.LogCaptureFixture) -> None:
    mailer, token_id = Mailer(), uuid4()
    with caplog.at_level(logging.DEBUG):
        post(mailer).send(claim(token_id=token_id))

    token = token_of(SECRET, token_id)
    assert f"https://tickets.example/password-reset#token={token}" in text(mailer)
    assert token not in caplog.text


def test_where_mail_is_only_tried_out_the_log_has_the_link(caplog: pytest.LogCaptureFixture) -> None:
    mailer, token_id = Mailer(), uuid4()
    with caplog.at_level(logging.INFO):
        post(mailer, shows_links=True).send(claim(token_id=token_id))

    assert f"https://tickets.example/password-reset#token={token_of(SECRET, token_id)}" in caplog.text


def test_a_notice_leaves_without_a_link() -> None:
    mailer = Mailer()
    post(mailer).send(claim(PASSWORD_CHANGED))

    assert "tickets.example" not in text(mailer)


def test_no_mail_leaves_whose_link_would_be_dead() -> None:
    mailer = Mailer()
    with pytest.raises(Later, match=OTHER_SECRET):
        post(mailer).send(claim(secret="the auth service has another secret"))
    assert mailer.sent == []


@pytest.mark.parametrize("kind", [Later, Refused])
def test_what_a_server_said_is_told_without_the_address(kind: type[Exception]) -> None:
    mailer = Mailer(kind("550 <ADA@xn--bcher-kva.example>: no such user"))
    with pytest.raises(kind, match="550 <…>: no such user"):
        post(mailer).send(claim())


@pytest.mark.parametrize("payload", ["", "{}", "[]", '{"link": {}}', '{"link": null}'])
def test_what_is_no_letter_is_a_bug_that_is_told(payload: str) -> None:
    row = Claim(uuid4(), PASSWORD_RESET, payload, 1, datetime.now(UTC), is_late=False)
    with pytest.raises((ValueError, LookupError, TypeError, AttributeError)):
        post(Mailer()).send(row)
