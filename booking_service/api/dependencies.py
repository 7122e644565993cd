"""What routes ask for in their signatures."""

from typing import Annotated

from fastapi import Depends, Request

from booking_service.process import Process


def _running(request: Request) -> Process:
    process: Process = request.app.state.process
    return process


Running = Annotated[Process, Depends(_running)]
