"""What routes ask for in their signatures."""

from typing import Annotated

from fastapi import Depends, Request

from booking_service.process import Process
from shared.http.authentication import Requires
from shared.identity.permissions import BOOK, CONFIRM, READ_BOOKINGS, WRITE_ALL_BOOKINGS, WRITE_ALL_EVENTS, WRITE_EVENTS
from shared.identity.tokens import Principal


def _running(request: Request) -> Process:
    process: Process = request.app.state.process
    return process


Running = Annotated[Process, Depends(_running)]
# Asked for here although the box office decides it: what one may do is judged before the rest of the request.
Booker = Annotated[Principal, Depends(Requires(BOOK))]
Reader = Annotated[Principal, Depends(Requires(READ_BOOKINGS))]
BookingChanger = Annotated[Principal, Depends(Requires(BOOK, WRITE_ALL_BOOKINGS))]
Confirmer = Annotated[Principal, Depends(Requires(CONFIRM))]
EventWriter = Annotated[Principal, Depends(Requires(WRITE_EVENTS, WRITE_ALL_EVENTS))]
