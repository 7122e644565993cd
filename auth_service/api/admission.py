"""Checks a login: the password, and whether it may be tried now (`docs/decisions/0021-rate-limits.md`)."""

from functools import partial

from auth_service.api.schemas import LoginIn
from auth_service.domain.audit_log import Origin
from auth_service.domain.errors import WrongCredentials
from auth_service.domain.sessions import login as logins
from auth_service.domain.sessions.login import Credentials
from auth_service.guard.guard import told_to_wait
from auth_service.process import Process
from shared.clock import utc_now
from shared.errors import Unavailable


async def admitted(process: Process, address: str, origin: Origin, login: LoginIn) -> Credentials:
    """Return whose login this is. Raises WrongCredentials or RateLimited, both after the same work for everyone."""
    attempt = await process.guard.begin_login(address, login.email)
    try:
        stored = await process.database.read(partial(logins.credentials_of, email=login.email))
        # No database connection is held while the password is hashed.
        matches = await process.passwords.matches(login.password, stored.password_hash if stored else None)
    except Unavailable:
        await process.guard.give_back(attempt)
        raise
    try:
        credentials = logins.admit(stored, password_matches=matches and attempt.may_pass)
    except WrongCredentials:
        failed = partial(logins.record_failure, credentials=stored, origin=origin, now=utc_now())
        await process.database.write(failed, repeat_lost=False)
        if attempt.is_delayed:
            raise told_to_wait(attempt) from None
        await process.guard.failed(attempt)
        raise
    await process.guard.succeeded(attempt)
    return credentials
