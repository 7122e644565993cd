"""Access tokens (RFC 9068): one place that signs them and one that believes them.

python-jose is lenient (`docs/decisions/0004-tokens.md` lists how), so nothing else may call it.
"""

import binascii
import hashlib
import json
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from jose import jwk, jwt
from jose.backends.base import Key

from shared.errors import Unauthenticated

TOKEN_TYPE = "at+jwt"  # noqa: S105  a media type, not a secret
TOKEN_BYTES_MAX = 4_096
HEADER_BYTES_MAX = 1_024
CLOCK_SKEW_SECONDS = 5
UID_MAX = 2**63 - 1  # what every database can compare a row id with
ROLES = ("user", "public", "admin")
JWK_REQUIRED_MEMBERS = ("e", "kty", "n")

SCOPES = {"user": "bookings:read bookings:write", "public": "", "admin": "bookings:read events:write users:write"}

# None: no key goes by that id.
KeyFinder = Callable[[str | None], "Key | None"]


@dataclass(frozen=True, slots=True)
class Principal:
    """Who sent the request, as a verified token tells it."""

    uid: int
    email: str
    role: str
    token_id: str
    expires_at: int  # seconds since 1970


@dataclass(frozen=True, slots=True)
class TokenRules:
    """What a token must say to be accepted, and what ours say."""

    algorithm: str
    issuer: str
    audience: str


def public_jwk(key: Key) -> dict[str, str]:
    """Describe an RSA public key as a JWK whose `kid` is its RFC 7638 thumbprint."""
    members = {name: _text(value) for name, value in key.to_dict().items() if name in JWK_REQUIRED_MEMBERS}
    canonical = json.dumps({name: members[name] for name in JWK_REQUIRED_MEMBERS}, separators=(",", ":"))
    thumbprint = urlsafe_b64encode(hashlib.sha256(canonical.encode()).digest()).rstrip(b"=").decode()
    return {**members, "kid": thumbprint, "use": "sig", "alg": "RS256"}


def rsa_key(material: str | dict[str, Any]) -> Key:
    """Read an RSA key from PEM or a JWK. Raises jose.exceptions.JWKError for anything else."""
    return jwk.construct(material, "RS256")


def hmac_key(secret: str) -> Key:
    """Make the HS256 key of a shared secret."""
    return jwk.construct(secret, "HS256")


class TokenSigner:
    """Signs access tokens with one key."""

    def __init__(self, rules: TokenRules, key: Key, key_id: str | None, lifetime_seconds: int) -> None:
        """Sign with ``key``, which verifiers find under ``key_id`` (None with HS256)."""
        self._rules = rules
        self._key = key
        self._headers = {"typ": TOKEN_TYPE} if key_id is None else {"typ": TOKEN_TYPE, "kid": key_id}
        self.lifetime_seconds = lifetime_seconds

    def sign(self, uid: int, email: str, role: str) -> str:
        """Return a token for this user, valid from now for ``lifetime_seconds``."""
        now = int(time.time())
        claims = {
            "iss": self._rules.issuer,
            "aud": self._rules.audience,
            "sub": email,  # existing clients expect the address here; ownership always goes by uid
            "exp": now + self.lifetime_seconds,
            "iat": now,
            "jti": uuid4().hex,
            "client_id": self._rules.audience,
            "uid": uid,
            "role": role,
            "scope": SCOPES[role],
        }
        return jwt.encode(claims, self._key, algorithm=self._rules.algorithm, headers=self._headers)


class TokenVerifier:
    """Turns the text of a token into a Principal, or refuses it."""

    def __init__(self, rules: TokenRules, cache_max: int) -> None:
        """Remember up to ``cache_max`` verified tokens until they end: a signature check costs 64 µs."""
        self._rules = rules
        self._cache_max = cache_max
        self._cache: dict[str, Principal] = {}

    def cached(self, token: str) -> Principal | None:
        """Return who sent ``token`` if it was verified before and has not ended."""
        principal = self._cache.get(token)
        if principal is None or principal.expires_at > time.time():
            return principal
        del self._cache[token]
        return None

    def key_id(self, token: str) -> str | None:
        """Return the `kid` that ``token`` claims, once its header is found harmless. Raises Unauthenticated."""
        if len(token) > TOKEN_BYTES_MAX or not token.isascii() or token.count(".") != 2:  # noqa: PLR2004  JWS: three parts
            raise Unauthenticated
        header = _decode_header(token.partition(".")[0])
        expected = {"alg": self._rules.algorithm, "typ": TOKEN_TYPE}
        if any(header.get(name) != value for name, value in expected.items()) or "crit" in header:
            raise Unauthenticated
        key_id = header.get("kid")
        if key_id is not None and not isinstance(key_id, str):
            raise Unauthenticated
        return key_id

    def verify(self, token: str, key: Key) -> Principal:
        """Check signature and claims of ``token``, whose header `key_id` has passed. Raises Unauthenticated."""
        try:
            claims = jwt.decode(
                token,
                key,
                algorithms=[self._rules.algorithm],
                audience=self._rules.audience,
                issuer=self._rules.issuer,
                options={"leeway": CLOCK_SKEW_SECONDS}
                | {f"require_{claim}": True for claim in ("exp", "iat", "sub", "aud", "iss", "jti")},
            )
            principal = _principal(claims)
        except Exception as error:  # jose also raises RecursionError, OverflowError, AttributeError, …
            raise Unauthenticated from error
        self._remember(token, principal)
        return principal

    def _remember(self, token: str, principal: Principal) -> None:
        if self._cache_max == 0:
            return
        if len(self._cache) >= self._cache_max:
            self._cache.pop(next(iter(self._cache)))
        self._cache[token] = principal


def _decode_header(part: str) -> dict[str, Any]:
    if len(part) > HEADER_BYTES_MAX:
        raise Unauthenticated
    try:
        header = json.loads(urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (ValueError, binascii.Error, RecursionError) as error:
        raise Unauthenticated from error
    if not isinstance(header, dict):
        raise Unauthenticated
    return header


def _principal(claims: dict[str, Any]) -> Principal:
    uid, role, expires_at = claims["uid"], claims["role"], claims["exp"]
    if type(uid) is not int or not 1 <= uid <= UID_MAX or role not in ROLES or type(expires_at) is not int:
        msg = "uid, role or exp is not what we sign"
        raise ValueError(msg)
    return Principal(uid, str(claims["sub"]), role, str(claims["jti"]), expires_at)


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value
