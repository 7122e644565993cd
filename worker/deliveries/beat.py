"""The scheduler of `celery -A worker.deliveries.app beat`: has the outbox looked at, for nudges that were lost."""

from worker.deliveries.process import publisher
from worker.schedule import BoundedScheduler


class DeliveryScheduler(BoundedScheduler):
    """Sends what a nudge sends: a look at the outbox finds whatever is due."""

    def publish(self) -> None:
        """Have the outbox looked at, unless a message that says so waits already. Raises one of BROKER_ERRORS."""
        publisher().publish()
