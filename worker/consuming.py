"""What the Celery applications have in common: how they consume, log and get over dead connections."""

import logging
from functools import partial

from billiard import pool
from celery import Celery
from celery.signals import setup_logging
from kombu import Exchange, Queue

from shared.logging import configure_logging
from worker import hand_back

HEALTH_CHECK_SECONDS = 5
CONNECT_SECONDS = 2
# These say two lines a task at INFO.
CHATTY_LOGGERS = ("celery.worker.strategy", "celery.app.trace", "celery.beat")


def consumer(name: str, url: str, *, tasks: str, seconds_max: int, concurrency: int) -> Celery:
    """Make an application whose ``tasks`` are in that module and are killed after ``seconds_max``."""
    # In tenths of a second. A child that ends waits until its parent has taken note of its last task, which a parent
    # that ends no longer does; billiard's 300 would hold up a stop for 30 s, and nobody reads what a task returned.
    pool.GUARANTEE_MESSAGE_CONSUMPTION_RETRY_LIMIT = 20
    hand_back.install()
    app = Celery(name, broker=url, include=[tasks])
    app.conf.update(
        task_time_limit=seconds_max,
        worker_concurrency=concurrency,
        # A message taken in advance would wait behind a long task while another worker is idle, and die with its
        # worker. Not even the one that the multiplier means; where the broker is not Redis, it still counts.
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
    )
    return app


def log_at(level: str) -> None:
    """Log as every process does, when Celery would begin to log in its own way."""
    setup_logging.connect(partial(configure, level), weak=False)


def configure(level: str, **_: object) -> None:
    """Log so from now on."""
    configure_logging(level)
    for name in CHATTY_LOGGERS:
        logging.getLogger(name).setLevel(logging.WARNING)


def consume(app: Celery, *queues: str) -> None:
    """Have ``app`` take messages from ``queues``, the first of which is for what is sent to none by name."""
    # Each with an exchange and a key of its own, as those who send declare it.
    app.conf.update(task_queues=[Queue(q, Exchange(q), q) for q in queues], task_default_queue=queues[0])
