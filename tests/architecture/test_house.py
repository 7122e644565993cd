"""Rules of the house that no linter checks: sizes, who commits, what an import may do, which tasks and queues are."""

import ast
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from booking_service.wake import messages
from shared.outbox import nudge
from tests.fixtures.accounts import migrated_accounts
from tests.fixtures.box_office import migrated_sqlite

REPOSITORY = Path(__file__).resolve().parents[2]
PACKAGES = ("auth_service", "booking_service", "worker", "shared", "deploy", "lab", "load")
FILE_LINES_MAX = 300
FUNCTION_LINES_MAX = 50
DOMAINS = ("auth_service/domain", "booking_service/domain")


def sources(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (REPOSITORY / folder).rglob("*.py"))


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def test_the_sources_are_really_found() -> None:
    assert all(sources(folder) for folder in (*PACKAGES, *DOMAINS, "tests"))


def test_no_file_is_too_long_to_be_read_at_once() -> None:
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in sources(*PACKAGES, "tests")}
    assert {path: length for path, length in lengths.items() if length > FILE_LINES_MAX} == {}


def test_no_function_is_too_long_to_be_understood_at_once() -> None:
    lengths = {
        (path, node.name): (node.end_lineno or 0) - node.lineno + 1
        for path in sources(*PACKAGES)
        for node in functions(path)
    }
    assert {function: length for function, length in lengths.items() if length > FUNCTION_LINES_MAX} == {}


@pytest.mark.parametrize("path", sources(*DOMAINS), ids=lambda path: path.stem)
def test_no_domain_ends_a_transaction(path: Path) -> None:
    # Those who called it do: one unit of work, one owner.
    ends = {"commit", "rollback", "begin", "begin_nested", "connect"}
    names = [
        node.attr for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Attribute)
    ]
    assert ends & set(names) == set()


def python(code: str, database_url: str = "sqlite:///never-made.db") -> str:
    """Run ``code`` in a process of its own, configured as little as a worker needs."""
    environment = {
        "REDIS_URL": "redis://127.0.0.1:1/0",
        "BOOKING_DATABASE_URL": database_url,
        "AUTH_DATABASE_URL": database_url,
    }
    result = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **environment},
        cwd=REPOSITORY,
        text=True,
        capture_output=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_an_import_makes_no_engine_no_thread_and_no_file() -> None:
    # What is made at import is carried over the fork, where it does not work.
    modules = [
        ".".join(path.relative_to(REPOSITORY).with_suffix("").parts).removesuffix(".__init__")
        for path in sources("auth_service", "booking_service", "worker", "shared")
        if "migrations" not in path.parts or path.name == "migrations.py"
    ]
    code = f"""
import gc, importlib, json, threading
from sqlalchemy import Engine
from redis import Redis
for name in {modules!r}:
    importlib.import_module(name)
made = [type(thing).__name__ for thing in gc.get_objects() if isinstance(thing, (Engine, Redis))]
print(json.dumps([made, threading.active_count()]))
"""
    assert json.loads(python(code)) == [[], 1]
    assert not (REPOSITORY / "never-made.db").exists()


def worker(database_url: str) -> dict[str, list[str]]:
    code = """
import json
from celery.signals import celeryd_init
from kombu.transport.memory import Channel
from booking_service.wake.messages import LanePublisher
from worker.app import app, names
app.loader.import_default_modules()
celeryd_init.send(None)
publisher = LanePublisher.connect("memory://", names, timeout_seconds=1)
publisher.publish([1])
publisher.sweep()
queues = {name: queue for name, queue in Channel.queues.items() if queue.qsize()}
print(json.dumps({
    "tasks": [name for name in app.tasks if not name.startswith("celery.")],
    "consumed": list(app.amqp.queues.consume_from),
    "sent": [queue.get()["headers"]["task"] for queue in queues.values()],
    "sent_to": list(queues),
    "beaten": [entry["task"] for entry in app.conf.beat_schedule.values()],
    "default": [app.conf.task_default_queue],
    "named": [names().lanes_queue, names().sweep_queue],
}))
"""
    described: dict[str, list[str]] = json.loads(python(code, database_url))
    return described


def test_each_task_is_registered_and_sent_to_a_queue_of_this_installation_that_is_consumed(tmp_path: Path) -> None:
    described = worker(migrated_sqlite(tmp_path))
    assert set(described["tasks"]) == {messages.DRAIN, messages.SWEEP} == set(described["sent"])
    assert set(described["beaten"]) == {messages.SWEEP}
    assert set(described["sent_to"]) == set(described["consumed"]) == set(described["named"])
    assert set(described["default"]) <= set(described["consumed"])


def test_the_task_of_deliveries_is_registered_and_sent_to_the_queue_that_is_consumed(tmp_path: Path) -> None:
    code = """
import json
from celery.signals import celeryd_init
from kombu.transport.memory import Channel
from shared.outbox.nudge import NudgePublisher
from worker.deliveries.app import app
from worker.deliveries.process import queue
app.loader.import_default_modules()
celeryd_init.send(None)
NudgePublisher.connect("memory://", queue, timeout_seconds=1).publish()
sent = {name: queue.get()["headers"]["task"] for name, queue in Channel.queues.items() if queue.qsize()}
print(json.dumps({
    "tasks": [name for name in app.tasks if not name.startswith("celery.")],
    "consumed": list(app.amqp.queues.consume_from),
    "sent": list(sent.values()),
    "sent_to": list(sent),
    "beaten": [entry["task"] for entry in app.conf.beat_schedule.values()],
    "default": [app.conf.task_default_queue],
    "named": [queue()],
}))
"""
    described = json.loads(python(code, migrated_accounts(tmp_path)))
    assert [nudge.DELIVER] == described["tasks"] == described["sent"] == described["beaten"]
    assert described["named"] == described["sent_to"] == described["consumed"] == described["default"]


def test_task_names_stand_in_one_place() -> None:
    bare = [
        path
        for path in sources(*PACKAGES)
        if path.name not in {"messages.py", "nudge.py"}
        and any(name in path.read_text(encoding="utf-8") for name in (messages.DRAIN, messages.SWEEP, nudge.DELIVER))
    ]
    assert bare == []
