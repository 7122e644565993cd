"""The audit trail, for whoever may read it."""

from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, Field

from auth_service.api.dependencies import Running
from auth_service.domain import audit_log
from auth_service.domain.audit_log import Act, Wanted
from shared.errors import Forbidden, InvalidInput, Overloaded, Unauthenticated, Unavailable
from shared.http.authentication import Requires
from shared.http.cursors import binding, decode_bound_id, encode_cursor, next_link
from shared.http.pages import Cursor, Limit, page_size
from shared.http.problems import documented
from shared.http.strict_route import StrictRoute
from shared.http.values import ID_MAX, GivenId, GivenMoment, Moment
from shared.identity.permissions import READ_AUDIT_LOG
from shared.identity.tokens import Principal

ACTS = tuple(act.value for act in Act)
ACT_WORDS = f"Use one or several of {', '.join(ACTS)}."

Reader = Annotated[Principal, Depends(Requires(READ_AUDIT_LOG))]
Acts = Annotated[
    list[str] | None,
    Query(description=f"Any of several, repeated or with commas between: {', '.join(ACTS)}.", max_length=100),
]
By = Annotated[GivenId | None, Query(ge=1, le=ID_MAX, description="What this account did.")]
To = Annotated[GivenId | None, Query(ge=1, le=ID_MAX, description="What was done to this account.")]
From = Annotated[GivenMoment | None, Query(alias="from", description="At this moment or later.")]
Until = Annotated[GivenMoment | None, Query(alias="to", description="Before this moment.")]

router = APIRouter(tags=["audit trail"], route_class=StrictRoute)


class AuditEntryOut(BaseModel):
    """Something that was done, by whom, to whom, when and from where."""

    id: int
    at: Moment
    act: str = Field(description=f"One of {', '.join(ACTS)}.", examples=["session.began"])
    actor_id: int | None = Field(description="The account that did it; null: nobody who was logged in.")
    account_id: int | None = Field(description="The account that it was done to; null: none that there is.")
    address: str | None = Field(description="Where the request came from; null: the command line.")
    request_id: str | None = Field(description="Its `X-Request-ID`.")
    details: dict[str, Any] = Field(description="What else belongs to the act.")


async def _wanted(
    act: Acts = None, actor_id: By = None, account_id: To = None, from_: From = None, to: Until = None
) -> Wanted:
    acts = {name.strip(" ") for names in act or [] for name in names.split(",")}
    if not acts <= set(ACTS):
        raise InvalidInput.at("#/query/act", ACT_WORDS)
    if from_ is not None and to is not None and from_ > to:
        raise InvalidInput.at("#/query/to", "Use a moment that is not before `from`.")
    return Wanted(tuple(sorted(acts)), actor_id, account_id, from_, to)


@router.get(
    "/audit-log",
    summary="Read the audit trail",
    responses=documented(Unauthenticated, Forbidden, InvalidInput, Unavailable, Overloaded),
)
async def read_audit_log(
    request: Request,
    reader: Reader,
    process: Running,
    response: Response,
    wanted: Annotated[Wanted, Depends(_wanted)],
    limit: Limit = 0,
    cursor: Cursor = None,
) -> list[AuditEntryOut]:
    """List what was done to accounts and sessions, the newest first."""
    bound_to = binding("audit-log", reader.uid, wanted)
    behind = decode_bound_id(cursor, bound_to)
    count = page_size(limit)
    entries = await process.database.read(partial(audit_log.page, wanted=wanted, behind=behind, count_max=count + 1))
    response.headers["Cache-Control"] = "no-store"
    if len(entries) > count:
        response.headers["Link"] = next_link(request.url, encode_cursor(entries[count - 1].id, bound_to))
    return [AuditEntryOut(**entry._asdict()) for entry in entries[:count]]
