"""How a process is configured, and the variables that all have in common: name, meaning, unit, default and bound.

A variable `NAME` is read from the environment, then from the file that `NAME_FILE` names (container secrets), then from
`.env`. Each service's own variables stand in its `settings.py`. A test checks README's table against all of them.
"""

import os
import sys
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar
from urllib.parse import urlsplit

from dotenv import dotenv_values
from pydantic import AfterValidator, AliasChoices, Field, SecretStr, ValidationError, model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

DOTENV = ".env"
EXIT_CONFIGURATION = 2
HMAC_SECRET_BYTES_MIN = 32
DATABASE_DRIVERS = ("mysql+pymysql", "mariadb+pymysql", "mariadb", "sqlite", "sqlite+pysqlite")


class UnreadableError(Exception):
    """A file that was to hold a value does not."""

    def __init__(self, variable: str, path: str, why: str | None) -> None:
        """Name the variable, the file and why."""
        super().__init__(f"{variable}: {path}: {why}")


# The messages are our own: a library's might repeat a part of the URL, and with it a password.
def _database_url(value: SecretStr) -> SecretStr:
    try:
        driver = make_url(value.get_secret_value()).drivername
    except (ArgumentError, ValueError):
        driver = None
    if driver not in DATABASE_DRIVERS:
        msg = "Use `mysql+pymysql://user:password@host/database` or `sqlite:///path`"
        raise ValueError(msg)
    return value


def _redis_url(value: SecretStr) -> SecretStr:
    if not _is_url(value.get_secret_value(), "redis", "rediss"):
        msg = "Use `redis://host:port/number` or `rediss://…`"
        raise ValueError(msg)
    return value


def _http_url(value: str) -> str:
    if not _is_url(value, "http", "https"):
        msg = "Use an absolute `http://` or `https://` URL"
        raise ValueError(msg)
    return value


def _is_url(value: str, *schemes: str) -> bool:
    try:
        url = urlsplit(value)
        return url.scheme in schemes and bool(url.hostname) and url.port != 0
    except ValueError:  # a bracket that is not closed, a port that is no number
        return False


DatabaseUrl = Annotated[SecretStr, AfterValidator(_database_url)]
RedisUrl = Annotated[SecretStr, AfterValidator(_redis_url)]
HttpUrl = Annotated[str, AfterValidator(_http_url)]


class Environment(PydanticBaseSettingsSource):
    """Reads `NAME`, else the content of the file named by `NAME_FILE`; the environment goes before `.env`."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """Find the value of one field under any of its names."""
        for source in (os.environ, dotenv_values(DOTENV)):
            for name in variable_names(field_name, field):
                if value := source.get(name):
                    return value, field_name, False
                if path := source.get(f"{name}_FILE"):
                    return _content(f"{name}_FILE", path), field_name, False
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        """Collect the values of all fields that are set."""
        found = {name: self.get_field_value(field, name)[0] for name, field in self.settings_cls.model_fields.items()}
        return {name: value for name, value in found.items() if value is not None}


def _content(variable: str, path: str) -> str:
    try:
        content = Path(path).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise UnreadableError(variable, path, error.strerror) from error
    except ValueError as error:
        raise UnreadableError(variable, path, "not UTF-8 text") from error
    if not content:
        raise UnreadableError(variable, path, "empty")
    return content


def variable_names(field_name: str, field: FieldInfo) -> list[str]:
    """List the environment variables that set this field, the most specific first."""
    alias = field.validation_alias
    if isinstance(alias, AliasChoices):
        return [str(choice) for choice in alias.choices]
    return [field_name.upper()]


class Settings(BaseSettings):
    """What every process needs."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid", populate_by_name=True, hide_input_in_errors=True)

    redis_url: RedisUrl = Field(description="Redis or Valkey: the Celery broker and wake flags.")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="Least level that is logged.")

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

    host: str = Field("127.0.0.1", description="Address that the service listens on.")
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

    algorithm: Literal["RS256", "HS256"] = Field("RS256", description="The one token signature that is accepted.")
    secret_key: SecretStr | None = Field(None, description="HS256 only: the shared secret, 32 bytes or more.")
    token_issuer: str = Field("http://localhost:8001", description="`iss` of the tokens: the auth service's URL.")
    token_audience: str = Field("event-booking", description="`aud` of the tokens.")
    token_cache_max: int = Field(10_000, ge=0, description="Verified tokens that a process remembers until they end.")

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
    try:
        return settings()
    except ValidationError as error:
        complaints = "; ".join(
            _complaint(settings, str(line["loc"][0]) if line["loc"] else "", line["msg"]) for line in error.errors()
        )
    except UnreadableError as error:
        complaints = str(error)
    except (OSError, UnicodeDecodeError):
        complaints = f"{DOTENV}: cannot be read as UTF-8 text"
    sys.stderr.write(f"configuration error: {complaints}\n")
    raise SystemExit(EXIT_CONFIGURATION)


def _complaint(settings: type[Settings], location: str, message: str) -> str:
    field = settings.model_fields.get(location)
    names = " or ".join(variable_names(location, field)) if field else location
    return f"{names}: {message}" if names else message.removeprefix("Value error, ")
