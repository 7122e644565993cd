"""One's own account: another name or password, all that is stored of it, and its end."""

from functools import partial
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Response, status
from pydantic import BaseModel, ConfigDict, Field

from auth_service.api.admission import confirmed
from auth_service.api.dependencies import From, Running
from auth_service.api.limits import Address
from auth_service.api.schemas import EXAMPLE_PASSWORD, Name, Password, UserOut
from auth_service.domain import account_changes, account_lists
from auth_service.domain.account_changes import Replacement
from auth_service.domain.audit_log import By
from auth_service.domain.errors import AccountGone, LastAdmin, PasswordTooCommon, PasswordTooShort, WrongPassword
from auth_service.domain.passwords import require_good
from shared.clock import utc_now
from shared.errors import (
    Overloaded,
    RateLimited,
    Unauthenticated,
    Unavailable,
)
from shared.http.authentication import AnyUser
from shared.http.problems import OF_BODIES, documented
from shared.http.strict_route import StrictRoute

OF_ALL = (Unauthenticated, AccountGone, Unavailable, Overloaded)

router = APIRouter(prefix="/users/me", tags=["profile"], route_class=StrictRoute)


class ProfilePatch(BaseModel):
    """What becomes of me. Members that are not here are refused."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"name": "Ada King"}]})

    name: Name


class PasswordIn(BaseModel):
    """My password, and the next one."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"current_password": EXAMPLE_PASSWORD, "new_password": "battery staple"}]},
    )

    current_password: Password
    new_password: Password = Field(description="At least PASSWORD_LENGTH_MIN characters, and none of the common ones.")


class FarewellIn(BaseModel):
    """My password, because a token alone may be somebody else's."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"password": EXAMPLE_PASSWORD}]})

    password: Password


class ExportOut(BaseModel):
    """Everything that is stored of me, but for secrets. Bookings are at the booking service: `GET /bookings`."""

    account: dict[str, Any]
    sessions: list[dict[str, Any]]
    audit_log: list[dict[str, Any]]


@router.patch("", summary="Change my name", responses=documented(*OF_ALL, *OF_BODIES))
async def change_me(
    patch: ProfilePatch, sender: AnyUser, process: Running, origin: From, response: Response
) -> UserOut:
    """Change what is said of me."""
    response.headers["Cache-Control"] = "no-store"
    by = By(sender.uid, origin, utc_now())
    rename = partial(account_changes.rename, account_id=sender.uid, name=patch.name, by=by)
    return UserOut.model_validate(await process.database.write(rename, repeat_lost=True))


@router.post(
    "/password",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="Change my password",
    responses=documented(*OF_ALL, *OF_BODIES, WrongPassword, RateLimited, PasswordTooShort, PasswordTooCommon),
)
async def change_password(given: PasswordIn, sender: AnyUser, address: Address, process: Running, origin: From) -> None:
    """Change the password. This session goes on, all others end: their tokens are refused within five seconds."""
    require_good(given.new_password, process.settings.password_length_min, "#/new_password")
    checked = await confirmed(process, address, origin, sender, given.current_password)
    password = Replacement(checked, await process.passwords.hash(given.new_password))
    work = partial(
        account_changes.change_password,
        account_id=sender.uid,
        password=password,
        by=By(sender.uid, origin, utc_now()),
        keep=UUID(sender.session_id) if sender.session_id else None,
    )
    await process.database.write(work, repeat_lost=True)
    await process.revoked.refresh()


@router.delete(
    "",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="Erase my account",
    responses=documented(*OF_ALL, *OF_BODIES, WrongPassword, RateLimited, LastAdmin),
)
async def erase_me(given: FarewellIn, sender: AnyUser, address: Address, process: Running, origin: From) -> None:
    """Erase what is personal, for good. Bookings stay under the id, and nobody can log in any more."""
    checked = await confirmed(process, address, origin, sender, given.password)
    by = By(sender.uid, origin, utc_now())
    erase = partial(account_changes.erase, account_id=sender.uid, checked=checked, by=by)
    await process.database.write(erase, repeat_lost=False)
    await process.revoked.refresh()


@router.get("/export", summary="Everything that is stored of me", responses=documented(*OF_ALL))
async def export_me(sender: AnyUser, process: Running, response: Response) -> ExportOut:
    """Return everything that the auth service has stored of me, as JSON."""
    response.headers["Cache-Control"] = "no-store"
    response.headers["Content-Disposition"] = 'attachment; filename="account.json"'
    return ExportOut(**await process.database.read(partial(account_lists.export, account_id=sender.uid)))
