"""Wiring of the booking service, and nothing else."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from fastapi import FastAPI
from starlette.middleware import Middleware

from booking_service.api import bookings, events
from booking_service.api.fast_path import FastPath
from booking_service.authentication import remote_authenticator
from booking_service.box_office import BoxOffice
from booking_service.settings import BookingSettings
from shared.database import Database
from shared.http import health
from shared.http.health import Check
from shared.http.service import HttpService, create_service
from shared.offload import BoundedExecutor
from shared.queue import LanePublisher, WakeFlags, Waker
from shared.settings import variable_of

LOOKUPS = 2  # kinds of batched reads: bookings and events


def create_app(settings: BookingSettings) -> HttpService:
    """Build the booking service; connections are made when it starts."""
    service = create_service(
        title="Booking service",
        summary="Events, and bookings of their seats.",
        settings=settings,
        lifespan=_lifespan,
        inner=[Middleware(FastPath)],
    )
    service.api.state.settings = settings
    for router in (events.router, bookings.router, health.router()):
        service.api.include_router(router)
    return service


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    settings: BookingSettings = app.state.settings
    # A connection for each thread that may want one: nobody ever waits for the pool while holding a thread.
    pool_size = settings.intake_threads + LOOKUPS * settings.lookup_threads + settings.database_threads
    database = Database.connect(settings.database_url.get_secret_value(), settings, pool_size)
    flags = WakeFlags.connect(
        settings.redis_url.get_secret_value(),
        expiry_seconds=settings.wake_flag_seconds,
        timeout_seconds=settings.publish_timeout_seconds,
    )
    publisher = LanePublisher.connect(
        settings.redis_url.get_secret_value(), timeout_seconds=settings.publish_timeout_seconds
    )
    waker = Waker(flags, publisher.publish, settings.publish_pause_seconds)
    redis_executor = BoundedExecutor(name="redis", threads=1, queue_max=settings.database_queue_max)
    authenticator = remote_authenticator(settings)
    office = BoxOffice(database, waker, settings, app.state.stopping)
    office.open()
    app.state.authenticator = authenticator
    app.state.box_office = office
    app.state.checks = {
        "database": Check(office.ping, required=True, variable=variable_of(type(settings), "database_url")),
        "keys": Check(authenticator.ready, required=True),
        # Without it bookings are accepted all the same, and settled when it is back.
        "redis": Check(partial(redis_executor.run, flags.ping), required=False),
    }
    yield
    await office.close()
    await authenticator.close()
    redis_executor.close()
    waker.close()
    database.close()
