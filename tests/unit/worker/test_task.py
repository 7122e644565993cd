"""What an operator reads of a task that could not do its work: what was not done, and why."""

import logging
from collections.abc import Iterator
from uuid import uuid4

import pytest
from celery import Celery
from celery.app.trace import build_tracer
from kombu.exceptions import OperationalError as BrokerError
from pymysql.err import OperationalError as DriverError
from redis.exceptions import ConnectionError as RedisConnectionError
from sqlalchemy.exc import OperationalError

from shared.errors import Unavailable
from worker.task import WorkerTask

NOT_THERE = "Can't connect to MySQL server on 'db'"


def unavailable() -> Unavailable:
    error = Unavailable()
    error.__cause__ = OperationalError("SELECT secrets FROM bookings", {}, DriverError(2003, NOT_THERE))
    return error


@pytest.fixture
def app() -> Iterator[Celery]:
    app = Celery("of a test", set_as_current=False)
    yield app
    app.close()


def perform(app: Celery, error: Exception) -> None:
    """Have a worker's own tracer perform a task that raises ``error``."""

    def fail(_lanes: list[int]) -> None:
        raise error

    task = app.task(name="fail", base=WorkerTask)(fail)
    build_tracer(task.name, task, app=app)(uuid4().hex, [[3, 7]], {}, {"delivery_info": {}})


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (unavailable(), NOT_THERE),
        (Unavailable("No thread was free."), "No thread was free."),
        (RedisConnectionError("Error 111 connecting to redis:6379."), "Error 111 connecting to redis:6379."),
        (BrokerError("Timeout reading from socket"), "Timeout reading from socket"),
        (ConnectionResetError(104, "Connection reset by peer"), "Connection reset by peer"),
    ],
)
def test_a_task_that_could_not_do_its_work_says_why_in_a_line(
    app: Celery, caplog: pytest.LogCaptureFixture, error: Exception, why: str
) -> None:
    perform(app, error)
    (record,) = (record for record in caplog.records if record.name == "worker.failures")
    assert record.levelno == logging.WARNING
    assert record.getMessage() == f"fail [[3, 7]] failed, the sweep will look after it: {why}"


def test_a_bug_is_left_to_celery_which_writes_the_traceback(app: Celery, caplog: pytest.LogCaptureFixture) -> None:
    perform(app, KeyError("a bug"))
    assert [(record.name, record.levelno) for record in caplog.records] == [("celery.app.trace", logging.ERROR)]
    assert caplog.records[0].exc_info
