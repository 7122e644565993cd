"""What routes ask for in their signatures."""

from typing import Annotated

from fastapi import Depends, Request

from auth_service.domain.audit_log import Origin
from auth_service.process import Process
from shared.http.authentication import authenticated_if_sent
from shared.identity.tokens import Principal
from shared.logging import request_id


def _running(request: Request) -> Process:
    process: Process = request.app.state.process
    return process


Running = Annotated[Process, Depends(_running)]
Sender = Annotated[Principal | None, Depends(authenticated_if_sent)]


def _origin(request: Request) -> Origin:
    address = request.client.host if request.client else None
    return Origin(address, request.headers.get("user-agent"), request_id.get())


From = Annotated[Origin, Depends(_origin)]
