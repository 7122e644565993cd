"""Other people's accounts, for whoever may manage them."""

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field, model_validator

from auth_service.api.accounts import UserId
from auth_service.api.dependencies import From, Running
from auth_service.api.schemas import Role, SessionOut, UserOut
from auth_service.api.sessions import session_out
from auth_service.domain import account_changes, account_lists, accounts
from auth_service.domain.account_lists import Listed, Wanted
from auth_service.domain.audit_log import By
from auth_service.domain.errors import AccountGone, NotYourself, RoleNotAllowed
from auth_service.domain.sessions import records
from shared.clock import utc_now
from shared.errors import (
    Forbidden,
    InvalidInput,
    NotFound,
    Overloaded,
    Unauthenticated,
    Unavailable,
)
from shared.http.authentication import Requires
from shared.http.cursors import binding, decode_bound_id, encode_cursor, next_link
from shared.http.pages import Cursor, Limit, page_size
from shared.http.problems import OF_BODIES, documented
from shared.http.strict_route import StrictRoute
from shared.http.values import ID_MAX, Moment
from shared.identity.permissions import WRITE_USERS
from shared.identity.tokens import Principal

IDS_MAX = 100
IDS_WORDS = f"Use up to {IDS_MAX} ids of users, with commas between."
OF_ALL = (Unauthenticated, AccountGone, Forbidden, InvalidInput, Unavailable, Overloaded)

Manager = Annotated[Principal, Depends(Requires(WRITE_USERS))]
Ids = Annotated[
    str | None, Query(description=f"Those with one of these ids, {IDS_MAX} at most, commas between.", max_length=2_000)
]
EmailBegins = Annotated[
    str | None, Query(description="Those whose address begins with this, in any spelling.", max_length=254)
]

router = APIRouter(prefix="/users", tags=["users"], route_class=StrictRoute)


class ManagedUserOut(UserOut):
    """A user, for who manages them."""

    disabled_at: Moment | None = Field(description="Since when they are kept out; null: they are not.")


class UserPatch(BaseModel):
    """What becomes of somebody. Members that are left out stay; others than these are refused."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"disabled": True}, {"role": "admin"}]})

    role: Role | None = Field(None, description="Not one that may do more than you.")
    disabled: bool | None = Field(None, strict=True, description="true keeps them out; false lets them in again.")

    @model_validator(mode="after")
    def _says_something(self) -> "UserPatch":
        if self.role is None and self.disabled is None:
            msg = "Give `role`, `disabled` or both."
            raise ValueError(msg)
        return self


async def _wanted(
    ids: Ids = None, email: EmailBegins = None, role: Role | None = None, *, disabled: bool | None = None
) -> Wanted:
    listed = [] if ids is None else ids.replace(" ", "").split(",")
    if len(listed) > IDS_MAX or not all(each.isascii() and each.isdecimal() and int(each) <= ID_MAX for each in listed):
        raise InvalidInput.at("#/query/ids", IDS_WORDS)
    return Wanted(tuple(sorted(map(int, listed))), email, role, disabled)


@router.get("", summary="List users", responses=documented(*OF_ALL))
async def list_users(
    request: Request,
    manager: Manager,
    process: Running,
    response: Response,
    wanted: Annotated[Wanted, Depends(_wanted)],
    limit: Limit = 0,
    cursor: Cursor = None,
) -> list[ManagedUserOut]:
    """List users in the order of their ids. Those that were erased are not there."""
    bound_to = binding("users", manager.uid, wanted)
    behind = decode_bound_id(cursor, bound_to) or 0
    count = page_size(limit)
    found = await process.database.read(partial(account_lists.page, wanted=wanted, behind=behind, count_max=count + 1))
    response.headers["Cache-Control"] = "no-store"
    if len(found) > count:
        response.headers["Link"] = next_link(request.url, encode_cursor(found[count - 1].account.id, bound_to))
    return [_managed(each) for each in found[:count]]


@router.patch(
    "/{user_id}",
    summary="Change somebody's role, or keep them out",
    responses=documented(
        *OF_ALL,
        RoleNotAllowed,
        NotYourself,
        NotFound,
        *OF_BODIES,
    ),
)
async def change_user(
    user_id: UserId, patch: UserPatch, manager: Manager, process: Running, origin: From
) -> ManagedUserOut:
    """Change what somebody may do. Tokens that say otherwise are refused by both services within five seconds."""
    account_id, by = int(user_id), By(manager.uid, origin, utc_now())
    work = partial(account_changes.manage, account_id=account_id, role=patch.role, disabled=patch.disabled, by=by)
    changed = await process.database.write(work, repeat_lost=False)
    await process.revoked.refresh()
    return _managed(changed)


@router.get("/{user_id}/sessions", summary="Where is somebody logged in?", responses=documented(*OF_ALL, NotFound))
async def sessions_of(user_id: UserId, manager: Manager, process: Running, response: Response) -> list[SessionOut]:
    """List the sessions of somebody that go on, the last used first."""
    response.headers["Cache-Control"] = "no-store"
    account_id = int(user_id)
    await process.database.read(partial(accounts.visible, account_id=account_id, viewer_id=manager.uid))
    found = await process.database.read(partial(records.going_on, account_id=account_id, now=utc_now()))
    return [session_out(session, manager) for session in found]


def _managed(listed: Listed) -> ManagedUserOut:
    user = UserOut.model_validate(listed.account)
    return ManagedUserOut(**user.model_dump(), disabled_at=listed.disabled_at)
