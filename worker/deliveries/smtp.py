"""Sending one message by SMTP (RFC 5321), and what each answer of the server means for it."""

import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email.message import EmailMessage

from shared.outbox.turn import Later, Refused
from worker.deliveries.settings import DeliverySettings

PERMANENT = range(500, 600)  # RFC 5321, section 4.2.1
# What refuses us, not this message (RFC 4954, section 6): somebody will mend the configuration.
OURS_TO_MEND = frozenset({530, 534, 535, 538})


class SmtpMailer:
    """Sends each message over a connection of its own, waiting at most `SMTP_TIMEOUT_SECONDS` for each answer."""

    def __init__(self, settings: DeliverySettings, host_name: str) -> None:
        """Send as ``settings`` say, under the name ``host_name``. The system's own could be looked up without end."""
        self._settings = settings
        self._host_name = host_name
        self._tls = ssl.create_default_context(cadata=settings.smtp_ca)

    def send(self, message: EmailMessage) -> None:
        """Hand ``message`` to the server.

        Raises Refused when the server will never take it, and Later when it may at another time, also when the
        connection was lost behind the message: then nobody knows whether it was taken, and it is sent again.
        """
        try:
            with self._connection() as server:
                self._hand_over(server, message)
        except smtplib.SMTPResponseException as error:  # a greeting, EHLO, STARTTLS or AUTH that was refused
            raise Later(_reply(error.smtp_code, error.smtp_error)) from error
        except (smtplib.SMTPException, OSError, ValueError) as error:
            msg = f"{type(error).__name__}: {_line(str(error))}"
            raise Later(msg) from error

    @staticmethod
    def _hand_over(server: smtplib.SMTP, message: EmailMessage) -> None:
        try:
            server.send_message(message)
        except smtplib.SMTPNotSupportedError as error:  # letters before the @ that this server has no way for
            raise Refused(_line(str(error))) from error
        except smtplib.SMTPRecipientsRefused as error:
            ((code, text),) = error.recipients.values()
            raise _judged(code, text) from error
        except smtplib.SMTPResponseException as error:  # MAIL FROM or DATA
            raise _judged(error.smtp_code, error.smtp_error) from error

    @contextmanager
    def _connection(self) -> Iterator[smtplib.SMTP]:
        server = self._connected()
        try:
            if self._settings.smtp_tls == "starttls":
                server.starttls(context=self._tls)
            if self._settings.smtp_user is not None and self._settings.smtp_password is not None:
                server.login(self._settings.smtp_user, self._settings.smtp_password.get_secret_value())
            yield server
            # The message is the server's by now: however this ends, it must not be sent again.
            with suppress(smtplib.SMTPException, OSError):
                server.quit()
        finally:
            server.close()

    def _connected(self) -> smtplib.SMTP:
        host, port = self._settings.smtp_host or "", self._settings.smtp_port
        timeout_seconds = self._settings.smtp_timeout_seconds
        if self._settings.smtp_tls == "tls":
            return smtplib.SMTP_SSL(
                host, port, local_hostname=self._host_name, timeout=timeout_seconds, context=self._tls
            )
        return smtplib.SMTP(host, port, local_hostname=self._host_name, timeout=timeout_seconds)


def _judged(code: int, text: bytes | str) -> Later | Refused:
    is_final = code in PERMANENT and code not in OURS_TO_MEND
    return Refused(_reply(code, text)) if is_final else Later(_reply(code, text))


def _reply(code: int, text: bytes | str) -> str:
    return f"{code} {_line(text.decode(errors='replace') if isinstance(text, bytes) else text)}"


def _line(text: str) -> str:
    # It is logged, and shown to operators: no line and no terminal's command of somebody else's making.
    return " ".join("".join(character if character.isprintable() else " " for character in text).split())
