"""What one process of the booking service holds while it runs: opened in one place, closed in the opposite order."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from booking_service.authentication import published_revocations, remote_authenticator
from booking_service.box_office import lookups
from booking_service.box_office.changes import Changes
from booking_service.box_office.lookups import Lookups
from booking_service.box_office.pace import Pace, pace
from booking_service.box_office.records import Records
from booking_service.box_office.sales import Sales
from booking_service.box_office.shield import Shield
from booking_service.box_office.watch import Watch
from booking_service.readiness import checks
from booking_service.settings import BookingSettings
from booking_service.wake.workers import WorkerLink
from shared.database.calls import DatabaseCalls
from shared.database.units import Database
from shared.http.authentication import Authenticator
from shared.http.health import Check
from shared.threads.background import in_background

NAMING = 1  # whoever first wakes or listens for workers asks what the installation is called


@dataclass(frozen=True, slots=True)
class Process:
    """Everything that a route needs."""

    settings: BookingSettings
    database: DatabaseCalls
    lookups: Lookups
    sales: Sales
    pace: Pace | None
    changes: Changes
    watch: Watch
    records: Records
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
        workers = WorkerLink(database, settings)
        stack.callback(workers.close)
        revoked = published_revocations(settings)
        stack.push_async_callback(revoked.close)
        await stack.enter_async_context(in_background(revoked.watch.keep_fresh()))
        authenticator = remote_authenticator(settings, revoked.watch.revocations)
        stack.push_async_callback(authenticator.close)
        await stack.enter_async_context(in_background(authenticator.keep_fresh()))
        calls = DatabaseCalls.of(database, settings)
        stack.callback(calls.close)
        found = Lookups(database, settings)
        stack.push_async_callback(found.close)
        shield = Shield.of(found.event, calls, settings)
        await stack.enter_async_context(in_background(shield.keep_fresh()))
        sales = Sales(calls, shield, workers.waker, settings)
        stack.push_async_callback(sales.close)
        changes = Changes(calls, found, shield, workers.waker, settings, stopping)
        stack.push_async_callback(changes.close)
        stack.callback(stopping.set)
        yield Process(
            settings=settings,
            database=calls,
            lookups=found,
            sales=sales,
            pace=pace(settings),
            changes=changes,
            watch=Watch(found.booking, stopping),
            records=Records(calls, found),
            authenticator=authenticator,
            checks=checks(calls, authenticator, revoked.watch, workers, settings),
        )


def _connections(settings: BookingSettings) -> int:
    # One for each thread that may want one: nobody ever waits for the pool while holding a thread.
    intake_threads = settings.intake_threads + settings.change_threads
    return NAMING + intake_threads + lookups.KINDS * settings.lookup_threads + settings.database_threads
