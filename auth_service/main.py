"""Puts the auth service together."""

from contextlib import asynccontextmanager

from fastapi import FastAPI

from auth_service.api import accounts, keys, sessions
from auth_service.api.dependencies import Service
from auth_service.domain.passwords import Hasher, argon2
from auth_service.domain.signing import signing_key
from auth_service.settings import AuthSettings
from shared.http import health
from shared.http.auth import Authenticator, token_rules
from shared.http.service import HttpService, LifespanEvents, create_service
from shared.keys import FixedKey
from shared.settings import variable_of
from shared.tokens import TokenSigner, TokenVerifier

SECONDS_PER_MINUTE = 60


def create_app(settings: AuthSettings, hasher: Hasher | None = None) -> HttpService:
    """Make the application; nothing is connected before it starts. Raises UnusableKeyError.

    ``hasher`` is passlib's Argon2 with the configured parameters, if not given.
    """
    key = signing_key(settings)
    rules = token_rules(settings)
    signer = TokenSigner(rules, key.private, key.key_id, settings.access_token_expire_minute * SECONDS_PER_MINUTE)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> LifespanEvents:
        app.state.service = service = Service.open(settings, hasher or configured_hasher(settings), signer)
        variable = variable_of(type(settings), "database_url")
        app.state.checks = {"database": health.Check(service.ping, required=True, variable=variable)}
        try:
            yield
        finally:
            service.close()

    service = create_service(
        title="Event booking: accounts",
        summary="Registers users, logs them in and publishes the keys of their tokens.",
        settings=settings,
        lifespan=lifespan,
    )
    verifier = TokenVerifier(rules, settings.token_cache_max)
    service.api.state.authenticator = Authenticator(verifier, FixedKey(key.verifying, key.key_id))
    for router in (
        accounts.routes,
        sessions.routes,
        keys.router(key, settings.token_issuer),
        health.router(),
    ):
        service.api.include_router(router)
    return service


def configured_hasher(settings: AuthSettings) -> Hasher:
    """Return Argon2 with the parameters of ``settings``."""
    return argon2(
        memory_kib=settings.argon2_memory_kib,
        time_cost=settings.argon2_time_cost,
        parallelism=settings.argon2_parallelism,
    )
