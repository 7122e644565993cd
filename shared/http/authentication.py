"""Who sends this request: the bearer token (RFC 6750), checked locally."""

from collections.abc import Awaitable, Callable, Iterator
from typing import Annotated, Protocol

from fastapi import Depends, Request, Security
from fastapi.dependencies.models import Dependant
from fastapi.security import HTTPBearer

from shared.configuration.settings import ServiceSettings
from shared.errors import InvalidToken, Unauthenticated
from shared.identity.keys import KeySource
from shared.identity.tokens import Principal, TokenRules, TokenVerifier, require

SCHEME = "bearer "

# Lets a request pass or raises a problem.
Judge = Callable[[Request], Awaitable[object]]

# Only tells OpenAPI of the scheme, so that /docs has a place for the token; Authenticator does the checking.
BearerScheme = Annotated[
    object,
    Security(HTTPBearer(bearerFormat="JWT", description="The `access_token` of `POST /login`.", auto_error=False)),
]


class Authenticator:
    """Checks the tokens of one service's requests."""

    def __init__(self, verifier: TokenVerifier, keys: KeySource) -> None:
        self._verifier = verifier
        self._keys = keys

    async def authenticate(self, request: Request) -> Principal:
        """Return who sent ``request``.

        Raises Unauthenticated without a token, InvalidToken for one that is not believed, or KeysUnavailable when no
        key was ever seen.
        """
        token = _bearer_token(request.headers.getlist("authorization"))
        if token is None:
            raise Unauthenticated
        return self._verifier.cached(token) or await self._verify(token)

    def remembered(self, authorizations: list[str]) -> Principal | None:
        """Return who sent a request with these Authorization headers, if that is known without any checking."""
        token = _bearer_token(authorizations)
        return None if token is None else self._verifier.cached(token)

    async def ready(self) -> None:
        """Make sure that tokens can be judged. Raises KeysUnavailable."""
        await self._keys.ready()

    async def keep_fresh(self) -> None:
        """Follow which keys are published, for ever; cancel it at the end."""
        await self._keys.keep_fresh()

    async def close(self) -> None:
        """Release the source of keys."""
        await self._keys.close()

    async def _verify(self, token: str) -> Principal:
        key = await self._keys.find(self._verifier.key_id(token))
        if key is None:
            raise InvalidToken
        return self._verifier.verify(token, key)


class Authenticating(Protocol):
    """A process that can tell who sends a request."""

    @property
    def authenticator(self) -> Authenticator:
        """What checks its tokens."""


def _bearer_token(authorizations: list[str]) -> str | None:
    if len(authorizations) != 1 or authorizations[0][: len(SCHEME)].lower() != SCHEME:
        return None
    # RFC 9110, section 11.4: spaces and nothing else after the scheme. What follows, if anything, is judged as a token.
    return authorizations[0][len(SCHEME) :].lstrip(" ").rstrip(" \t") or None


def token_rules(settings: ServiceSettings) -> TokenRules:
    """Read what tokens must say from the configuration."""
    return TokenRules(settings.algorithm, settings.token_issuer, settings.token_audience)


async def authenticated(request: Request, _scheme: BearerScheme = None) -> Principal:
    """Demand any good token; a route's dependency. However many ask, a request's token is judged once."""
    principal: Principal | None = getattr(request.state, "principal", None)
    if principal is None:
        process: Authenticating = request.app.state.process
        request.state.principal = principal = await process.authenticator.authenticate(request)
    return principal


async def authenticated_if_sent(request: Request, _scheme: BearerScheme = None) -> Principal | None:
    """Demand that a token is good where none is needed; a route's dependency."""
    return await authenticated(request) if "authorization" in request.headers else None


AnyUser = Annotated[Principal, Depends(authenticated)]


class Requires:
    """Demands a token with one of several permissions; a route's dependency."""

    def __init__(self, *permissions: str) -> None:
        self._permissions = permissions

    async def __call__(self, principal: AnyUser) -> Principal:
        """Return who sent the request. Raises Unauthenticated or Forbidden."""
        require(principal, *self._permissions)
        return principal

    async def judge(self, request: Request) -> None:
        """Do the same before FastAPI does. Raises Unauthenticated or Forbidden."""
        require(await authenticated(request), *self._permissions)


def judges(dependant: Dependant) -> Iterator[Judge]:
    """Find what decides who may call a route, in the order of its signature."""
    for dependency in dependant.dependencies:
        if isinstance(dependency.call, Requires):
            yield dependency.call.judge
        elif dependency.call in (authenticated, authenticated_if_sent):
            yield dependency.call
        else:
            yield from judges(dependency)
