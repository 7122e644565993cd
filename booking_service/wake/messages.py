"""The messages that send a worker to lanes, each a nudge: losing one loses no booking."""

from collections.abc import Sequence
from dataclasses import dataclass

from celery import Celery
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from booking_service.wake.names import FindNames

DRAIN = "booking.drain"
SWEEP = "booking.sweep"
# What publishing through Celery raises when the broker is away.
BROKER_ERRORS = (OperationalError, RedisError, OSError)


@dataclass(frozen=True, slots=True)
class LanePublisher:
    """Sends `drain(lanes)` and sweeps through Celery, bounded in time: a producer's settings differ from a consumer's.

    Calls also raise what ``names`` does.
    """

    celery: Celery
    names: FindNames

    @classmethod
    def connect(cls, url: str, names: FindNames, *, timeout_seconds: float) -> "LanePublisher":
        """Prepare to publish to the broker at ``url``, waiting at most ``timeout_seconds`` and trying once."""
        celery = Celery("producer", broker=url, set_as_current=False)
        celery.conf.update(
            task_publish_retry=False,
            task_ignore_result=True,
            broker_pool_limit=1,
            broker_pool_acquire_timeout=timeout_seconds,
            broker_transport_options={
                "socket_timeout": timeout_seconds,
                "socket_connect_timeout": timeout_seconds,
                "max_retries": 0,
                "interval_start": 0,
                "interval_step": 0,
                "interval_max": 0,
            },
        )
        return cls(celery, names)

    def publish(self, lanes: Sequence[int], *, swept: bool = False) -> None:
        """Have ``lanes`` drained, on behalf of the sweep or of a wake-up. Raises one of BROKER_ERRORS."""
        queue = self.names().lanes_queue
        self.celery.send_task(DRAIN, args=[lanes], kwargs={"swept": swept}, queue=queue, retry=False)

    def sweep(self) -> None:
        """Have forgotten lanes looked for, unless a sweep waits already. Raises one of BROKER_ERRORS.

        So sweeps never pile up while nobody runs them, and none needs an expiry, which would be judged by another
        machine's clock.
        """
        queue = self.names().sweep_queue
        if self._waiting(queue) == 0:
            self.celery.send_task(SWEEP, queue=queue, retry=False)

    def waiting(self) -> int:
        """Count the messages to lanes that no worker has taken yet. Raises one of BROKER_ERRORS."""
        return self._waiting(self.names().lanes_queue)

    def ping(self) -> None:
        """Ask the broker for a sign of life on the way that messages take. Raises one of BROKER_ERRORS."""
        with self.celery.connection_or_acquire() as connection:
            # Connects, within the bounds above, unless that was done; opening a channel is a round trip in any case.
            _ = connection.default_channel
            connection.channel().close()

    def _waiting(self, queue: str) -> int:
        with self.celery.connection_or_acquire() as connection:
            declared = connection.default_channel.queue_declare(queue, durable=True, auto_delete=False)
            return int(declared.message_count)
