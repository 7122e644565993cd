"""What other services need to check tokens on their own."""

from fastapi import APIRouter, Response

from auth_service.api.schemas import IssuerMetadata, JsonWebKey, JsonWebKeySet
from auth_service.domain.signing import SigningKey
from shared.identity.tokens import SCOPES

# A new key is published this long before it signs; verifiers refetch on an unknown `kid` anyway.
CACHE_CONTROL = "public, max-age=300"


def router(key: SigningKey, issuer: str) -> APIRouter:
    """Build the `/.well-known/` routes that publish ``key``."""
    routes = APIRouter(prefix="/.well-known", tags=["keys"])
    base = issuer.rstrip("/")
    key_set = JsonWebKeySet(keys=[JsonWebKey.model_validate(entry) for entry in key.published])
    metadata = IssuerMetadata(
        issuer=issuer,
        jwks_uri=f"{base}/.well-known/jwks.json",
        service_documentation=f"{base}/docs",
        scopes_supported=sorted({scope for scopes in SCOPES.values() for scope in scopes.split()}),
        response_types_supported=[],
        grant_types_supported=[],
    )

    @routes.get("/jwks.json", summary="The public keys of access tokens (RFC 7517)")
    async def jwks(response: Response) -> JsonWebKeySet:
        response.headers["Cache-Control"] = CACHE_CONTROL
        return key_set

    @routes.get("/oauth-authorization-server", summary="The issuer's metadata (RFC 8414)")
    async def issuer_metadata(response: Response) -> IssuerMetadata:
        response.headers["Cache-Control"] = CACHE_CONTROL
        return metadata

    return routes
