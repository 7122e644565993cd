"""The Celery application of workers and beat: `celery -A worker.app worker`, `celery -A worker.app beat`."""

import logging

from billiard import pool
from celery import Celery
from celery.schedules import schedule
from celery.signals import celeryd_init, setup_logging
from kombu import Exchange, Queue

from booking_service.wake.messages import SWEEP
from shared.clock import elapsed
from shared.console import open_console
from shared.logging import configure_logging
from worker import hand_back
from worker.process import CONNECT_SECONDS, names, settings

HEALTH_CHECK_SECONDS = 5
# These say two lines a task at INFO.
CHATTY_LOGGERS = ("celery.worker.strategy", "celery.app.trace", "celery.beat")

# In tenths of a second. A child that ends waits until its parent has taken note of its last task, which a parent that
# ends no longer does; billiard's 300 would hold up a stop for 30 s, and nobody reads what a task returned.
pool.GUARANTEE_MESSAGE_CONSUMPTION_RETRY_LIMIT = 20

open_console()
configured = settings()
hand_back.install()
app = Celery("worker", broker=configured.redis_url.get_secret_value(), include=["worker.tasks"])
app.conf.update(
    task_time_limit=configured.task_seconds_max,
    worker_concurrency=configured.worker_concurrency,
    # A message taken in advance would wait behind a long drain while another worker is idle, and die with its worker.
    # Not even the one that the multiplier means; where the broker is not Redis, it still counts.
    worker_disable_prefetch=True,
    worker_prefetch_multiplier=1,
    worker_hijack_root_logger=False,
    # Dead connections are noticed, and Redis is waited for without end.
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    broker_transport_options={
        "health_check_interval": HEALTH_CHECK_SECONDS,
        "socket_timeout": HEALTH_CHECK_SECONDS,
        "socket_connect_timeout": CONNECT_SECONDS,
    },
    # No file: after a restart the sweep is due at once, which is what it is for.
    beat_scheduler="worker.beat:SweepScheduler",
    # By elapsed time. By the time of day, a clock that is set back an hour would end sweeps for that hour.
    beat_schedule={SWEEP: {"task": SWEEP, "schedule": schedule(configured.sweep_interval_seconds, nowfun=elapsed)}},
)


@setup_logging.connect
def _configure_logging(**_: object) -> None:
    configure_logging(configured.log_level)
    for name in CHATTY_LOGGERS:
        logging.getLogger(name).setLevel(logging.WARNING)


@celeryd_init.connect
def _name_queues(**_: object) -> None:
    # In the worker, before it takes messages and before it forks; it says nothing by itself until then.
    _configure_logging()
    queues = names().lanes_queue, names().sweep_queue
    # Each with an exchange and a key of its own, as those who send declare it.
    app.conf.update(task_queues=[Queue(q, Exchange(q), q) for q in queues], task_default_queue=names().lanes_queue)
