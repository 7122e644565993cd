"""What a letter looks like as a message, and that nobody puts header fields of their own into it."""

from collections.abc import Callable
from email import message_from_bytes, policy
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from pydantic import ValidationError

from shared.outbox.turn import Later, Refused
from tests.unit.deliveries.conftest import ROW_ID, WRITTEN_AT, Message, Settings
from worker.deliveries.files import FileMailer
from worker.deliveries.sender import NotASenderError, Sender


def test_a_message_is_the_same_at_every_attempt(message: Message) -> None:
    assert message().as_bytes() == message().as_bytes()


def test_a_message_says_who_sent_it_when_and_that_nobody_is_to_answer(message: Message) -> None:
    found = message_from_bytes(message().as_bytes(), policy=policy.SMTP)
    assert found["Message-ID"] == f"<{ROW_ID}@example.com>"
    assert found["Date"].datetime == WRITTEN_AT
    assert found["From"] == "Tickets <tickets@example.com>"
    assert found["To"] == "ada@example.com"
    assert found["Auto-Submitted"] == "auto-generated"
    assert found["Content-Language"] == "de"
    assert found.get_content_type() == "multipart/alternative"


def test_each_letter_has_an_id_of_its_own(message: Message) -> None:
    assert message(row_id=uuid4())["Message-ID"] != message(row_id=uuid4())["Message-ID"]


@pytest.mark.parametrize(
    "address",
    [
        "ada@example.com\r\nBcc: everybody@example.com",
        "ada@example.com\nBcc: everybody@example.com",
        "ada\r\nBcc: everybody@example.com",
        "ada\r@example.com",
        "ada@exam\r\nple.com",
        "ada@example.com, eve@example.com",
        "eve@evil.example> <ada@example.com",
        "nobody",
        "@example.com",
        "ada@",
        "",
    ],
)
def test_an_address_can_be_nothing_but_one_address(message: Message, address: str) -> None:
    try:
        made = message(address)
    except Refused:
        return
    found = message_from_bytes(made.as_bytes(), policy=policy.SMTP)
    assert found["Bcc"] is None
    assert len(found["To"].addresses) == 1
    assert found["To"].addresses[0].domain == "example.com"
    assert set(found) == set(made)


@pytest.mark.parametrize(
    ("given", "sent_to"),
    [("ada@bücher.example", "ada@xn--bcher-kva.example"), ("Ada@EXAMPLE.com", "Ada@example.com")],
)
def test_a_domain_is_written_as_mail_servers_know_it(message: Message, given: str, sent_to: str) -> None:
    assert message(given)["To"].addresses[0].addr_spec == sent_to


@pytest.mark.parametrize(
    ("text", "name", "address"),
    [
        ("tickets@example.com", "", "tickets@example.com"),
        ("Tickets <tickets@example.com>", "Tickets", "tickets@example.com"),
        ('"Tickets, Ltd." <tickets@example.com>', "Tickets, Ltd.", "tickets@example.com"),
        ("Bücher <tickets@bücher.example>", "Bücher", "tickets@xn--bcher-kva.example"),
    ],
)
def test_a_sender_is_an_address_perhaps_with_a_name(text: str, name: str, address: str) -> None:
    sender = Sender.of(text)
    assert (sender.address.display_name, sender.address.addr_spec) == (name, address)


@pytest.mark.parametrize(
    "text",
    ["", "Tickets", "a@b, c@d", "Tickets\r\nBcc: x@example.com <a@example.com>", "\u0430da@example.com", "a@b@c"],
)
def test_a_sender_is_nothing_else(text: str) -> None:
    with pytest.raises(NotASenderError):
        Sender.of(text)


@pytest.fixture
def refusal(settings: Settings) -> Callable[..., str]:
    """Make settings that are refused; return why."""

    def refuse(**changes: object) -> str:
        with pytest.raises(ValidationError) as refused:
            settings(**changes)
        return str(refused.value)

    return refuse


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"mail_from": None}, "MAIL_FROM must be set when MAIL_MODE is smtp"),
        ({"mail_from": "nobody"}, "Use `address` or `Name <address>`"),
        ({"mail_link_base": None}, "MAIL_LINK_BASE must be set"),
        ({"mail_link_base": "javascript:alert(1)"}, "absolute `http://`"),
        ({"smtp_host": None}, "SMTP_HOST must be set"),
        ({"mail_mode": "file"}, "MAIL_FOLDER must be set when MAIL_MODE is file"),
        ({"mail_token_secret": "short"}, "MAIL_TOKEN_SECRET must have at least 32 characters"),
        ({"smtp_user": "tickets"}, "must be set together"),
        ({"smtp_user": "tickets", "smtp_password": "p"}, "would be sent in clear"),
        ({"smtp_timeout_seconds": 30}, "DELIVERY_SECONDS_MAX must be above 310"),
    ],
)
def test_what_is_missing_or_unsafe_stops_the_start(
    refusal: Callable[..., str], changes: dict[str, object], words: str
) -> None:
    assert words in refusal(**changes)


def test_with_mail_off_nothing_of_it_must_be_set(settings: Settings) -> None:
    assert settings(mail_mode="OFF", mail_from=None, mail_link_base=None, smtp_host=None, mail_token_secret=None)


def test_a_message_is_written_as_a_file_that_only_its_owner_reads(message: Message, tmp_path: Path) -> None:
    mailer = FileMailer(tmp_path / "mail")
    mailer.send(message())
    mailer.send(message())  # a repetition is the same file

    (file,) = (tmp_path / "mail").iterdir()
    assert file.name == f"{ROW_ID}.eml"
    assert file.read_bytes() == message().as_bytes()
    assert file.stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "mail").stat().st_mode & 0o777 == 0o700


def test_a_folder_that_cannot_be_written_to_is_for_later(message: Message, tmp_path: Path) -> None:
    (tmp_path / "mail").write_text("a file")
    with pytest.raises(Later, match="MAIL_FOLDER"):
        FileMailer(tmp_path / "mail").send(message(row_id=UUID(int=1)))
