"""Liveness, which depends on nothing, and readiness, which tells the truth about each dependency."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

CHECK_SECONDS_MAX = 3

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Check:
    """How to ask one dependency whether it answers, and whether the service can do its work without it."""

    ask: Callable[[], Awaitable[object]]
    required: bool
    variable: str = ""  # that says where it is


class Dependent(Protocol):
    """A process that needs other things to do its work."""

    @property
    def checks(self) -> Mapping[str, Check]:
        """How each is asked for a sign of life, by its name."""


class Health(BaseModel):
    """The state of the service and of each thing it needs."""

    status: str = Field(examples=["ok"])
    dependencies: dict[str, str] = Field(default_factory=dict, examples=[{"database": "ok", "redis": "ok"}])


def router() -> APIRouter:
    """Build `/health/live` and `/health/ready`; the checks are those of the process."""
    routes = APIRouter(prefix="/health", tags=["health"])

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
    except Exception as error:  # noqa: BLE001  whatever it is, the dependency does not answer
        place = f" ({check.variable})" if check.variable else ""
        log.warning("%s%s does not answer: %s", name, place, error.__cause__ or error)
        return "unavailable"
    return "ok"
