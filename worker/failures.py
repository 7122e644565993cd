"""Which failures of a task are a line in the log instead of a traceback."""

import logging
from typing import Any

from celery import Task

from shared.broker import BROKER_ERRORS
from shared.database.units import reason
from shared.errors import Unavailable

log = logging.getLogger(__name__)

EXPECTED_ERRORS = (Unavailable, *BROKER_ERRORS)


class SweptTask(Task):  # type: ignore[type-arg]  # generic in the stubs only
    """A task that may run twice, late, or not at all; the sweep looks after what it did not do."""

    abstract = True
    throws = EXPECTED_ERRORS
    # Nobody reads results: what a task did stands in the database.
    ignore_result = True

    def on_failure(self, exc: Exception, task_id: str, args: Any, kwargs: Any, einfo: Any) -> None:  # noqa: ANN401  Celery's own signature
        """Say what was not done: Celery says it at the level at which it also tells of every task that was."""
        if isinstance(exc, EXPECTED_ERRORS):
            log.warning("%s %s failed, the sweep will look after it: %s", self.name, list(args), reason(exc))
        super().on_failure(exc, task_id, args, kwargs, einfo)
