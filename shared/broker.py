"""Sending messages through Celery, bounded in time: a producer's settings differ from a consumer's."""

from celery import Celery
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

# What publishing through Celery raises when the broker is away.
BROKER_ERRORS = (OperationalError, RedisError, OSError)


def producer(url: str, *, timeout_seconds: float) -> Celery:
    """Prepare to publish to the broker at ``url``, waiting at most ``timeout_seconds`` and trying once."""
    celery = Celery("producer", broker=url, set_as_current=False)
    celery.conf.update(
        task_publish_retry=False,
        task_ignore_result=True,
        broker_pool_limit=1,
        broker_pool_acquire_timeout=timeout_seconds,
        broker_transport_options={
            "socket_timeout": timeout_seconds,
            "socket_connect_timeout": timeout_seconds,
            "max_retries": 0,
            "interval_start": 0,
            "interval_step": 0,
            "interval_max": 0,
        },
    )
    return celery


def waiting(celery: Celery, queue: str) -> int:
    """Count the messages of ``queue`` that no worker has taken yet. Raises one of BROKER_ERRORS."""
    with celery.connection_or_acquire() as connection:
        declared = connection.default_channel.queue_declare(queue, durable=True, auto_delete=False)
        return int(declared.message_count)
