"""What other processes need to know of tokens that are revoked."""

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from auth_service.api.dependencies import Running
from shared.http.entity_tags import is_among
from shared.http.strict_route import StrictRoute

router = APIRouter(prefix="/.well-known", tags=["keys"], route_class=StrictRoute)


class RevokedAccount(BaseModel):
    """An account whose access tokens were revoked."""

    version: int = Field(description="Tokens whose `token_version` is lower are revoked.")
    until: int = Field(description="Seconds since 1970: by then all those tokens have ended by themselves.")


class RevocationsOut(BaseModel):
    """Access tokens that are no longer good although they have not ended."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "sessions": {"019f6b1c2d3e7f00a1b2c3d4e5f60718": 1790000000},
                    "accounts": {"7": {"version": 1, "until": 1790000000}},
                }
            ]
        }
    )

    sessions: dict[str, int] = Field(
        description="Tokens with one of these `sid` are revoked; each until when that matters, seconds since 1970."
    )
    accounts: dict[str, RevokedAccount] = Field(description="By the `uid` of tokens.")


@router.get(
    "/revocations",
    response_model=RevocationsOut,
    summary="What is revoked",
    responses={304: {"description": "Nothing has changed since the answer with this `ETag`."}},
)
async def revocations(request: Request, process: Running) -> Response:
    """List what was revoked and has not ended. Ask every second or two, with `If-None-Match`; remember each entry."""
    known = process.revoked.revocations
    headers = {"ETag": known.etag, "Cache-Control": "no-cache"}
    if is_among(known.etag, request.headers.getlist("if-none-match")):
        return Response(status_code=304, headers=headers)
    return Response(known.document, media_type="application/json", headers=headers)
