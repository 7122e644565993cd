"""The variables that all processes have in common: name, meaning, unit, default and bound.

Where a value comes from stands in `sources.py`, what a URL or an address must be in `urls.py`, and each service's own
variables in its `settings.py`. A test checks README's table against all of them.
"""

from typing import Annotated, Literal, NoReturn, TypeVar

from pydantic import AliasChoices, BeforeValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from shared.configuration.sources import Environment, UnreadableError, find, variable_names
from shared.configuration.surroundings import disarm
from shared.configuration.urls import ListenHost
from shared.console import complain

EXIT_CONFIGURATION = 2
HMAC_SECRET_BYTES_MIN = 32


def _upper(value: object) -> object:
    return value.upper() if isinstance(value, str) else value


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


AnyCase = BeforeValidator(_upper)


class Settings(BaseSettings):
    """What every process needs."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid", populate_by_name=True, hide_input_in_errors=True)

    log_level: Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"], AnyCase] = Field(
        "INFO", description="Least level that is logged."
    )

    database_connect_timeout_seconds: int = Field(2, ge=1, le=60, description="Longest wait for a new connection.")
    database_read_timeout_seconds: int = Field(
        10, ge=1, le=600, description="Longest wait for an answer of MySQL; must exceed the lock timeout."
    )
    database_lock_timeout_seconds: int = Field(5, ge=1, le=300, description="Longest wait for a row lock.")
    database_idle_timeout_seconds: int = Field(
        30, ge=5, le=28_800, description="MySQL ends a session, and frees its locks, after this long without a word."
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003  Environment replaces pydantic's own sources
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003  as above
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003  as above
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read from arguments (tests), then from `Environment`."""
        return init_settings, Environment(settings_cls)

    @model_validator(mode="after")
    def _server_gives_up_first(self) -> "Settings":
        # After a client timeout the statement keeps running on the server, and its locks stay.
        if self.database_lock_timeout_seconds >= self.database_read_timeout_seconds:
            msg = "DATABASE_LOCK_TIMEOUT_SECONDS must be below DATABASE_READ_TIMEOUT_SECONDS"
            raise ValueError(msg)
        return self


class ServiceSettings(Settings):
    """What both HTTP services need."""

    host: ListenHost = Field(
        "127.0.0.1",
        validation_alias=AliasChoices("LISTEN_HOST", "HOST"),
        description="Address or name to listen on; `::` is all, of IPv4 too. `HOST` counts where it is an address.",
    )
    forwarded_allow_ips: str = Field(
        "127.0.0.1,::1", description="Proxies whose `X-Forwarded-…` fields are believed; `*` for all."
    )
    request_timeout_seconds: float = Field(
        10, gt=0, le=300, description="A request whose header and body have not arrived by then is closed."
    )
    request_body_bytes_max: int = Field(65_536, ge=1_024, description="A larger body is answered 413.")
    request_header_bytes_max: int = Field(16_384, ge=1_024, description="A larger header is answered 431.")
    keep_alive_seconds: int = Field(75, ge=1, le=3_600, description="An idle connection is closed after this long.")
    shutdown_seconds: int = Field(10, ge=1, le=300, description="Requests in flight at SIGTERM get this long.")
    connections_max: int = Field(10_000, ge=10, description="More connections at once are answered 503.")
    access_log: bool = Field(default=False, description="Log a line for each request.")
    database_threads: int = Field(4, ge=1, le=64, description="Concurrent statements outside the batched paths.")
    database_queue_max: int = Field(1_000, ge=1, description="Calls that may wait for those threads; more get 503.")

    algorithm: Annotated[Literal["RS256", "ES256", "HS256"], AnyCase] = Field(
        "RS256",
        description="Signature of tokens. With `RS256` or `ES256` published keys of both are believed, "
        "each for its own; with `HS256` the shared secret alone.",
    )
    secret_key: SecretStr | None = Field(None, description="HS256 only: the shared secret, 32 bytes or more.")
    token_issuer: str = Field("http://localhost:8001", description="`iss` of the tokens: the auth service's URL.")
    token_audience: str = Field("event-booking", description="`aud` of the tokens.")
    revocations_refresh_seconds: float = Field(
        1, gt=0, le=2, description="Pause between two looks at what is revoked: seen after twice that, and a moment."
    )
    token_cache_max: int = Field(10_000, ge=0, description="Verified tokens that a process remembers until they end.")
    rate_limits: Annotated[Literal["on", "off"], BeforeValidator(_lower)] = Field(
        "on", description="`off`: nobody is refused for sending too much, or guessing passwords. For load tests only."
    )

    @model_validator(mode="after")
    def _hmac_needs_a_secret(self) -> "ServiceSettings":
        if (
            self.algorithm == "HS256"
            and len((self.secret_key or SecretStr("")).get_secret_value()) < HMAC_SECRET_BYTES_MIN
        ):
            msg = f"SECRET_KEY must have at least {HMAC_SECRET_BYTES_MIN} characters when ALGORITHM is HS256"
            raise ValueError(msg)
        return self


Loaded = TypeVar("Loaded", bound=Settings)


def load(settings: type[Loaded]) -> Loaded:
    """Read ``settings``, or end the process with one line that names each variable that is wrong."""
    disarm()
    try:
        return settings()
    except ValidationError as error:
        complaints = [
            _complaint(settings, str(line["loc"][0]) if line["loc"] else "", line["msg"]) for line in error.errors()
        ]
    except UnreadableError as error:
        complaints = [str(error)]
    return refuse("; ".join(complaints))


def refuse(complaint: str) -> NoReturn:
    """End the process with one line that says what is wrong with its configuration."""
    complain(f"configuration error: {complaint}")
    raise SystemExit(EXIT_CONFIGURATION)


def variable_of(settings: type[Settings], field_name: str) -> str:
    """Return the variable that gave a field its value, or the names of those that can when none did."""
    names = variable_names(field_name, settings.model_fields[field_name])
    found = find(names)
    return found.variable if found else " or ".join(names)


def _complaint(settings: type[Settings], location: str, message: str) -> str:
    fields = settings.model_fields.items()
    field_name = next((name for name, field in fields if location in (name, *variable_names(name, field))), None)
    names = variable_of(settings, field_name) if field_name else location
    message = message.removeprefix("Value error, ")
    return f"{names}: {message}" if names else message
