"""Logging in."""

import logging

from fastapi import APIRouter, Response

from auth_service.api.dependencies import Running, Service
from auth_service.api.schemas import AccessToken, Login
from auth_service.domain import accounts, sessions
from auth_service.domain.errors import WrongCredentials
from auth_service.domain.sessions import Credentials
from shared.errors import (
    InvalidInput,
    Overloaded,
    PayloadTooLarge,
    Unavailable,
    UnsupportedCoding,
    UnsupportedMediaType,
)
from shared.http.problems import documented
from shared.http.strict_route import StrictRoute

log = logging.getLogger(__name__)
routes = APIRouter(tags=["sessions"], route_class=StrictRoute)


@routes.post(
    "/login",
    summary="Get an access token",
    response_description="A token for both services; never to be cached.",
    responses=documented(
        InvalidInput,
        WrongCredentials,
        PayloadTooLarge,
        UnsupportedMediaType,
        UnsupportedCoding,
        Unavailable,
        Overloaded,
    ),
)
async def log_in(login: Login, service: Running, response: Response) -> AccessToken:
    """Check an e-mail address and its password. Every refusal is the same, after the same work."""
    stored = await service.read(lambda connection: sessions.credentials_of(connection, login.email))
    # No database connection is held while the password is hashed.
    matches = await service.matches(login.password, stored.password_hash if stored else None)
    credentials = sessions.admit(stored, password_matches=matches)
    await _renew_hash(service, credentials, login.password)
    account = credentials.account
    response.headers["Cache-Control"] = "no-store"
    token = service.signer.sign(account.id, account.email, account.role)
    return AccessToken(access_token=token, expires_in=service.signer.lifetime_seconds)


async def _renew_hash(service: Service, credentials: Credentials, password: str) -> None:
    account_id, old = credentials.account.id, credentials.password_hash
    try:
        new = await service.renewed(password, old)
        if new is not None:
            await service.write(lambda connection: accounts.renew_hash(connection, account_id, old, new))
    except Unavailable as error:  # the login is good; the next one tries again
        log.warning("the password hash of user %d stays outdated: %s", account_id, error)
