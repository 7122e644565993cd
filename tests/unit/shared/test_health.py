"""Readiness: each dependency in a word, the reason in the log, and no more questions than it takes."""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from shared.http import health
from shared.http.health import Check, Impaired, Recent


async def answers() -> None:
    pass


async def fails() -> None:
    message = "it is away"
    raise OSError(message)


async def limps() -> None:
    state, reason = "overdue", "it waits for 70 s"
    raise Impaired(state, reason)


@dataclass(frozen=True)
class Holding:
    """As much of a process as readiness looks at."""

    checks: Mapping[str, Check]


def ready(checks: Mapping[str, Check]) -> tuple[int, dict[str, object]]:
    app = FastAPI()
    app.state.process = Holding(checks)
    app.include_router(health.router())
    with TestClient(app) as client:
        answer = client.get("/health/ready")
    return answer.status_code, answer.json()


def test_all_that_is_well_is_ok() -> None:
    status, body = ready({"database": Check(answers, required=True), "workers": Check(answers, required=False)})
    assert (status, body["status"]) == (200, "ok")


def test_what_is_not_required_degrades_and_is_told_in_its_own_word(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        status, body = ready({"database": Check(answers, required=True), "settlement": Check(limps, required=False)})
    assert (status, body["status"]) == (200, "degraded")
    assert body["dependencies"] == {"database": "ok", "settlement": "overdue"}
    assert "settlement: overdue: it waits for 70 s" in caplog.text


@pytest.mark.parametrize(("ask", "state"), [(fails, "unavailable"), (limps, "overdue")])
def test_what_is_required_makes_unready(ask: health.Ask, state: str) -> None:
    status, body = ready({"database": Check(ask, required=True)})
    assert (status, body) == (503, {"status": "unavailable", "dependencies": {"database": state}})


def test_a_question_is_asked_once_however_many_want_to_know() -> None:
    asked = 0

    async def ask() -> None:
        nonlocal asked
        asked += 1
        await limps()

    async def story() -> list[object]:
        recent = Recent(ask)
        return [*await asyncio.gather(*(recent() for _ in range(9)), return_exceptions=True)]

    found = asyncio.run(story())
    assert asked == 1
    assert [type(answer) for answer in found] == [Impaired] * 9


def test_an_old_answer_is_not_given_again() -> None:
    asked = 0

    async def ask() -> None:
        nonlocal asked
        asked += 1

    async def story() -> None:
        now = 100.0
        recent = Recent(ask, clock=lambda: now)
        await recent()
        now += health.RECENT_SECONDS
        await recent()
        assert asked == 1
        now += 0.1
        await recent()
        assert asked == 2

    asyncio.run(story())


def test_who_gives_up_waiting_takes_the_answer_from_nobody() -> None:
    async def story() -> None:
        go_on = asyncio.Event()
        recent = Recent(go_on.wait)
        impatient, patient = asyncio.create_task(_wait(recent)), asyncio.create_task(_wait(recent))
        await asyncio.sleep(0)
        impatient.cancel()
        go_on.set()
        assert await patient is True
        assert impatient.cancelled()

    async def _wait(recent: Recent) -> object:
        return await recent()

    asyncio.run(story())
