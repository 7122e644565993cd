"""Wiring of the booking service, and nothing else."""

from functools import partial

from starlette.middleware import Middleware

from booking_service.api import bookings, changes, events, history, ledger
from booking_service.api.fast_path import FastPath
from booking_service.process import running
from booking_service.settings import BookingSettings
from shared.http import health
from shared.http.service import HttpService, create_service


def create_app(settings: BookingSettings) -> HttpService:
    """Build the booking service; connections are made when it starts."""
    service = create_service(
        title="Booking service",
        summary="Events, and bookings of their seats.",
        settings=settings,
        open_process=partial(running, settings),
        inner=[Middleware(FastPath)],
    )
    routers = (events.router, ledger.router, bookings.router, changes.router, history.router, health.router())
    for router in routers:
        service.api.include_router(router)
    return service
