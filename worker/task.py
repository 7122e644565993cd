"""What crosses all tasks: what they work with, and which failures are a line in the log instead of a traceback."""

import logging
from typing import Any

from celery import Task

from booking_service.wake.messages import BROKER_ERRORS
from shared.database.units import reason
from shared.errors import Unavailable
from worker.process import Process, process

log = logging.getLogger(__name__)

EXPECTED_ERRORS = (Unavailable, *BROKER_ERRORS)


class WorkerTask(Task):  # type: ignore[type-arg]  # generic in the stubs only
    """A task of this worker. It may run twice, late, or not at all; the sweep looks after what it did not do."""

    abstract = True
    throws = EXPECTED_ERRORS
    # Nobody reads results: what a task did stands in the database.
    ignore_result = True

    @property
    def process(self) -> Process:
        """What this process holds."""
        return process()

    def on_failure(self, exc: Exception, task_id: str, args: Any, kwargs: Any, einfo: Any) -> None:  # noqa: ANN401  Celery's own signature
        """Say what was not done: Celery says it at the level at which it also tells of every task that was."""
        if isinstance(exc, EXPECTED_ERRORS):
            log.warning("%s %s failed, the sweep will look after it: %s", self.name, list(args), reason(exc))
        super().on_failure(exc, task_id, args, kwargs, einfo)
