"""Logging in."""

import logging
from functools import partial

from fastapi import APIRouter, Response

from auth_service.api.dependencies import Running
from auth_service.api.schemas import AccessTokenOut, LoginIn
from auth_service.domain import accounts, sessions
from auth_service.domain.errors import WrongCredentials
from auth_service.domain.sessions import Credentials
from auth_service.process import Process
from shared.database.units import reason
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
router = APIRouter(tags=["sessions"], route_class=StrictRoute)


@router.post(
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
async def log_in(login: LoginIn, process: Running, response: Response) -> AccessTokenOut:
    """Check an e-mail address and its password. Every refusal is the same, after the same work."""
    stored = await process.database.read(partial(sessions.credentials_of, email=login.email))
    # No database connection is held while the password is hashed.
    matches = await process.passwords.matches(login.password, stored.password_hash if stored else None)
    credentials = sessions.admit(stored, password_matches=matches)
    await _renew_hash(process, credentials, login.password)
    account = credentials.account
    response.headers["Cache-Control"] = "no-store"
    token = process.signer.sign(account.id, account.email, account.role)
    return AccessTokenOut(access_token=token, expires_in=process.signer.lifetime_seconds)


async def _renew_hash(process: Process, credentials: Credentials, password: str) -> None:
    account_id, old = credentials.account.id, credentials.password_hash
    try:
        new = await process.passwords.renewed(password, old)
        if new is not None:
            renew = partial(accounts.renew_hash, account_id=account_id, old=old, new=new)
            await process.database.write(renew, repeat_lost=True)
    except Unavailable as error:  # the login is good; the next one tries again
        log.warning("the password hash of user %d stays outdated: %s", account_id, reason(error))
