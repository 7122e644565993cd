"""The Celery application of deliveries: `celery -A worker.deliveries.app worker`, and `beat`."""

from celery.schedules import schedule
from celery.signals import celeryd_init

from shared.clock import elapsed
from shared.console import open_console
from shared.outbox.nudge import DELIVER
from worker.consuming import configure, consume, consumer, log_at
from worker.deliveries.process import queue, settings

open_console()
configured = settings()
app = consumer(
    "deliveries",
    configured.redis_url.get_secret_value(),
    tasks="worker.deliveries.tasks",
    seconds_max=configured.delivery_seconds_max,
    concurrency=configured.delivery_concurrency,
)
app.conf.update(
    # No file: after a restart the sweep is due at once, which is what it is for.
    beat_scheduler="worker.deliveries.beat:DeliveryScheduler",
    # By elapsed time. By the time of day, a clock that is set back an hour would end sweeps for that hour.
    beat_schedule={DELIVER: {"task": DELIVER, "schedule": schedule(configured.delivery_sweep_seconds, nowfun=elapsed)}},
)
log_at(configured.log_level)


@celeryd_init.connect
def _name_queue(**_: object) -> None:
    # In the worker, before it takes messages and before it forks; it says nothing by itself until then.
    configure(configured.log_level)
    consume(app, queue())
