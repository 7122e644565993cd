"""Registering, and looking at oneself."""

import re
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Path, Response, status
from pydantic import AfterValidator
from pydantic_core import PydanticCustomError
from sqlalchemy import Connection

from auth_service.api.dependencies import From, Running, Sender
from auth_service.api.limits import limited
from auth_service.api.schemas import UserIn, UserOut, WelcomeOut
from auth_service.domain import accounts
from auth_service.domain.accounts import Account, NewAccount, Registration
from auth_service.domain.audit_log import Origin
from auth_service.domain.errors import AccountGone, EmailTaken, PasswordTooShort, RoleNotAllowed
from auth_service.domain.passwords import require_good
from auth_service.domain.permissions import NOBODY, require_may_give
from auth_service.guard.actions import REGISTRATION
from auth_service.process import Process
from shared.clock import utc_now
from shared.errors import (
    IdempotencyKeyReused,
    InvalidInput,
    NotFound,
    Overloaded,
    RateLimited,
    Unauthenticated,
    Unavailable,
)
from shared.http.authentication import AnyUser
from shared.http.idempotency import REPLAYED, IdempotencyKey, parse_idempotency_key
from shared.http.problems import OF_BODIES, documented
from shared.http.strict_route import StrictRoute

# 18 digits fit every database's row id; no sign, no underscore, no leading zero.
ID_PATTERN = "^[1-9][0-9]{0,17}$"


def _id(text: str) -> str:
    if not re.fullmatch(ID_PATTERN, text):
        raise PydanticCustomError("user_id", "Use the `id` of a user: up to 18 digits, the first of them no 0.")
    return text


UserId = Annotated[
    str,
    Path(description="A user's `id`.", examples=["7"], json_schema_extra={"pattern": ID_PATTERN}),
    AfterValidator(_id),
]

router = APIRouter(tags=["accounts"], route_class=StrictRoute)


@router.post(
    "/users",
    status_code=status.HTTP_201_CREATED,
    summary="Register a user",
    response_description="The new user; `Location` is its address.",
    dependencies=[limited(REGISTRATION)],
    responses=documented(
        *OF_BODIES,
        PasswordTooShort,
        Unauthenticated,
        AccountGone,
        RoleNotAllowed,
        EmailTaken,
        IdempotencyKeyReused,
        RateLimited,
        Unavailable,
        Overloaded,
    ),
)
async def register(
    new: UserIn,
    sender: Sender,
    process: Running,
    origin: From,
    response: Response,
    idempotency_key: IdempotencyKey = None,
) -> UserOut:
    """Anyone may register with role `user` or `public`; role `admin` needs an admin's access token."""
    require_good(new.password, process.settings.password_length_min)
    # Once by the token, which spares a hash; `accounts.register` asks the database too.
    require_may_give(new.role, sender.permissions if sender else NOBODY)
    await process.guard.about(REGISTRATION, new.email)
    key, creator_id = parse_idempotency_key(idempotency_key), sender.uid if sender else None
    account = await _registered(process, new, key, creator_id)
    is_repeated = account is not None
    if account is None:
        try:
            account = await _register(process, new, key, creator_id, origin)
        except EmailTaken:
            # Perhaps the same request came twice at once, and the other one was first.
            account, is_repeated = await _registered(process, new, key, creator_id), True
            if account is None:
                raise
    if is_repeated:
        response.headers[REPLAYED] = "true"
    response.headers["Location"] = f"/users/{account.id}"
    return UserOut.model_validate(account)


async def _registered(process: Process, new: UserIn, key: str | None, creator_id: int | None) -> Account | None:
    if key is None:
        return None

    def find(connection: Connection) -> Registration | None:
        accounts.require_creator(connection, new.role, creator_id)
        return accounts.registration(connection, new.email, key, utc_now())

    earlier = await process.database.read(find)
    if earlier is None:
        return None
    # Takes as long as hashing the password of a new account, and no more than that does it need a connection.
    matches = await process.passwords.matches(new.password, earlier.password_hash)
    return accounts.repeated(earlier, new.name, new.email, new.role, password_matches=matches)


async def _register(process: Process, new: UserIn, key: str | None, creator_id: int | None, origin: Origin) -> Account:
    password_hash = await process.passwords.hash(new.password)
    account = NewAccount(new.name, new.email, password_hash, new.role, key)
    # It recognises an account that an earlier attempt made.
    return await process.database.write(
        partial(accounts.register, new=account, creator_id=creator_id, origin=origin), repeat_lost=True
    )


@router.get(
    "/users/me",
    summary="Who am I?",
    responses=documented(Unauthenticated, AccountGone, Unavailable, Overloaded),
)
async def me(sender: AnyUser, process: Running, response: Response) -> WelcomeOut:
    """Return the user whose access token this is, as stored now, not as the token was issued."""
    response.headers["Cache-Control"] = "no-store"
    account = await process.database.read(partial(accounts.active, account_id=sender.uid))
    return WelcomeOut(**UserOut.model_validate(account).model_dump(), message=f"Welcome, {account.name}!")


@router.get(
    "/users/{user_id}",
    summary="Look up a user",
    responses=documented(Unauthenticated, AccountGone, NotFound, InvalidInput, Unavailable, Overloaded),
)
async def user(user_id: UserId, sender: AnyUser, process: Running, response: Response) -> UserOut:
    """Return yourself, or any user to an admin; for everyone else there is nothing here."""
    response.headers["Cache-Control"] = "no-store"
    account = await process.database.read(partial(accounts.visible, account_id=int(user_id), viewer_id=sender.uid))
    return UserOut.model_validate(account)
