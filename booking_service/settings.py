"""The variables of the booking service, and those that it shares with the worker."""

from pydantic import AliasChoices, Field, model_validator

from shared.configuration.settings import ServiceSettings, Settings
from shared.configuration.urls import Authorities, DatabaseUrl, HttpUrl, RedisUrl


class BookingDatabaseSettings(Settings):
    """What every process of the booking service needs, its commands too."""

    database_url: DatabaseUrl = Field(
        validation_alias=AliasChoices("BOOKING_DATABASE_URL", "DATABASE_URL"),
        description="SQLAlchemy URL of the events' and bookings' database.",
    )


class BookingQueueSettings(BookingDatabaseSettings):
    """What those need besides who wake and drain lanes."""

    redis_url: RedisUrl = Field(description="Redis or Valkey: the Celery broker and wake flags.")
    wake_flag_seconds: int = Field(
        60,
        ge=10,
        le=3_600,
        description="A lane is not woken twice within this long; longer than a turn waits for its worker.",
    )


class BookingSettings(ServiceSettings, BookingQueueSettings):
    """booking_service."""

    port: int = Field(
        8002, validation_alias=AliasChoices("BOOKING_PORT"), ge=1, le=65_535, description="Port to listen on."
    )
    jwks_url: HttpUrl | None = Field(None, description="RS256 and ES256: where the auth service publishes its keys.")
    jwks_ca: Authorities | None = Field(
        None,
        description="PEM of the authorities that an `https` JWKS_URL is trusted by; the public ones, if not given.",
    )
    jwks_timeout_seconds: float = Field(2, gt=0, le=30, description="Longest wait for the keys.")
    jwks_refresh_seconds: float = Field(
        2, gt=0, le=3_600, description="Pause between two looks whether other keys are published by now."
    )
    jwks_cooldown_seconds: float = Field(
        5, gt=0, le=3_600, description="Least pause between two fetches besides, for tokens that name an unknown key."
    )
    revocations_url: HttpUrl | None = Field(
        None,
        description="Where the auth service says what is revoked; `revocations` beside JWKS_URL, if not given.",
    )
    lanes: int = Field(16, ge=1, le=4_096, description="Lanes that new events are spread over.")
    intake_threads: int = Field(2, ge=1, le=16, description="Batches of new bookings written at once.")
    intake_batch_max: int = Field(500, ge=1, le=5_000, description="Bookings in one insert.")
    intake_queue_max: int = Field(10_000, ge=1, description="Bookings that may wait for an insert; more get 503.")
    lookup_threads: int = Field(2, ge=1, le=16, description="Batches of reads at once.")
    lookup_batch_max: int = Field(500, ge=1, le=5_000, description="Rows asked for in one read.")
    lookup_queue_max: int = Field(20_000, ge=1, description="Reads that may wait; more get 503.")
    change_threads: int = Field(1, ge=1, le=16, description="Batches of changes (cancel, confirm, …) written at once.")
    change_batch_max: int = Field(500, ge=1, le=5_000, description="Requests for changes in one insert.")
    change_queue_max: int = Field(2_000, ge=1, description="Requests for changes that may wait for it; more get 503.")
    change_wait_seconds: float = Field(
        2, ge=0, le=30, description="How long a change is waited for when `Prefer: wait` does not say."
    )
    bookings_per_user_max: int = Field(
        600, ge=1, description="Bookings that a user may ask of one process in a minute; more get 429."
    )
    seats_per_booking_max: int = Field(100, ge=1, le=10_000, description="More seats in one booking are refused.")
    wait_seconds_max: int = Field(30, ge=0, le=120, description="Upper bound of `Prefer: wait`.")
    event_cache_max: int = Field(100_000, ge=1, description="Events whose lane a process remembers.")
    sold_out_refresh_seconds: float = Field(
        0.5, gt=0, le=60, description="How old the knowledge may be by which a full event is refused."
    )
    publish_timeout_seconds: float = Field(0.5, gt=0, le=10, description="Longest wait for Redis when waking a lane.")
    publish_pause_seconds: float = Field(
        1, gt=0, le=60, description="No wake-up is tried for this long after a failure."
    )
    settlement_overdue_seconds: float = Field(
        60, gt=0, le=3_600, description="Readiness says `overdue` when a booking has waited longer for its decision."
    )

    @model_validator(mode="after")
    def _public_keys_must_be_found(self) -> "BookingSettings":
        if self.algorithm != "HS256" and self.jwks_url is None:
            msg = f"JWKS_URL must be set when ALGORITHM is {self.algorithm}"
            raise ValueError(msg)
        return self
