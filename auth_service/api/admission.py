"""Checks passwords, and whether one may be tried now (`docs/decisions/0021-rate-limits.md`)."""

from functools import partial

from auth_service.api.schemas import LoginIn
from auth_service.domain import account_changes
from auth_service.domain.audit_log import Act, By, Origin
from auth_service.domain.errors import WrongCredentials, WrongPassword
from auth_service.domain.sessions import login as logins
from auth_service.domain.sessions.login import Credentials
from auth_service.guard.guard import told_to_wait
from auth_service.process import Process
from shared.clock import utc_now
from shared.errors import Problem, Unavailable
from shared.identity.tokens import Principal


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


async def confirmed(process: Process, address: str, origin: Origin, sender: Principal, password: str) -> str:
    """Return the hash that the password of who is logged in was checked against.

    A token in the hands of a stranger is no better way to try passwords than a login. Raises WrongPassword,
    RateLimited or AccountGone.
    """
    attempt = await process.guard.begin_login(address, sender.email)
    try:
        stored = await process.database.read(partial(account_changes.password_hash, account_id=sender.uid))
        matches = await process.passwords.matches(password, stored)
    except Problem:
        await process.guard.give_back(attempt)
        raise
    if matches and attempt.may_pass:
        await process.guard.succeeded(attempt)
        return stored
    by = By(sender.uid, origin, utc_now())
    record = partial(by.record, act=Act.PASSWORD_REFUSED, account_id=sender.uid)
    await process.database.write(record, repeat_lost=False)
    if attempt.is_delayed:
        raise told_to_wait(attempt)
    await process.guard.failed(attempt)
    raise WrongPassword
