"""A scheduler for `celery beat` that sends one message again and again, by a clock that nobody sets."""

import logging

from celery.beat import ScheduleEntry, Scheduler

from shared.broker import BROKER_ERRORS

log = logging.getLogger(__name__)


class BoundedScheduler(Scheduler):
    """Sends on a producer's bounded way, so that a broker that is away costs a sweep and not the next ones."""

    # Celery's own way to send connects when it is looked at, and waits for that without end.
    producer = None  # type: ignore[assignment]  # and so nobody has one
    _is_sending = True

    def publish(self) -> None:
        """Send the message, unless one waits already. Raises one of BROKER_ERRORS."""
        raise NotImplementedError

    def apply_entry(self, entry: ScheduleEntry, producer: object = None) -> None:  # noqa: ARG002  Celery's own signature
        """Send the sweep, the only entry. The first one waits until the database has said what its queue is called."""
        try:
            self.publish()
        except BROKER_ERRORS as error:
            if self._is_sending:
                log.warning("no sweeps can be sent, each is tried in its turn: %s", error)
            self._is_sending = False
        else:
            if not self._is_sending:
                log.warning("sweeps are sent again")
            self._is_sending = True
