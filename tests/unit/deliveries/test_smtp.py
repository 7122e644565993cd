"""Sending to a real SMTP server that takes, refuses, puts off, hangs and drops."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lab.ports import free_port
from shared.outbox.turn import Later, Refused
from tests.fixtures.mail_server import PASSWORD, USER, MailServer, mail_server
from tests.fixtures.tls import self_signed
from tests.unit.deliveries.conftest import Message, Settings
from worker.deliveries.smtp import SmtpMailer

HOST_NAME = "tickets.example"
IMPATIENT_SECONDS = 0.3


@pytest.fixture
def server() -> Iterator[MailServer]:
    with mail_server() as server:
        yield server


@pytest.fixture
def mailer(server: MailServer, settings: Settings) -> SmtpMailer:
    return SmtpMailer(settings(smtp_port=server.port), HOST_NAME)


def test_a_message_arrives_as_it_is(server: MailServer, mailer: SmtpMailer, message: Message) -> None:
    mailer.send(message())

    (taken,) = server.taken
    assert server.recipients == ["ada@example.com"]
    assert taken["Subject"] == "Adresse bestätigen"
    assert taken["Message-ID"] == message()["Message-ID"]
    assert [part.get_content_type() for part in taken.iter_parts()] == ["text/plain", "text/html"]


@pytest.mark.parametrize("answer", ["550 5.1.1 no such user", "553 relaying denied", "500 what?"])
def test_a_recipient_that_is_refused_is_refused_for_good(
    server: MailServer, mailer: SmtpMailer, message: Message, answer: str
) -> None:
    server.to_recipients = [answer]

    with pytest.raises(Refused, match=answer[:8]):
        mailer.send(message())
    assert server.taken == []


def test_a_message_that_is_refused_is_refused_for_good(
    server: MailServer, mailer: SmtpMailer, message: Message
) -> None:
    server.to_messages = ["554 5.7.1 this looks like spam"]

    with pytest.raises(Refused, match="this looks like spam"):
        mailer.send(message())


@pytest.mark.parametrize("answer", ["451 4.7.1 greylisted, come back", "421 too busy", "452 mailbox full"])
def test_what_is_put_off_is_taken_later(server: MailServer, mailer: SmtpMailer, message: Message, answer: str) -> None:
    server.to_recipients = [answer]

    with pytest.raises(Later, match=answer[:3]):
        mailer.send(message())
    mailer.send(message())
    assert len(server.taken) == 1


@pytest.mark.parametrize("answer", ["530 5.7.0 STARTTLS first", "535 5.7.8 who are you?"])
def test_what_refuses_us_and_not_the_message_is_for_later(
    server: MailServer, mailer: SmtpMailer, message: Message, answer: str
) -> None:
    server.to_recipients = [answer]

    with pytest.raises(Later, match=answer[:3]):
        mailer.send(message())


def test_a_connection_that_is_lost_behind_the_message_has_it_sent_again_with_the_same_id(
    server: MailServer, mailer: SmtpMailer, message: Message
) -> None:
    server.drops = 1

    with pytest.raises(Later):
        mailer.send(message())
    mailer.send(message())

    first, second = server.taken
    assert first["Message-ID"] == second["Message-ID"]
    assert first.as_bytes() == second.as_bytes()


def test_a_server_that_hangs_is_given_up_in_time(server: MailServer, settings: Settings, message: Message) -> None:
    server.hangs = True

    with pytest.raises(Later, match="timed out"):
        SmtpMailer(settings(smtp_port=server.port, smtp_timeout_seconds=IMPATIENT_SECONDS), HOST_NAME).send(message())


@contextmanager
def says(*lines: bytes) -> Iterator[int]:
    """Take one connection, say ``lines`` one after another command, and then nothing more."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        done = threading.Event()

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                for line in lines:
                    connection.sendall(line)
                    connection.recv(1_000)
                done.wait(10)

        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        done.set()
        thread.join()


@pytest.mark.parametrize(
    "lines", [(), (b"220 hello\r\n",), (b"220 hello\r\n", b"250 hi\r\n"), (b"554 not you\r\n",), (b"\0\xff\r\n",)]
)
def test_whatever_happens_before_the_message_is_for_later(
    settings: Settings, message: Message, lines: tuple[bytes, ...]
) -> None:
    with says(*lines) as port, pytest.raises(Later):
        SmtpMailer(settings(smtp_port=port, smtp_timeout_seconds=IMPATIENT_SECONDS), HOST_NAME).send(message())


def test_a_server_that_hangs_after_it_took_the_message_has_taken_it(settings: Settings, message: Message) -> None:
    # Greeting, EHLO, MAIL, RCPT, DATA, the message; QUIT is never answered.
    answers = (b"220 hello\r\n", *[b"250 ok\r\n"] * 3, b"354 go on\r\n", b"250 taken\r\n")
    with says(*answers) as port:
        SmtpMailer(settings(smtp_port=port, smtp_timeout_seconds=IMPATIENT_SECONDS), HOST_NAME).send(message())


def test_a_server_that_is_away_is_for_later(settings: Settings, message: Message) -> None:
    with pytest.raises(Later, match="refused"):
        SmtpMailer(settings(smtp_port=free_port()), HOST_NAME).send(message())


def test_letters_before_the_at_sign_that_the_server_has_no_way_for_are_refused_for_good(
    server: MailServer, mailer: SmtpMailer, message: Message
) -> None:
    with pytest.raises(Refused, match="SMTPUTF8"):
        mailer.send(message("\u0430da@example.com"))
    assert server.taken == []


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    return self_signed(tmp_path)


@pytest.fixture
def secure_server(certificate: Path) -> Iterator[MailServer]:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    with mail_server(context) as server:
        yield server


def secure(server: MailServer, settings: Settings, authorities: str | None, **changes: object) -> SmtpMailer:
    values = {"smtp_port": server.port, "smtp_tls": "starttls", "smtp_ca": authorities, **changes}
    return SmtpMailer(settings(**values), HOST_NAME)


def authorities(certificate: Path) -> str:
    _, mark, pem = certificate.read_text().partition("-----BEGIN CERTIFICATE-----")
    return mark + pem


def test_what_is_sent_by_starttls_is_encrypted(
    secure_server: MailServer, settings: Settings, certificate: Path, message: Message
) -> None:
    login = {"smtp_user": USER, "smtp_password": PASSWORD}
    secure(secure_server, settings, authorities(certificate), **login).send(message())
    assert secure_server.encrypted == [True]


def test_a_wrong_password_is_for_somebody_to_mend(
    secure_server: MailServer, settings: Settings, certificate: Path, message: Message
) -> None:
    login = {"smtp_user": USER, "smtp_password": "guessed"}
    with pytest.raises(Later, match="535"):
        secure(secure_server, settings, authorities(certificate), **login).send(message())


def test_a_server_that_nobody_vouches_for_gets_nothing(
    secure_server: MailServer, settings: Settings, message: Message
) -> None:
    with pytest.raises(Later, match="CERTIFICATE_VERIFY_FAILED"):
        secure(secure_server, settings, None).send(message())
    assert secure_server.taken == []


def test_a_server_without_starttls_gets_nothing(
    server: MailServer, settings: Settings, certificate: Path, message: Message
) -> None:
    with pytest.raises(Later, match="STARTTLS"):
        secure(server, settings, authorities(certificate)).send(message())
    assert server.taken == []
