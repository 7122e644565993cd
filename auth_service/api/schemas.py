"""What goes over the wire. Unknown members of a request are ignored, as existing clients expect."""

import unicodedata
from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, WithJsonSchema
from pydantic.config import JsonDict
from pydantic_core import PydanticCustomError

from auth_service.domain.mailboxes import NotAnAddressError, require_address
from auth_service.domain.models import EMAIL_LENGTH_MAX, NAME_LENGTH_MAX
from auth_service.domain.passwords import LENGTH_MAX
from shared.text import GivenText

EXAMPLE: JsonDict = {"name": "Ada Lovelace", "email": "ada@example.com", "role": "user"}
REFRESH_TOKEN_LENGTH_MAX = 200  # longer ones are nobody's
EXAMPLE_STORED: JsonDict = {**EXAMPLE, "id": 7, "created_at": "2026-01-31T12:00:00.000001Z", "email_verified": True}
EXAMPLE_TOKEN = "u1sZq0v3T7m4pX9cB2nJ6kL8wE5rY0aDfGhQiOtUvxM"  # noqa: S105  an example
MAIL_COMES = "If an account has this address, a mail is on its way to it."
TOKEN_LENGTH_MAX = 100  # characters; ours have 43
EXAMPLE_PASSWORD = "correct horse battery"  # noqa: S105  an example


def _typeable(password: str) -> str:
    # As received otherwise: nobody reads it, and whoever can type it may have it.
    if any(unicodedata.category(character) == "Cc" for character in password):
        raise PydanticCustomError("password_character", "Use no control characters in a password.")
    return password


def _address(text: str) -> str:
    try:
        require_address(text)
    except NotAnAddressError as error:
        raise PydanticCustomError("email", "This is not an e-mail address: {why}", {"why": str(error)}) from error
    return text


Name = Annotated[str, GivenText(NAME_LENGTH_MAX)]
Password = Annotated[str, StringConstraints(max_length=LENGTH_MAX), AfterValidator(_typeable)]
EmailText = Annotated[str, GivenText(EMAIL_LENGTH_MAX)]
EmailAddress = Annotated[
    EmailText,
    AfterValidator(_address),
    WithJsonSchema({"type": "string", "format": "email", "maxLength": EMAIL_LENGTH_MAX}),
]
LinkToken = Annotated[str, StringConstraints(max_length=TOKEN_LENGTH_MAX)]
Role = Literal["user", "public", "organizer", "admin"]


class UserIn(BaseModel):
    """A user to register."""

    model_config = ConfigDict(json_schema_extra={"examples": [{**EXAMPLE, "password": EXAMPLE_PASSWORD}]})

    name: Name
    email: EmailAddress = Field(description="Unique, however it is spelled.")
    password: Password = Field(description="At least PASSWORD_LENGTH_MIN characters (8, if not configured otherwise).")
    role: Role = Field("user", description="`organizer` and `admin` need an admin's access token.")


class UserOut(BaseModel):
    """A user, without the password."""

    model_config = ConfigDict(from_attributes=True, json_schema_extra={"examples": [EXAMPLE_STORED]})

    id: int
    name: str
    email: str
    role: Role
    created_at: datetime
    email_verified: bool = Field(description="Whether its owner has shown to read the mailbox.")


class WelcomeOut(UserOut):
    """The sender of the request."""

    model_config = ConfigDict(json_schema_extra={"examples": [{**EXAMPLE_STORED, "message": "Welcome, Ada Lovelace!"}]})

    message: str


class LoginIn(BaseModel):
    """An e-mail address and its password."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"email": EXAMPLE["email"], "password": EXAMPLE_PASSWORD}]}
    )

    # Any text: what is no address is simply nobody's.
    email: EmailText
    password: Password


class TokensOut(BaseModel):
    """A bearer token (RFC 6750) for both services, and what the next one is got with."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"access_token": "eyJ…", "token_type": "bearer", "expires_in": 1800, "refresh_token": "ebr_…"},
            ]
        }
    )

    access_token: str
    token_type: Literal["bearer"] = "bearer"  # noqa: S105  a scheme, not a secret
    expires_in: int = Field(description="Seconds until the access token ends.")
    refresh_token: str = Field(description="Good once, at `POST /token/refresh`; keep it secret.")


class RefreshIn(BaseModel):
    """A refresh token."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"refresh_token": "ebr_…"}]})

    refresh_token: str = Field(max_length=REFRESH_TOKEN_LENGTH_MAX)


class SessionOut(BaseModel):
    """A login that goes on."""

    id: str = Field(description="What `DELETE /users/me/sessions/{id}` takes.")
    created_at: datetime
    last_used_at: datetime = Field(description="When it last got an access token.")
    expires_at: datetime = Field(description="When it ends, if it is not used before.")
    user_agent: str | None = Field(description="What the client that used it last calls itself.")
    address: str | None = Field(description="Where that came from.")
    current: bool = Field(description="Whether it is the one that asks.")


class PasswordResetIn(BaseModel):
    """Whose password was forgotten."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"email": EXAMPLE["email"]}]})

    # Any text: what is no address is simply nobody's.
    email: EmailText


class LinkIn(BaseModel):
    """The token of a link that was mailed."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"token": EXAMPLE_TOKEN}]})

    token: LinkToken


class NewPasswordIn(LinkIn):
    """The token of a link that was mailed, and the password that is to be."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"token": EXAMPLE_TOKEN, "password": EXAMPLE_PASSWORD}]})

    password: Password = Field(description="At least PASSWORD_LENGTH_MIN characters (8, if not configured otherwise).")


class MailOut(BaseModel):
    """Mail is on its way, if there is somebody to get it."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"message": MAIL_COMES}]})

    message: str = MAIL_COMES


class RsaKey(BaseModel):
    """An RSA public key (RFC 7517, RFC 7518 section 6.3)."""

    kid: str = Field(description="What the header of a token calls this key.")
    kty: Literal["RSA"]
    use: Literal["sig"]
    alg: Literal["RS256"] = Field(description="The one signature that is checked with this key.")
    n: str
    e: str


class EllipticKey(BaseModel):
    """A public key on the curve P-256 (RFC 7517, RFC 7518 section 6.2)."""

    kid: str = Field(description="What the header of a token calls this key.")
    kty: Literal["EC"]
    use: Literal["sig"]
    alg: Literal["ES256"] = Field(description="The one signature that is checked with this key.")
    crv: Literal["P-256"]
    x: str
    y: str


JsonWebKey = Annotated[RsaKey | EllipticKey, Field(discriminator="kty")]


class JsonWebKeySet(BaseModel):
    """The keys that tokens are checked with; none when the tokens are signed with a shared secret."""

    keys: list[JsonWebKey]


class IssuerMetadata(BaseModel):
    """What RFC 8414 says of an issuer, as far as it is true of this one: it has no OAuth flows."""

    issuer: str
    jwks_uri: str
    service_documentation: str
    scopes_supported: list[str]
    response_types_supported: list[str]
    grant_types_supported: list[str]
