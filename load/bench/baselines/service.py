"""What the baselines share with ours: the same edges, the same token check, the same answer, the same server."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from booking_service.api.schemas import BookingOut
from booking_service.box_office import BookingView
from booking_service.domain.lookup import BookingState
from shared.database import Database
from shared.http.auth import remote_authenticator
from shared.http.service import create_service
from shared.settings import BookingSettings

# Starlette runs synchronous endpoints in this many threads; each may need a connection.
THREADS = 40


def baseline(title: str, settings: BookingSettings, *, with_database: bool) -> FastAPI:
    """Make an application with `state.database` and the token check of ours."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.authenticator = remote_authenticator(settings)
        if with_database:
            app.state.database = Database.connect(settings.database_url.get_secret_value(), settings, THREADS)
        yield
        await app.state.authenticator.close()

    return create_service(title=title, summary=title, settings=settings, lifespan=lifespan)


def answer(state: BookingState) -> BookingOut:
    """Answer as ours does."""
    return BookingOut.of(BookingView(state))
