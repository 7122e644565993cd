"""The scheduler of `celery -A worker.app beat`: sends sweeps, by a clock that nobody sets and never into a pile."""

from worker.process import publisher
from worker.schedule import BoundedScheduler


class SweepScheduler(BoundedScheduler):
    """Sends the sweep of lanes."""

    def publish(self) -> None:
        """Send a sweep, unless one waits already. Raises one of BROKER_ERRORS."""
        publisher().sweep()
