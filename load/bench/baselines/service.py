"""What the baselines share with ours: the same edges, the same token check, the same answer, the same server."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request

from booking_service.api.schemas import BookingOut
from booking_service.authentication import remote_authenticator
from booking_service.box_office.lookups import BookingView
from booking_service.domain.bookings.lookup import BookingState, find_bookings
from booking_service.domain.errors import BookingNotFound
from booking_service.settings import BookingSettings
from shared.database.units import Database
from shared.http.authentication import AnyUser, Authenticator, Requires
from shared.http.service import HttpService, create_service
from shared.identity.permissions import BOOK
from shared.identity.revocations import Revocations
from shared.identity.tokens import Principal

# Starlette runs synchronous endpoints in this many threads; each may need a connection.
THREADS = 40

User = Annotated[Principal, Depends(Requires(BOOK))]


@dataclass(frozen=True, slots=True)
class Process:
    """What a baseline holds."""

    authenticator: Authenticator
    database: Database


def baseline(title: str, settings: BookingSettings, *, with_database: bool) -> HttpService:
    """Make a service with polls of its database, and the token check of ours."""

    @asynccontextmanager
    async def opened(_stopping: asyncio.Event) -> AsyncIterator[Process]:
        # Who never asks the database never connects to it.
        database = Database.connect(settings.database_url.get_secret_value(), settings, THREADS)
        process = Process(remote_authenticator(settings, Revocations()), database)
        yield process
        await process.authenticator.close()

    service = create_service(title=title, summary=title, settings=settings, open_process=opened)
    if with_database:
        service.api.get("/bookings/{booking_id}")(get_booking)
    return service


def get_booking(booking_id: UUID, user: AnyUser, request: Request) -> BookingOut:
    """Look one booking up by its id, as the usual endpoint does."""
    process: Process = request.app.state.process
    found = process.database.read(partial(find_bookings, ids=[booking_id])).get(booking_id)
    if found is None or found.user_id != user.uid:
        raise BookingNotFound
    return answer(found)


def answer(state: BookingState) -> BookingOut:
    """Answer as ours does."""
    return BookingOut.of(BookingView(state))
