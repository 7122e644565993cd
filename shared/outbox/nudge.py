"""The message that has an outbox looked at, a nudge: losing one costs a second, until the sweep comes."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass

from celery import Celery

from shared import broker
from shared.database.units import reason

DELIVER = "deliveries.mail"

log = logging.getLogger(__name__)


def deliveries_queue(installation: str) -> str:
    """Name the queue, so that several installations may share a broker and never hear each other."""
    return f"deliveries.{installation}"


@dataclass(frozen=True, slots=True)
class NudgePublisher:
    """Sends nudges, bounded in time. ``queue`` is asked when it is first needed; calls also raise what it does."""

    celery: Celery
    queue: Callable[[], str]

    @classmethod
    def connect(cls, url: str, queue: Callable[[], str], *, timeout_seconds: float) -> "NudgePublisher":
        """Prepare to publish to the broker at ``url``, waiting at most ``timeout_seconds`` and trying once."""
        return cls(broker.producer(url, timeout_seconds=timeout_seconds), queue)

    def publish(self) -> None:
        """Have the outbox looked at, unless a message that says so waits already. Raises one of BROKER_ERRORS."""
        queue = self.queue()
        if broker.waiting(self.celery, queue) == 0:
            self.celery.send_task(DELIVER, queue=queue, retry=False)

    def close(self) -> None:
        """Close the connections."""
        self.celery.close()


class Nudger:
    """Nudges from a thread of its own, so that no request ever waits for Redis. Nudges that wait are one."""

    def __init__(self, publish: Callable[[], None], pause_seconds: float) -> None:
        """Nudge with ``publish``; after a failure leave Redis alone for ``pause_seconds``."""
        self._publish = publish
        self._pause_seconds = pause_seconds
        self._wanted = False
        self._changed = threading.Condition()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="nudger", daemon=True)
        self._thread.start()

    def nudge(self) -> None:
        """Have the outbox looked at soon. Call it after the commit; returns at once."""
        with self._changed:
            self._wanted = True
            self._changed.notify()

    def close(self) -> None:
        """Try once to send what is left, then stop."""
        self._closing.set()
        with self._changed:
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._wanted or self._closing.is_set())
                wanted, self._wanted = self._wanted, False
            if not wanted:
                return
            try:
                self._publish()
            except Exception as error:  # noqa: BLE001  whatever it is, this thread is the only one that nudges
                log.warning("no nudge, the sweep will look: %s: %s", type(error).__name__, reason(error))
                self._closing.wait(self._pause_seconds)
