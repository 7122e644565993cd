"""What routes ask for in their signatures."""

from typing import Annotated

from fastapi import Depends, Request

from auth_service.process import Process
from shared.http.authentication import BearerScheme, authenticated
from shared.identity.tokens import Principal


def _running(request: Request) -> Process:
    process: Process = request.app.state.process
    return process


async def _sender(request: Request, _scheme: BearerScheme = None) -> Principal | None:
    # A token that is sent along must be good, even where none is needed.
    return await authenticated(request) if "authorization" in request.headers else None


Running = Annotated[Process, Depends(_running)]
Sender = Annotated[Principal | None, Depends(_sender)]
