"""What readiness asks of the booking service's surroundings."""

from collections.abc import Mapping
from datetime import timedelta
from functools import partial

from booking_service.domain.seats.lanes import oldest_due
from booking_service.settings import BookingSettings
from booking_service.wake.workers import WorkerLink
from shared.clock import utc_now
from shared.configuration.settings import variable_of
from shared.database.calls import DatabaseCalls
from shared.http.authentication import Authenticator
from shared.http.health import Check, Impaired, Recent
from shared.identity.revocations import RevocationWatch

NOT_HEARD, OVERDUE, STALE = "not heard", "overdue", "stale"
REVOCATIONS_STALE_SECONDS = 10
NOT_HEARD_REASON = "no sweep was completed lately: is a worker running, and beat?"


def checks(
    database: DatabaseCalls,
    authenticator: Authenticator,
    revoked: RevocationWatch,
    workers: WorkerLink,
    settings: BookingSettings,
) -> Mapping[str, Check]:
    """List what to ask. Bookings are accepted, and kept, without Redis and without workers: those are not required."""
    overdue = timedelta(seconds=settings.settlement_overdue_seconds)
    return {
        "database": Check(database.ping, required=True, variable=variable_of(type(settings), "database_url")),
        "keys": Check(authenticator.ready, required=True),
        "revocations": Check(partial(revocations_are_known, revoked), required=False),
        "redis": Check(workers.ping, required=False),
        "workers": Check(Recent(partial(_workers_are_heard, workers)), required=False),
        "settlement": Check(Recent(partial(_bookings_are_settled, database, overdue)), required=False),
    }


async def revocations_are_known(revoked: RevocationWatch) -> None:
    """Raises Impaired when nobody has told for long what is revoked."""
    if revoked.age_seconds > REVOCATIONS_STALE_SECONDS:
        raise Impaired(STALE, f"what is revoked was last heard of {revoked.age_seconds:.0f} s ago")


async def _workers_are_heard(workers: WorkerLink) -> None:
    if not await workers.are_heard():
        raise Impaired(NOT_HEARD, NOT_HEARD_REASON)


async def _bookings_are_settled(database: DatabaseCalls, overdue: timedelta) -> None:
    now = utc_now()
    # A booking from the future is not counted: when the clock was set back, those made after it are, for a while.
    waiting = {
        lane: now - oldest for lane, oldest in (await database.read(oldest_due)).items() if now - oldest > overdue
    }
    if waiting:
        longest = max(waiting.values()).total_seconds()
        raise Impaired(OVERDUE, f"bookings of lanes {sorted(waiting)} wait, one of them for {longest:.0f} s")
