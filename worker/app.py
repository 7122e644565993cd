"""The Celery application of workers and beat: `celery -A worker.app worker`, `celery -A worker.app beat`."""

from celery.schedules import schedule
from celery.signals import celeryd_init

from booking_service.wake.messages import SWEEP
from shared.clock import elapsed
from shared.console import open_console
from worker.consuming import configure, consume, consumer, log_at
from worker.process import names, settings

open_console()
configured = settings()
app = consumer(
    "worker",
    configured.redis_url.get_secret_value(),
    tasks="worker.tasks",
    seconds_max=configured.task_seconds_max,
    concurrency=configured.worker_concurrency,
)
app.conf.update(
    # No file: after a restart the sweep is due at once, which is what it is for.
    beat_scheduler="worker.beat:SweepScheduler",
    # By elapsed time. By the time of day, a clock that is set back an hour would end sweeps for that hour.
    beat_schedule={SWEEP: {"task": SWEEP, "schedule": schedule(configured.sweep_interval_seconds, nowfun=elapsed)}},
)
log_at(configured.log_level)


@celeryd_init.connect
def _name_queues(**_: object) -> None:
    # In the worker, before it takes messages and before it forks; it says nothing by itself until then.
    configure(configured.log_level)
    consume(app, names().lanes_queue, names().sweep_queue)
