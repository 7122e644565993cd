"""Showing to read a mailbox, and a new password for who does."""

from datetime import timedelta
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Header, Response, status

from auth_service.api.dependencies import From, Running
from auth_service.api.limits import limited
from auth_service.api.schemas import LinkIn, MailOut, NewPasswordIn, PasswordResetIn
from auth_service.domain import recovery, verification
from auth_service.domain.audit_log import By
from auth_service.domain.errors import (
    AccountGone,
    AlreadyVerified,
    MailOff,
    PasswordTooCommon,
    PasswordTooShort,
    UnusableLink,
)
from auth_service.domain.passwords import require_good
from auth_service.guard.actions import MAIL
from auth_service.process import Process
from shared.clock import utc_now
from shared.errors import (
    InvalidInput,
    Overloaded,
    RateLimited,
    Unauthenticated,
    Unavailable,
)
from shared.http.authentication import AnyUser
from shared.http.problems import OF_BODIES, documented
from shared.http.strict_route import StrictRoute

# A list, which may come on several lines (RFC 9110, section 5.3).
Languages = Annotated[
    list[str] | None,
    Header(alias="Accept-Language", description="The language of the mail.", examples=[["de-CH, en;q=0.5"]]),
]
OF_ALL = (*OF_BODIES, Unavailable, Overloaded)

router = APIRouter(tags=["recovery"], route_class=StrictRoute)


@router.post(
    "/users/me/verification",
    status_code=status.HTTP_202_ACCEPTED,
    summary="Have a link sent to my address",
    response_description="The mail is on its way.",
    dependencies=[limited(MAIL)],
    responses=documented(
        Unauthenticated, AccountGone, AlreadyVerified, MailOff, InvalidInput, RateLimited, Unavailable, Overloaded
    ),
)
async def ask_for_verification(sender: AnyUser, process: Running, accept_language: Languages = None) -> MailOut:
    """Send a link that shows, once it is followed, that you read the mailbox. Only the newest one works."""
    ask = partial(
        verification.ask,
        account_id=sender.uid,
        accept_language=_joined(accept_language),
        secret=_secret(process),
        lifetime=timedelta(hours=process.settings.verification_hours),
    )
    await process.guard.about(MAIL, sender.email)
    await process.database.write(ask, repeat_lost=False)
    process.nudge()
    return MailOut()


@router.post(
    "/verify-email",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="Show that I read my mailbox",
    response_description="The address is verified.",
    responses=documented(*OF_ALL, UnusableLink),
)
async def verify_email(link: LinkIn, process: Running, origin: From) -> Response:
    """Verify the address to which this token was mailed. Needs no login: the token is enough, once."""
    verify = partial(verification.verify, token=link.token, by=By(None, origin, utc_now()))
    await process.database.write(verify, repeat_lost=True)
    return Response(status_code=status.HTTP_204_NO_CONTENT)


@router.post(
    "/password-reset",
    status_code=status.HTTP_202_ACCEPTED,
    summary="Have a link for a new password sent",
    response_description="The same, after the same work, whether an account has this address or not.",
    dependencies=[limited(MAIL)],
    responses=documented(*OF_ALL, MailOff, RateLimited),
)
async def ask_for_password_reset(
    forgotten: PasswordResetIn, process: Running, origin: From, accept_language: Languages = None
) -> MailOut:
    """Send a link for a new password to this address, if an account has it. Only the newest one works."""
    ask = partial(
        recovery.ask,
        email=forgotten.email,
        accept_language=_joined(accept_language),
        by=By(None, origin, utc_now()),
        secret=_secret(process),
        lifetime=timedelta(minutes=process.settings.password_reset_minutes),
    )
    await process.guard.about(MAIL, forgotten.email)
    await process.database.write(ask, repeat_lost=False)
    process.nudge()
    return MailOut()


@router.post(
    "/password-reset/confirm",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="Set a new password with a link",
    response_description="The new password is good, and all sessions of before have ended.",
    responses=documented(*OF_ALL, PasswordTooShort, PasswordTooCommon, UnusableLink, MailOff),
)
async def reset_password(
    new: NewPasswordIn, process: Running, origin: From, accept_language: Languages = None
) -> Response:
    """Replace the password of the account to which this token was mailed, and end all its sessions."""
    require_good(new.password, process.settings.password_length_min)
    _secret(process)  # whoever cannot be told of it gets no new password
    by = By(None, origin, utc_now())
    # Asked before as well, so that nobody has passwords hashed without a link.
    await process.database.read(partial(recovery.require_usable, token=new.token, now=by.at))
    password_hash = await process.passwords.hash(new.password)
    reset = partial(
        recovery.reset,
        token=new.token,
        password_hash=password_hash,
        accept_language=_joined(accept_language),
        by=by,
    )
    await process.database.write(reset, repeat_lost=True)
    process.nudge()
    await process.revoked.refresh()
    return Response(status_code=status.HTTP_204_NO_CONTENT)


def _secret(process: Process) -> str:
    """Return what tokens are made from. Raises MailOff: the same for everybody, before anything is looked up."""
    secret = process.settings.mail_token_secret
    if process.settings.mail_mode == "off" or secret is None:
        raise MailOff
    return secret.get_secret_value()


def _joined(accept_language: list[str] | None) -> str:
    return ",".join(accept_language or ())
