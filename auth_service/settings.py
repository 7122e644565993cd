"""The variables of the auth service."""

import os

from pydantic import AliasChoices, Field, SecretStr, model_validator

from shared.configuration.mail import MailSettings
from shared.configuration.settings import ServiceSettings
from shared.configuration.urls import DatabaseUrl, RedisUrl

KEY_ENCRYPTION_SECRET_BYTES_MIN = 32


class AuthMailSettings(MailSettings):
    """What auth_service and those who deliver its mail need."""

    database_url: DatabaseUrl = Field(
        validation_alias=AliasChoices("AUTH_DATABASE_URL", "DATABASE_URL"),
        description="SQLAlchemy URL of the users' database: `mysql+pymysql://…` or `sqlite:///…`.",
    )


class AuthSettings(ServiceSettings, AuthMailSettings):
    """auth_service."""

    port: int = Field(
        8001, validation_alias=AliasChoices("AUTH_PORT"), ge=1, le=65_535, description="Port to listen on."
    )
    jwt_private_key: SecretStr | None = Field(
        None,
        description="Private key, PEM, that signs until the first `keys rotate`: RSA of 2048 bits or more, or P-256.",
    )
    key_encryption_secret: SecretStr | None = Field(
        None, description="Secret that rotated keys are stored under, 32 bytes or more; `keys rotate` needs it."
    )
    key_published_seconds: int = Field(
        300,
        ge=5,
        le=86_400,
        description="How long a new key is published before it signs; caches may keep keys as long.",
    )
    access_token_expire_minute: int = Field(30, ge=1, le=1_440, description="Life of an access token, minutes.")
    session_idle_hours: int = Field(336, ge=1, le=8_760, description="A session that is not refreshed ends, hours.")
    session_hours_max: int = Field(2_160, ge=1, le=8_760, description="A session ends after this, whatever is done.")
    sessions_max: int = Field(1_000, ge=1, le=100_000, description="Of one user; the longest unused of more ends.")
    refresh_grace_seconds: int = Field(
        10, ge=0, le=60, description="A used refresh token that comes again within this gets the same answer."
    )
    password_length_min: int = Field(8, ge=1, le=72, description="A shorter new password is refused.")
    argon2_memory_kib: int = Field(19_456, ge=19_456, description="Memory of one password hash, KiB.")
    argon2_time_cost: int = Field(2, ge=2, description="Passes of one password hash.")
    argon2_parallelism: int = Field(1, ge=1, description="Threads of one password hash.")
    argon2_threads: int = Field(os.cpu_count() or 1, ge=1, description="Password hashes at once; bounds their memory.")
    argon2_queue_max: int = Field(100, ge=1, description="Password checks that may wait; more get 503.")
    redis_url: RedisUrl | None = Field(
        None,
        description="Redis or Valkey. With it all processes count requests together, and mail is sent at once.",
    )
    rate_window_seconds: int = Field(
        600, ge=1, le=86_400, description="The time in which no more may come than the next six say."
    )
    logins_per_address_max: int = Field(1_500, ge=1, description="Logins from one address (of IPv6, one /64).")
    logins_per_account_max: int = Field(
        60, ge=1, description="Wrong passwords of one account, from all addresses together."
    )
    registrations_per_address_max: int = Field(1_000, ge=1, description="Registrations from one address.")
    registrations_per_account_max: int = Field(20, ge=1, description="Registrations of one mailbox.")
    links_per_address_max: int = Field(200, ge=1, description="Links that one address asks to have mailed.")
    links_per_account_max: int = Field(5, ge=1, description="Links that are mailed to one mailbox.")
    login_tries_free: int = Field(
        5, ge=1, le=100, description="From this wrong password of an account on, its sender must wait: 1 s, 2 s, 4 s, …"
    )
    login_delay_seconds_max: int = Field(900, ge=1, le=3_600, description="The longest of these waits.")
    rate_redis_timeout_seconds: float = Field(
        0.2, gt=0, le=2, description="Longest wait for Redis when counting; then the process counts for itself."
    )
    rate_redis_pause_seconds: float = Field(
        5, gt=0, le=300, description="Redis is left alone for this long after it did not answer."
    )
    rate_keys_max: int = Field(100_000, ge=100, description="Addresses, and accounts, that a process itself counts.")
    verification_hours: int = Field(24, ge=1, le=168, description="Life of a link that verifies an address.")
    password_reset_minutes: int = Field(30, ge=5, le=1_440, description="Life of a link for a new password.")
    require_verified_email: bool = Field(
        default=False, description="Tokens allow booking only once the user's address is verified; needs mail."
    )
    admin_email: str | None = Field(None, description="`create-admin` makes this admin when it is not there yet.")
    admin_password: SecretStr | None = Field(None, description="The password of that admin.")

    @model_validator(mode="after")
    def _somebody_can_sign(self) -> "AuthSettings":
        # Once keys were rotated the configured one is not needed any more; a service without any is not ready.
        if self.algorithm != "HS256" and self.jwt_private_key is None and self.key_encryption_secret is None:
            msg = f"JWT_PRIVATE_KEY_FILE (or JWT_PRIVATE_KEY) must be set when ALGORITHM is {self.algorithm}"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _keys_need_a_long_secret(self) -> "AuthSettings":
        secret = self.key_encryption_secret
        if secret is not None and len(secret.get_secret_value().encode()) < KEY_ENCRYPTION_SECRET_BYTES_MIN:
            msg = f"KEY_ENCRYPTION_SECRET must have at least {KEY_ENCRYPTION_SECRET_BYTES_MIN} bytes"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _verifying_needs_mail(self) -> "AuthSettings":
        if self.require_verified_email and self.mail_mode == "off":
            msg = "REQUIRE_VERIFIED_EMAIL needs mail: MAIL_MODE is off"
            raise ValueError(msg)
        return self
