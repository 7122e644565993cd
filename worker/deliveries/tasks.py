"""The task of deliveries."""

from shared.outbox.nudge import DELIVER
from worker.deliveries.app import app
from worker.deliveries.process import process
from worker.failures import SweptTask


@app.task(name=DELIVER, base=SweptTask)
def deliver() -> None:
    """Deliver what is due."""
    if (deliverer := process().deliverer) is not None:
        deliverer.run()
