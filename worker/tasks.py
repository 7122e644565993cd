"""The tasks."""

from booking_service.wake.messages import DRAIN, SWEEP
from worker.app import app
from worker.task import WorkerTask


@app.task(name=DRAIN, base=WorkerTask, bind=True)
def drain(self: WorkerTask, lanes: list[int], *, swept: bool = False) -> None:
    """Drain ``lanes``; when they have more work than one turn allows, they queue again behind the others."""
    if swept:
        self.process.sweeper.arrived(lanes)
    self.process.drainer.drain(lanes, swept=swept)


@app.task(name=SWEEP, base=WorkerTask, bind=True)
def sweep(self: WorkerTask) -> None:
    """Send workers to lanes that have waited too long."""
    self.process.sweeper.sweep()
