"""What one process of the booking service holds while it runs: opened in one place, closed in the opposite order."""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial

from booking_service.authentication import remote_authenticator
from booking_service.box_office import lookups
from booking_service.box_office.lookups import Lookups
from booking_service.box_office.sales import Sales
from booking_service.box_office.shield import Shield
from booking_service.box_office.watch import Watch
from booking_service.domain import catalogue
from booking_service.settings import BookingSettings
from shared.database.calls import DatabaseCalls
from shared.database.units import Database
from shared.http.authentication import Authenticator
from shared.http.health import Check
from shared.queue import LanePublisher, WakeFlags, Waker
from shared.settings import variable_of
from shared.threads.offload import BoundedExecutor


@dataclass(frozen=True, slots=True)
class Process:
    """Everything that a route needs."""

    settings: BookingSettings
    database: DatabaseCalls
    lookups: Lookups
    sales: Sales
    watch: Watch
    authenticator: Authenticator
    checks: Mapping[str, Check]


@asynccontextmanager
async def running(settings: BookingSettings, stopping: asyncio.Event) -> AsyncIterator[Process]:
    """Open a process, and close what was opened, also when that fails in the middle.

    Once ``stopping`` is set, nobody waits for a decision any longer.
    """
    async with AsyncExitStack() as stack:
        database = Database.connect(settings.database_url.get_secret_value(), settings, _connections(settings))
        stack.callback(database.close)
        waker, redis_check = _redis(settings, stack)
        authenticator = remote_authenticator(settings)
        stack.push_async_callback(authenticator.close)
        calls = DatabaseCalls.of(database, settings)
        stack.callback(calls.close)
        found = Lookups(database, settings)
        stack.push_async_callback(found.close)
        shield = await stack.enter_async_context(_shield(found, calls, settings))
        sales = Sales(calls, shield, waker, settings)
        stack.push_async_callback(sales.close)
        stack.callback(stopping.set)
        yield Process(
            settings=settings,
            database=calls,
            lookups=found,
            sales=sales,
            watch=Watch(found.booking, stopping),
            authenticator=authenticator,
            checks={
                "database": Check(calls.ping, required=True, variable=variable_of(type(settings), "database_url")),
                "keys": Check(authenticator.ready, required=True),
                # Without it bookings are accepted all the same, and settled when it is back.
                "redis": redis_check,
            },
        )


def _connections(settings: BookingSettings) -> int:
    # One for each thread that may want one: nobody ever waits for the pool while holding a thread.
    return settings.intake_threads + lookups.KINDS * settings.lookup_threads + settings.database_threads


def _redis(settings: BookingSettings, stack: AsyncExitStack) -> tuple[Waker, Check]:
    flags = WakeFlags.connect(
        settings.redis_url.get_secret_value(),
        expiry_seconds=settings.wake_flag_seconds,
        timeout_seconds=settings.publish_timeout_seconds,
    )
    publisher = LanePublisher.connect(
        settings.redis_url.get_secret_value(), timeout_seconds=settings.publish_timeout_seconds
    )
    waker = Waker(flags, publisher.publish, settings.publish_pause_seconds)
    stack.callback(waker.close)
    executor = BoundedExecutor(name="redis", threads=1, queue_max=settings.database_queue_max)
    stack.callback(executor.close)
    return waker, Check(partial(executor.run, flags.ping), required=False)


@asynccontextmanager
async def _shield(found: Lookups, calls: DatabaseCalls, settings: BookingSettings) -> AsyncIterator[Shield]:
    async def find_full(event_ids: Collection[int]) -> set[int]:
        return await calls.read(partial(catalogue.full_events, ids=event_ids))

    shield = Shield(
        found.event,
        find_full,
        size_max=settings.event_cache_max,
        refresh_seconds=settings.sold_out_refresh_seconds,
    )
    refresher = asyncio.create_task(shield.keep_fresh())
    try:
        yield shield
    finally:
        refresher.cancel()
        with suppress(asyncio.CancelledError):
            await refresher
