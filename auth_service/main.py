"""Wiring of the auth service, and nothing else."""

from auth_service.api import accounts, audit_log, keys, profile, recovery, revocations, sessions, users
from auth_service.domain.passwords import Hasher
from auth_service.domain.signing import configured_key
from auth_service.process import configured_hasher, running
from auth_service.settings import AuthSettings
from shared.http import health
from shared.http.service import HttpService, create_service


def create_app(settings: AuthSettings, hasher: Hasher | None = None) -> HttpService:
    """Build the auth service; nothing is connected before it starts. Raises UnusableKeyError.

    ``hasher`` is passlib's Argon2 with the configured parameters, if not given.
    """
    configured = configured_key(settings)

    service = create_service(
        title="Event booking: accounts",
        summary="Registers users, logs them in and publishes the keys of their tokens.",
        settings=settings,
        open_process=lambda _stopping: running(settings, configured, hasher or configured_hasher(settings)),
    )
    # `me` is no user's id, so whatever is about it comes first.
    for router in (
        sessions.router,
        profile.router,
        accounts.router,
        users.router,
        audit_log.router,
        recovery.router,
        keys.router(settings),
        revocations.router,
        health.router(),
    ):
        service.api.include_router(router)
    return service
