"""Whether mail is sent, and the secret of its links: what those who write mail and those who deliver it share."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, SecretStr, model_validator

from shared.configuration.settings import Settings

SECRET_LENGTH_MIN = 32


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


AnyCase = BeforeValidator(_lower)


class MailSettings(Settings):
    """What both need."""

    mail_mode: Annotated[Literal["off", "file", "smtp"], AnyCase] = Field(
        "off", description="`off`, `smtp`, or `file`: mail is written into MAIL_FOLDER, and its links to the log."
    )
    mail_token_secret: SecretStr | None = Field(
        None, description="With mail: the links in it are made from this, 32 characters or more. The same for both."
    )

    @model_validator(mode="after")
    def _links_need_a_secret(self) -> "MailSettings":
        secret = (self.mail_token_secret or SecretStr("")).get_secret_value()
        if self.mail_mode != "off" and len(secret) < SECRET_LENGTH_MIN:
            msg = f"MAIL_TOKEN_SECRET must have at least {SECRET_LENGTH_MIN} characters unless MAIL_MODE is off"
            raise ValueError(msg)
        return self
