"""What other services need to check tokens on their own."""

from typing import Annotated

from fastapi import APIRouter, Header, Response

from auth_service.api.dependencies import Running
from auth_service.api.schemas import IssuerMetadata, JsonWebKeySet
from auth_service.settings import AuthSettings
from shared.errors import InvalidInput
from shared.http.entity_tags import NOT_MODIFIED, tagged
from shared.http.problems import documented
from shared.http.strict_route import StrictRoute
from shared.identity import permissions
from shared.identity.keys import KeysUnavailable

CACHE_SECONDS_MAX = 300


def router(settings: AuthSettings) -> APIRouter:
    """Build the `/.well-known/` routes."""
    routes = APIRouter(prefix="/.well-known", tags=["keys"], route_class=StrictRoute)
    base = settings.token_issuer.rstrip("/")
    # A key signs only when every cache has had to ask again since it was published.
    cache_control = f"public, max-age={min(CACHE_SECONDS_MAX, settings.key_published_seconds)}"
    metadata = IssuerMetadata(
        issuer=settings.token_issuer,
        jwks_uri=f"{base}/.well-known/jwks.json",
        service_documentation=f"{base}/docs",
        scopes_supported=sorted(permissions.ALL),
        response_types_supported=[],
        grant_types_supported=[],
    )

    @routes.get(
        "/jwks.json",
        summary="The public keys of access tokens (RFC 7517)",
        response_model=JsonWebKeySet,
        responses=NOT_MODIFIED | documented(InvalidInput, KeysUnavailable),
    )
    async def jwks(process: Running, if_none_match: Annotated[list[str] | None, Header()] = None) -> Response:
        """List the keys that tokens may name, those too that sign later or no more, with an `ETag`."""
        key_set = JsonWebKeySet.model_validate({"keys": process.keys.published()})
        return tagged(key_set.model_dump_json().encode(), if_none_match or (), cache_control)

    @routes.get("/oauth-authorization-server", summary="The issuer's metadata (RFC 8414)")
    async def issuer_metadata(response: Response) -> IssuerMetadata:
        response.headers["Cache-Control"] = cache_control
        return metadata

    return routes
