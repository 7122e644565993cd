"""What goes over the wire. Unknown members of a request are ignored, as existing clients expect."""

import unicodedata
from datetime import datetime
from typing import Annotated, Literal

import email_validator
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, WithJsonSchema
from pydantic.config import JsonDict
from pydantic_core import PydanticCustomError

from auth_service.domain.accounts import email_key
from auth_service.domain.models import EMAIL_KEY_LENGTH_MAX, EMAIL_LENGTH_MAX, NAME_LENGTH_MAX
from auth_service.domain.passwords import LENGTH_MAX

EXAMPLE: JsonDict = {"name": "Ada Lovelace", "email": "ada@example.com", "role": "user"}
EXAMPLE_STORED: JsonDict = {**EXAMPLE, "id": 7, "created_at": "2026-01-31T12:00:00.000001Z"}
EXAMPLE_PASSWORD = "correct horse battery"  # noqa: S105  an example

# Reserved for private networks and tests (RFC 2606, RFC 6762), which is where load tests' users live. An address is an
# identifier here, so it need not be reachable. Changing this list is the library's documented way to allow a name.
for _name in ("local", "localhost", "test"):
    if _name in email_validator.SPECIAL_USE_DOMAIN_NAMES:
        email_validator.SPECIAL_USE_DOMAIN_NAMES.remove(_name)


def _without_control_characters(text: str) -> str:
    if any(unicodedata.category(character) == "Cc" for character in text):
        raise PydanticCustomError("control_character", "Control characters are not allowed.")
    return text


def _address(text: str) -> str:
    try:
        email_validator.validate_email(text, check_deliverability=False, globally_deliverable=False)
    except email_validator.EmailNotValidError as error:
        raise PydanticCustomError("email", "This is not an e-mail address: {why}", {"why": str(error)}) from error
    if len(email_key(text)) > EMAIL_KEY_LENGTH_MAX:
        raise PydanticCustomError("email", "This e-mail address is too long.")
    return text


PlainText = AfterValidator(_without_control_characters)
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=NAME_LENGTH_MAX), PlainText]
Password = Annotated[str, StringConstraints(min_length=1, max_length=LENGTH_MAX), PlainText]
EmailText = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=EMAIL_LENGTH_MAX), PlainText
]
EmailAddress = Annotated[
    EmailText,
    AfterValidator(_address),
    WithJsonSchema({"type": "string", "format": "email", "maxLength": EMAIL_LENGTH_MAX}),
]
Role = Literal["user", "public", "admin"]


class NewUser(BaseModel):
    """A user to register."""

    model_config = ConfigDict(json_schema_extra={"examples": [{**EXAMPLE, "password": EXAMPLE_PASSWORD}]})

    name: Name
    email: EmailAddress = Field(description="Unique, whatever its letter case.")
    password: Password = Field(description="At least PASSWORD_LENGTH_MIN characters (8, if not configured otherwise).")
    role: Role = Field("user", description="`admin` needs an admin's access token.")


class User(BaseModel):
    """A user, without the password."""

    model_config = ConfigDict(from_attributes=True, json_schema_extra={"examples": [EXAMPLE_STORED]})

    id: int
    name: str
    email: str
    role: Role
    created_at: datetime


class Welcome(User):
    """The sender of the request."""

    model_config = ConfigDict(json_schema_extra={"examples": [{**EXAMPLE_STORED, "message": "Welcome, Ada Lovelace!"}]})

    message: str


class Login(BaseModel):
    """An e-mail address and its password."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"email": EXAMPLE["email"], "password": EXAMPLE_PASSWORD}]}
    )

    # Any text: what is no address is simply nobody's.
    email: EmailText
    password: Password


class AccessToken(BaseModel):
    """A bearer token (RFC 6750) for both services."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"access_token": "eyJ…", "token_type": "bearer", "expires_in": 1800}]}
    )

    access_token: str
    token_type: Literal["bearer"] = "bearer"  # noqa: S105  a scheme, not a secret
    expires_in: int = Field(description="Seconds until the token ends.")


class JsonWebKey(BaseModel):
    """An RSA public key (RFC 7517, RFC 7518 section 6.3)."""

    kid: str = Field(description="What the header of a token calls this key.")
    kty: Literal["RSA"]
    use: Literal["sig"]
    alg: Literal["RS256"]
    n: str
    e: str


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
