"""The variables of those who deliver mail."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, SecretStr, model_validator

from auth_service.settings import AuthMailSettings
from shared.configuration.mail import AnyCase
from shared.configuration.urls import Authorities, HttpUrl, RedisUrl
from shared.outbox.turn import TURN_SECONDS
from worker.deliveries.sender import NotASenderError, Sender

# Of one mail: connect, two EHLO, STARTTLS, AUTH, MAIL, RCPT, DATA, the mail itself and QUIT.
ANSWERS_MAX = 10


def _sender(text: str) -> str:
    try:
        Sender.of(text)
    except NotASenderError as error:
        raise ValueError(str(error)) from error
    return text


class DeliverySettings(AuthMailSettings):
    """deliveries."""

    redis_url: RedisUrl = Field(description="Redis or Valkey: the Celery broker.")
    mail_from: Annotated[str, AfterValidator(_sender)] | None = Field(
        None, description="With mail: its sender, `tickets@example.com` or `Tickets <tickets@example.com>`."
    )
    mail_link_base: HttpUrl | None = Field(
        None, description="With mail: the web pages `verify-email` and `password-reset` are below this address."
    )
    mail_folder: Path | None = Field(None, description="MAIL_MODE=file: where mail is written.")
    smtp_host: str | None = Field(None, description="MAIL_MODE=smtp: the mail server.")
    smtp_port: int = Field(587, ge=1, le=65_535, description="Its port.")
    smtp_tls: Annotated[Literal["starttls", "tls", "none"], AnyCase] = Field(
        "starttls", description="`starttls` (demanded), `tls` (from the start, port 465) or `none`."
    )
    smtp_ca: Authorities | None = Field(
        None, description="PEM of the authorities that its certificate is trusted by; the public ones, if not given."
    )
    smtp_user: str | None = Field(None, description="The name to log in with; nobody logs in without it.")
    smtp_password: SecretStr | None = Field(None, description="Its password.")
    smtp_timeout_seconds: float = Field(10, gt=0, le=60, description="Longest wait for each answer of the mail server.")
    delivery_concurrency: int = Field(2, ge=1, le=64, description="Mails that one worker sends at once.")
    delivery_attempts_max: int = Field(12, ge=1, le=100, description="Mail that was not taken so often has failed.")
    delivery_pause_seconds: float = Field(
        10, gt=0, le=3_600, description="Pause after the first attempt; each is twice as long as the one before."
    )
    delivery_pause_seconds_max: float = Field(3_600, gt=0, le=86_400, description="Longest pause between attempts.")
    delivery_seconds_max: int = Field(
        120, ge=20, le=3_600, description="A turn of deliveries that takes longer is killed; its mail is sent later."
    )
    delivery_sweep_seconds: float = Field(1, gt=0, le=60, description="How often due mail is looked for.")

    @model_validator(mode="after")
    def _mail_needs_a_way(self) -> Self:
        needed = {"off": (), "file": ("mail_folder",), "smtp": ("smtp_host",)}[self.mail_mode]
        always = ("mail_from", "mail_link_base") if needed else ()
        missing = [name.upper() for name in (*always, *needed) if getattr(self, name) is None]
        if missing:
            msg = f"{', '.join(missing)} must be set when MAIL_MODE is {self.mail_mode}"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _passwords_travel_in_secret(self) -> Self:
        if (self.smtp_user is None) != (self.smtp_password is None):
            msg = "SMTP_USER and SMTP_PASSWORD must be set together"
            raise ValueError(msg)
        if self.smtp_user is not None and self.smtp_tls == "none":
            msg = "SMTP_PASSWORD would be sent in clear: SMTP_TLS must be starttls or tls"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _a_slow_server_ends_no_turn(self) -> Self:
        longest = TURN_SECONDS + ANSWERS_MAX * self.smtp_timeout_seconds
        if longest >= self.delivery_seconds_max:
            msg = (
                f"DELIVERY_SECONDS_MAX must be above {longest:g}: {TURN_SECONDS} and {ANSWERS_MAX} SMTP_TIMEOUT_SECONDS"
            )
            raise ValueError(msg)
        return self
