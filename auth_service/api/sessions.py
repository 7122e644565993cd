"""Logging in, going on and logging out."""

import logging
from functools import partial
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Response, status
from uuid_utils.compat import uuid7

from auth_service.api.admission import admitted
from auth_service.api.dependencies import From, Running
from auth_service.api.limits import Address, limited
from auth_service.api.schemas import LoginIn, RefreshIn, SessionOut, TokensOut
from auth_service.domain import accounts
from auth_service.domain.accounts import Account
from auth_service.domain.audit_log import By
from auth_service.domain.errors import AccountGone, RefreshTokenRefused, WrongCredentials
from auth_service.domain.sessions import records, refreshing
from auth_service.domain.sessions.login import Credentials
from auth_service.domain.sessions.records import LOGGED_OUT, NewSession, SessionState
from auth_service.domain.sessions.refresh_tokens import RefreshToken
from auth_service.domain.sessions.refreshing import Use
from auth_service.guard.actions import LOGIN
from auth_service.process import Process
from shared.clock import utc_now
from shared.database.units import reason
from shared.errors import (
    InvalidInput,
    NotFound,
    Overloaded,
    RateLimited,
    Unauthenticated,
    Unavailable,
)
from shared.http.authentication import AnyUser
from shared.http.problems import OF_BODIES, documented
from shared.http.strict_route import StrictRoute
from shared.identity.permissions import NEEDS_VERIFIED_EMAIL, NOTHING, Permissions
from shared.identity.tokens import Principal, TokenSigner

log = logging.getLogger(__name__)
router = APIRouter(tags=["sessions"], route_class=StrictRoute)

SessionId = Annotated[UUID, Path(description="A session's `id`.")]


@router.post(
    "/login",
    summary="Get an access token",
    response_description="A token for both services, and one to refresh it with; never to be cached.",
    dependencies=[limited(LOGIN)],
    responses=documented(WrongCredentials, *OF_BODIES, RateLimited, Unavailable, Overloaded),
)
async def log_in(login: LoginIn, address: Address, process: Running, origin: From, response: Response) -> TokensOut:
    """Check an e-mail address and its password, and begin a session. Every refusal is the same, after the same work."""
    credentials = await admitted(process, address, origin, login)
    account, signer = credentials.account, process.signer  # before anything is begun that no token would come of
    new = NewSession(uuid7(), account.id, credentials.password_hash, RefreshToken.new(), origin)
    begin = partial(records.begin, new=new, terms=process.session_terms, now=utc_now())
    await process.database.write(begin, repeat_lost=True)
    await _renew_hash(process, credentials, login.password)
    withheld = _withheld(process, account)
    return _tokens(signer, response, account, credentials.token_version, new.id, new.token, withheld)


@router.post(
    "/token/refresh",
    summary="Go on with a session",
    response_description="The next two tokens; never to be cached.",
    responses=documented(RefreshTokenRefused, *OF_BODIES, Unavailable, Overloaded),
)
async def refresh(given: RefreshIn, process: Running, origin: From, response: Response) -> TokensOut:
    """Take a refresh token for the next one and a new access token. Each is good once.

    Sent again within REFRESH_GRACE_SECONDS, it gets the same answer, so that two tabs or a lost answer log nobody out.
    After that the session ends: somebody has a token that is not theirs.
    """
    token = RefreshToken.read(given.refresh_token)
    if token is None:
        raise RefreshTokenRefused
    signer = process.signer  # before the refresh token is used up: while nobody can sign, it stays good
    use = Use(origin, utc_now())
    work = partial(refreshing.refresh, token=token, use=use, terms=process.session_terms)
    refreshed = await process.database.write(work, repeat_lost=True)
    if refreshed is None:
        await process.revoked.refresh()  # the session may have been ended just now
        raise RefreshTokenRefused
    account, session_id = refreshed.account, refreshed.session_id
    withheld = _withheld(process, account)
    return _tokens(signer, response, account, refreshed.token_version, session_id, refreshed.token, withheld)


@router.post(
    "/logout",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="End this session",
    responses=documented(Unauthenticated, Unavailable, Overloaded),
)
async def log_out(sender: AnyUser, process: Running, origin: From) -> None:
    """End the session that the access token comes from: its tokens are refused everywhere within five seconds."""
    if not sender.session_id:
        # A token of before there were sessions: it can be ended with all others only.
        await log_out_everywhere(sender, process, origin)
        return
    by, session_id = By(sender.uid, origin, utc_now()), UUID(sender.session_id)
    end = partial(records.end, account_id=sender.uid, session_id=session_id, reason=LOGGED_OUT, by=by)
    await process.database.write(end, repeat_lost=True)
    await process.revoked.refresh()


@router.post(
    "/logout/all",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="End all my sessions",
    responses=documented(Unauthenticated, Unavailable, Overloaded),
)
async def log_out_everywhere(sender: AnyUser, process: Running, origin: From) -> None:
    """End every session of the user: all their tokens are refused everywhere within five seconds."""
    by = By(sender.uid, origin, utc_now())
    end = partial(records.end_all, account_id=sender.uid, reason=LOGGED_OUT, by=by)
    await process.database.write(end, repeat_lost=False)
    await process.revoked.refresh()


@router.get(
    "/users/me/sessions",
    summary="Where am I logged in?",
    responses=documented(Unauthenticated, AccountGone, Unavailable, Overloaded),
)
async def my_sessions(sender: AnyUser, process: Running, response: Response) -> list[SessionOut]:
    """List the sessions that go on, the last used first."""
    response.headers["Cache-Control"] = "no-store"
    await process.database.read(partial(accounts.active, account_id=sender.uid))
    going_on = partial(records.going_on, account_id=sender.uid, now=utc_now())
    return [session_out(session, sender) for session in await process.database.read(going_on)]


@router.delete(
    "/users/me/sessions/{session_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="End one of my sessions",
    responses=documented(Unauthenticated, NotFound, InvalidInput, Unavailable, Overloaded),
)
async def end_session(session_id: SessionId, sender: AnyUser, process: Running, origin: From) -> None:
    """End a session: its tokens are refused everywhere within five seconds."""
    by = By(sender.uid, origin, utc_now())
    end = partial(records.end, account_id=sender.uid, session_id=session_id, reason=LOGGED_OUT, by=by)
    # Repeated after a lost commit it would not find what it has ended, so it says what is true by then.
    if not await process.database.write(end, repeat_lost=False):
        raise NotFound
    await process.revoked.refresh()


def session_out(session: SessionState, sender: Principal) -> SessionOut:
    """Translate from the domain's names."""
    return SessionOut(**session._asdict() | {"id": str(session.id)}, current=session.id.hex == sender.session_id)


def _withheld(process: Process, account: Account) -> Permissions:
    must_verify = process.settings.require_verified_email and not account.email_verified
    return NEEDS_VERIFIED_EMAIL if must_verify else NOTHING


def _tokens(
    signer: TokenSigner,
    response: Response,
    account: Account,
    token_version: int,
    session_id: UUID,
    token: RefreshToken,
    withheld: Permissions,
) -> TokensOut:
    response.headers["Cache-Control"] = "no-store"
    access_token = signer.sign(
        account.id,
        account.email,
        account.role,
        session_id=session_id.hex,
        token_version=token_version,
        withheld=withheld,
    )
    return TokensOut(access_token=access_token, expires_in=signer.lifetime_seconds, refresh_token=token.text())


async def _renew_hash(process: Process, credentials: Credentials, password: str) -> None:
    account_id, old = credentials.account.id, credentials.password_hash
    try:
        new = await process.passwords.renewed(password, old)
        if new is not None:
            renew = partial(accounts.renew_hash, account_id=account_id, old=old, new=new)
            await process.database.write(renew, repeat_lost=True)
    except Unavailable as error:  # the login is good; the next one tries again
        log.warning("the password hash of user %d stays outdated: %s", account_id, reason(error))
