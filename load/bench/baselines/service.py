"""What the baselines share with ours: the same edges, the same token check, the same answer, the same server."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from uuid import UUID

from fastapi import FastAPI, Request

from booking_service.api.schemas import BookingOut
from booking_service.authentication import remote_authenticator
from booking_service.box_office.lookups import BookingView
from booking_service.domain.bookings.lookup import BookingState, find_bookings
from booking_service.domain.errors import BookingNotFound
from booking_service.settings import BookingSettings
from shared.database.units import Database
from shared.http.authentication import AnyUser
from shared.http.service import HttpService, create_service

# Starlette runs synchronous endpoints in this many threads; each may need a connection.
THREADS = 40


def baseline(title: str, settings: BookingSettings, *, with_database: bool) -> HttpService:
    """Make a service with `state.database`, polls of it, and the token check of ours."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.authenticator = remote_authenticator(settings)
        if with_database:
            app.state.database = Database.connect(settings.database_url.get_secret_value(), settings, THREADS)
        yield
        await app.state.authenticator.close()

    service = create_service(title=title, summary=title, settings=settings, lifespan=lifespan)
    if with_database:
        service.api.get("/bookings/{booking_id}")(get_booking)
    return service


def get_booking(booking_id: UUID, user: AnyUser, request: Request) -> BookingOut:
    """Look one booking up by its id, as the usual endpoint does."""
    database: Database = request.app.state.database
    found = database.read(partial(find_bookings, ids=[booking_id])).get(booking_id)
    if found is None or found.user_id != user.uid:
        raise BookingNotFound
    return answer(found)


def answer(state: BookingState) -> BookingOut:
    """Answer as ours does."""
    return BookingOut.of(BookingView(state))
