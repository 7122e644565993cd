"""The Celery application of workers and beat: `celery -A worker.app worker`, `celery -A worker.app beat`."""

import logging

from billiard import pool
from celery import Celery
from celery.signals import setup_logging
from kombu import Queue

from shared.console import open_console
from shared.logging import configure_logging
from shared.queue import LANES_QUEUE, SETTLE, SWEEP, SWEEP_QUEUE
from shared.settings import load
from worker import hand_back
from worker.settings import WorkerSettings

HEALTH_CHECK_SECONDS = 5
CONNECT_SECONDS = 2
SWEEP_EXPIRES_SECONDS = 300
# These say two lines a task at INFO.
CHATTY_LOGGERS = ("celery.worker.strategy", "celery.app.trace", "celery.beat")

# In tenths of a second. A child that ends waits until its parent has taken note of its last task, which a parent that
# ends no longer does; billiard's 300 would hold up a stop for 30 s, and nobody reads what a task returned.
pool.GUARANTEE_MESSAGE_CONSUMPTION_RETRY_LIMIT = 20

open_console()
settings = load(WorkerSettings)
hand_back.install()
app = Celery("worker", broker=settings.redis_url.get_secret_value(), include=["worker.tasks"])
app.conf.update(
    task_default_queue=LANES_QUEUE,
    task_routes={SETTLE: {"queue": LANES_QUEUE}, SWEEP: {"queue": SWEEP_QUEUE}},
    task_queues=[Queue(LANES_QUEUE), Queue(SWEEP_QUEUE)],
    # Nobody reads results: what a task did stands in the database.
    task_ignore_result=True,
    task_time_limit=settings.task_seconds_max,
    worker_concurrency=settings.worker_concurrency,
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
    beat_scheduler="celery.beat.Scheduler",
    beat_schedule={
        SWEEP: {
            "task": SWEEP,
            "schedule": settings.sweep_interval_seconds,
            # Sweeps that nobody ran for long are dropped: the next one sees the same. Long, because the clocks of
            # beat and worker may differ, and a worker that is ahead would drop every one.
            "options": {"queue": SWEEP_QUEUE, "expires": SWEEP_EXPIRES_SECONDS},
        }
    },
)


@setup_logging.connect
def _configure_logging(**_: object) -> None:
    configure_logging(settings.log_level)
    for name in CHATTY_LOGGERS:
        logging.getLogger(name).setLevel(logging.WARNING)
