"""The variables of worker and beat."""

from pydantic import Field

from booking_service.settings import BookingQueueSettings


class WorkerSettings(BookingQueueSettings):
    """worker and beat."""

    worker_concurrency: int = Field(2, ge=1, le=64, description="Turns that one worker has at once.")
    settle_batch_max: int = Field(1_000, ge=1, le=5_000, description="Bookings decided in one transaction.")
    drain_seconds_max: float = Field(2, gt=0, le=60, description="A turn gives way to other lanes after this long.")
    task_seconds_max: int = Field(60, ge=10, le=3_600, description="A task that runs longer is killed.")
    sweep_interval_seconds: float = Field(1, gt=0, le=60, description="How often forgotten lanes are looked for.")
    sweep_age_seconds: float = Field(3, gt=0, le=600, description="A lane with an older due booking is woken.")
