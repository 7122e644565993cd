"""What crosses all tasks of lanes: what they work with."""

from worker.failures import SweptTask
from worker.process import Process, process


class WorkerTask(SweptTask):
    """A task of this worker."""

    abstract = True

    @property
    def process(self) -> Process:
        """What this process holds."""
        return process()
