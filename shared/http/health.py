"""Liveness, which depends on nothing, and readiness, which tells the truth about each dependency."""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from shared.http.strict_route import StrictRoute

CHECK_SECONDS_MAX = 3
RECENT_SECONDS = 1

Ask = Callable[[], Coroutine[Any, Any, object]]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Check:
    """How to ask one dependency whether it answers, and whether the service can do its work without it."""

    ask: Ask
    required: bool
    variable: str = ""  # that says where it is


class Impaired(Exception):  # noqa: N818  a state, and what was found
    """What a check raises when it got an answer, and not a good one."""

    def __init__(self, state: str, reason: str) -> None:
        """Show ``state`` in the answer, write ``reason`` into the log."""
        super().__init__(reason)
        self.state = state


class Recent:
    """A question that is asked at most every RECENT_SECONDS, however many want to know."""

    def __init__(self, ask: Ask, clock: Callable[[], float] = time.monotonic) -> None:
        """Put the question with ``ask``; ``clock`` gives seconds."""
        self._ask = ask
        self._clock = clock
        self._asked_at = 0.0
        self._answer: asyncio.Task[object] | None = None

    async def __call__(self) -> object:
        """Return or raise the last answer, or the next one."""
        if self._answer is None or self._clock() - self._asked_at > RECENT_SECONDS:
            self._asked_at = self._clock()
            self._answer = asyncio.create_task(self._ask())
        # Who gives up waiting must not take the answer away from the others.
        return await asyncio.shield(self._answer)


class Dependent(Protocol):
    """A process that needs other things to do its work."""

    @property
    def checks(self) -> Mapping[str, Check]:
        """How each is asked for a sign of life, by its name."""


class Health(BaseModel):
    """The state of the service and of each thing it needs."""

    status: str = Field(examples=["ok"])
    dependencies: dict[str, str] = Field(
        default_factory=dict,
        description="`ok`, `unavailable`, or in a word what is wrong; the log has the reason.",
        examples=[{"database": "ok", "redis": "ok"}],
    )


def router() -> APIRouter:
    """Build `/health/live` and `/health/ready`; the checks are those of the process."""
    routes = APIRouter(prefix="/health", tags=["health"], route_class=StrictRoute)

    @routes.get("/live", summary="The process answers")
    async def live() -> Health:
        return Health(status="ok")

    @routes.get(
        "/ready", summary="The process can do its work", responses={503: {"model": Health, "description": "Not ready"}}
    )
    async def ready(request: Request, response: Response) -> Health:
        process: Dependent = request.app.state.process
        checks = process.checks
        states = await asyncio.gather(*(_state(name, check) for name, check in checks.items()))
        missing = any(state != "ok" and check.required for state, check in zip(states, checks.values(), strict=True))
        if missing:
            response.status_code = 503
            response.headers["Retry-After"] = "2"
        degraded = any(state != "ok" for state in states)
        status = "unavailable" if missing else "degraded" if degraded else "ok"
        return Health(status=status, dependencies=dict(zip(checks, states, strict=True)))

    return routes


async def _state(name: str, check: Check) -> str:
    try:
        await asyncio.wait_for(check.ask(), CHECK_SECONDS_MAX)
    except Impaired as impaired:
        log.warning("%s: %s: %s", name, impaired.state, impaired)
        return impaired.state
    except Exception as error:  # noqa: BLE001  whatever it is, the dependency does not answer
        place = f" ({check.variable})" if check.variable else ""
        log.warning("%s%s does not answer: %s", name, place, error.__cause__ or error)
        return "unavailable"
    return "ok"
