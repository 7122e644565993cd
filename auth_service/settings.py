"""The variables of the auth service."""

import os

from pydantic import AliasChoices, Field, SecretStr, model_validator

from shared.configuration.settings import ServiceSettings
from shared.configuration.urls import DatabaseUrl


class AuthSettings(ServiceSettings):
    """auth_service."""

    database_url: DatabaseUrl = Field(
        validation_alias=AliasChoices("AUTH_DATABASE_URL", "DATABASE_URL"),
        description="SQLAlchemy URL of the users' database: `mysql+pymysql://…` or `sqlite:///…`.",
    )
    port: int = Field(
        8001, validation_alias=AliasChoices("AUTH_PORT"), ge=1, le=65_535, description="Port to listen on."
    )
    jwt_private_key: SecretStr | None = Field(None, description="RS256 only: RSA private key, PEM, 2048 bits or more.")
    access_token_expire_minute: int = Field(30, ge=1, le=1_440, description="Life of an access token, minutes.")
    session_idle_hours: int = Field(336, ge=1, le=8_760, description="A session that is not refreshed ends, hours.")
    session_hours_max: int = Field(2_160, ge=1, le=8_760, description="A session ends after this, whatever is done.")
    sessions_max: int = Field(100, ge=1, le=1_000, description="Of one user; the longest unused of more ends.")
    refresh_grace_seconds: int = Field(
        10, ge=0, le=60, description="A used refresh token that comes again within this gets the same answer."
    )
    password_length_min: int = Field(8, ge=1, le=72, description="A shorter new password is refused.")
    argon2_memory_kib: int = Field(19_456, ge=19_456, description="Memory of one password hash, KiB.")
    argon2_time_cost: int = Field(2, ge=2, description="Passes of one password hash.")
    argon2_parallelism: int = Field(1, ge=1, description="Threads of one password hash.")
    argon2_threads: int = Field(os.cpu_count() or 1, ge=1, description="Password hashes at once; bounds their memory.")
    argon2_queue_max: int = Field(100, ge=1, description="Password checks that may wait; more get 503.")
    admin_email: str | None = Field(None, description="`create-admin` makes this admin when it is not there yet.")
    admin_password: SecretStr | None = Field(None, description="The password of that admin.")

    @model_validator(mode="after")
    def _rs256_needs_a_key(self) -> "AuthSettings":
        if self.algorithm == "RS256" and self.jwt_private_key is None:
            msg = "JWT_PRIVATE_KEY_FILE (or JWT_PRIVATE_KEY) must be set when ALGORITHM is RS256"
            raise ValueError(msg)
        return self
