"""What routes ask for in their signatures."""

from typing import Annotated

from fastapi import Depends, Request

from auth_service.domain.sessions.records import Seen
from auth_service.process import Process
from shared.http.authentication import authenticated_if_sent
from shared.identity.tokens import Principal


def _running(request: Request) -> Process:
    process: Process = request.app.state.process
    return process


Running = Annotated[Process, Depends(_running)]
Sender = Annotated[Principal | None, Depends(authenticated_if_sent)]


def _seen(request: Request) -> Seen:
    return Seen(request.client.host if request.client else None, request.headers.get("user-agent"))


SeenFrom = Annotated[Seen, Depends(_seen)]
