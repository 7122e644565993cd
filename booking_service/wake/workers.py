"""One API process's way to the workers: it wakes them, and listens whether they are there."""

from functools import cache

from booking_service.domain.installation import installation_name
from booking_service.settings import BookingSettings
from booking_service.wake.flags import LaneFlags
from booking_service.wake.messages import LanePublisher
from booking_service.wake.names import Names
from booking_service.wake.sign_of_life import Listener, SignOfLife
from booking_service.wake.waker import Waker
from shared.database.units import Database
from shared.threads.offload import BoundedExecutor


class WorkerLink:
    """The waker, and what readiness wants to know of Redis and of those behind it."""

    def __init__(self, database: Database, settings: BookingSettings) -> None:
        """Prepare connections to Redis; ``database`` is asked for the installation's name when that is first needed."""
        url, timeout_seconds = settings.redis_url.get_secret_value(), settings.publish_timeout_seconds
        names = cache(lambda: Names.of(database.read(installation_name)))
        self._flags = LaneFlags.connect(
            url, names, expiry_seconds=settings.wake_flag_seconds, timeout_seconds=timeout_seconds
        )
        publisher = LanePublisher.connect(url, names, timeout_seconds=timeout_seconds)
        self.waker = Waker(self._flags, publisher.publish, settings.publish_pause_seconds)
        # Its own connection: whoever asks for readiness holds up nobody who publishes.
        self._probe = LanePublisher.connect(url, names, timeout_seconds=timeout_seconds)
        self._sign = SignOfLife.connect(url, names, timeout_seconds=timeout_seconds)
        self._listener = Listener(self._sign.read)
        self._executor = BoundedExecutor(name="redis", threads=1, queue_max=settings.database_queue_max)

    async def ping(self) -> None:
        """Ask Redis for a sign of life, both as flags are set and as messages are sent. Raises one of BROKER_ERRORS."""
        await self._executor.run(self._ping)

    async def are_heard(self) -> bool:
        """Tell whether workers complete sweeps. Raises one of BROKER_ERRORS or Unavailable when nobody can listen."""
        return await self._executor.run(self._listener.hears)

    def close(self) -> None:
        """Try once to wake what is left, then close the connections."""
        self._executor.close()
        self.waker.close()
        self._probe.celery.close()
        self._sign.close()

    def _ping(self) -> None:
        self._flags.ping()
        self._probe.ping()
