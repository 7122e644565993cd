"""The messages that send a worker to lanes, each a nudge: losing one loses no booking."""

from collections.abc import Sequence
from dataclasses import dataclass

from celery import Celery

from booking_service.wake.names import FindNames
from shared import broker

DRAIN = "booking.drain"
SWEEP = "booking.sweep"
BROKER_ERRORS = broker.BROKER_ERRORS


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
        return cls(broker.producer(url, timeout_seconds=timeout_seconds), names)

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
        if broker.waiting(self.celery, queue) == 0:
            self.celery.send_task(SWEEP, queue=queue, retry=False)

    def waiting(self) -> int:
        """Count the messages to lanes that no worker has taken yet. Raises one of BROKER_ERRORS."""
        return broker.waiting(self.celery, self.names().lanes_queue)

    def ping(self) -> None:
        """Ask the broker for a sign of life on the way that messages take. Raises one of BROKER_ERRORS."""
        with self.celery.connection_or_acquire() as connection:
            # Connects, within the bounds above, unless that was done; opening a channel is a round trip in any case.
            _ = connection.default_channel
            connection.channel().close()
