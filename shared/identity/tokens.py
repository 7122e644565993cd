"""Access tokens (RFC 9068): one place that signs them and one that believes them.

python-jose is lenient (`docs/decisions/0004-tokens.md` lists how), so nothing else may call it.
"""

import json
import re
import time
from base64 import urlsafe_b64decode
from collections.abc import Collection
from dataclasses import dataclass
from string import ascii_letters, digits
from typing import Any
from uuid import uuid4

from jose import jwt
from jose.backends.base import Key

from shared.errors import Forbidden, InvalidToken, TokenRevoked
from shared.identity.jwk import PUBLIC_KEY_ALGORITHMS, algorithm_of
from shared.identity.permissions import NOTHING, Permissions, permissions_of, scope_of
from shared.identity.revocations import Revocations

TOKEN_TYPE = "at+jwt"  # noqa: S105  a media type, not a secret
TOKEN_TYPES = (TOKEN_TYPE, f"application/{TOKEN_TYPE}")  # RFC 9068, section 4; letter case does not count in either
# `crit` demands what we do not understand (RFC 7515, section 4.1.11); a JWT has no `b64` (RFC 7797, section 7).
HEADERS_REFUSED = ("crit", "b64")
BASE64URL = re.compile("[A-Za-z0-9_-]+")
# What a text may end in, by its length modulo 4: bits that belong to no byte are zero (RFC 4648, section 3.5).
LAST_CHARACTERS = {0: f"{ascii_letters}{digits}-_", 1: "", 2: "AQgw", 3: "AEIMQUYcgkosw048"}
TOKEN_BYTES_MAX = 4_096
HEADER_BYTES_MAX = 1_024
CLOCK_SKEW_SECONDS = 5
UID_MAX = 2**63 - 1  # what every database can compare a row id with


@dataclass(frozen=True, slots=True)
class Principal:
    """Who sent the request, as a verified token tells it."""

    uid: int
    email: str
    permissions: Permissions
    token_id: str
    expires_at: int  # seconds since 1970
    session_id: str = ""  # of the login that the token comes from; tokens of API clients and of before have none
    token_version: int = 0  # how often the tokens of this account had been revoked when this one was signed


def require(principal: Principal, *permissions: str) -> None:
    """Refuse who has none of ``permissions``. Raises Forbidden."""
    if principal.permissions.isdisjoint(permissions):
        raise Forbidden


@dataclass(frozen=True, slots=True)
class TokenRules:
    """What a token must say to be accepted, and what ours say."""

    algorithm: str  # that ours are signed with
    issuer: str
    audience: str

    @property
    def algorithms(self) -> tuple[str, ...]:
        """Those that a token may name: with public keys both, and its key decides which of them it must be."""
        return PUBLIC_KEY_ALGORITHMS if self.algorithm in PUBLIC_KEY_ALGORITHMS else (self.algorithm,)


class TokenSigner:
    """Signs access tokens with one key."""

    def __init__(self, rules: TokenRules, key: Key, key_id: str | None, lifetime_seconds: int) -> None:
        """Sign with ``key``, which verifiers find under ``key_id`` (None with HS256)."""
        self._rules = rules
        self._key = key
        self._headers = {"typ": TOKEN_TYPE} if key_id is None else {"typ": TOKEN_TYPE, "kid": key_id}
        self.lifetime_seconds = lifetime_seconds

    def sign(  # noqa: PLR0913  what a token says
        self,
        uid: int,
        email: str,
        role: str,
        *,
        session_id: str = "",
        token_version: int = 0,
        withheld: Permissions = NOTHING,
    ) -> str:
        """Return a token for this user, valid from now for ``lifetime_seconds``, unless it is revoked before.

        It allows what ``role`` does, without what is ``withheld``.
        """
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
            "scope": scope_of(role, withheld),
            "token_version": token_version,
        }
        if session_id:
            claims["sid"] = session_id
        return jwt.encode(claims, self._key, algorithm=self._rules.algorithm, headers=self._headers)


class TokenVerifier:
    """Turns the text of a token into a Principal, or refuses it."""

    def __init__(self, rules: TokenRules, cache_max: int, revocations: Revocations) -> None:
        """Remember up to ``cache_max`` verified tokens until they end: a signature check costs 64 µs."""
        self._rules = rules
        self._revocations = revocations
        self._cache_max = cache_max
        self._cache: dict[str, Principal] = {}

    def cached(self, token: str) -> Principal | None:
        """Return who sent ``token`` if it was verified before and has not ended."""
        principal, revoked = self._cache.get(token), self._revocations
        if principal is None or (
            principal.expires_at > time.time()
            # What `Revocations.cover` says, without a call: each request pays for it.
            and principal.session_id not in revoked.sessions
            and revoked.versions.get(principal.uid, 0) <= principal.token_version
        ):
            return principal
        del self._cache[token]
        return None

    def key_id(self, token: str) -> str | None:
        """Return the `kid` that ``token`` claims, once its header is found harmless. Raises InvalidToken."""
        header = _json_object(_parts(token)[0], bytes_max=HEADER_BYTES_MAX)
        key_id = header.get("kid")
        if (
            header.get("alg") not in self._rules.algorithms
            or str(header.get("typ")).lower() not in TOKEN_TYPES
            or any(name in header for name in HEADERS_REFUSED)
            or not isinstance(key_id, str | None)
        ):
            raise InvalidToken
        return key_id

    def verify(self, token: str, key: Key) -> Principal:
        """Check signature and claims of ``token``, whose header `key_id` has passed. Raises InvalidToken."""
        # What is remembered is known again by its text, so a token must have one text; jose does not see to that.
        claims = _json_object(_parts(token)[1], bytes_max=TOKEN_BYTES_MAX)
        try:
            jwt.decode(
                token,
                key,
                algorithms=[algorithm_of(key)],
                audience=self._rules.audience,
                issuer=self._rules.issuer,
                options={"leeway": CLOCK_SKEW_SECONDS}
                | {f"require_{claim}": True for claim in ("exp", "iat", "sub", "aud", "iss", "jti")},
            )
            principal = _principal(claims)
        except Exception as error:  # jose also raises RecursionError, OverflowError, AttributeError, …
            raise InvalidToken from error
        if self._revocations.cover(principal.uid, principal.session_id, principal.token_version):
            raise TokenRevoked
        self._remember(token, principal)
        return principal

    def forget(self, key_ids: Collection[str]) -> None:
        """Remember no token that names one of these keys: they are no longer believed."""
        # Compared by its text, the header of a key's tokens is read once and not ten thousand times.
        headers = {token.partition(".")[0]: token for token in self._cache}
        gone = {header for header, token in headers.items() if self.key_id(token) in key_ids}
        self._cache = {token: found for token, found in self._cache.items() if token.partition(".")[0] not in gone}

    def _remember(self, token: str, principal: Principal) -> None:
        if self._cache_max == 0:
            return
        if len(self._cache) >= self._cache_max:
            self._cache.pop(next(iter(self._cache)))
        self._cache[token] = principal


def _parts(token: str) -> list[str]:
    """Take a JWS apart (RFC 7515, section 3.1): header, claims, signature. Raises InvalidToken.

    Each is canonical base64url without padding. Decoders do not see to that: they skip what is not of the alphabet, and
    the last bits of the last character.
    """
    parts = token.split(".", 3)
    if len(token) > TOKEN_BYTES_MAX or len(parts) != 3 or not all(map(_is_canonical, parts)):  # noqa: PLR2004  JWS: three parts
        raise InvalidToken
    return parts


def _is_canonical(part: str) -> bool:
    return BASE64URL.fullmatch(part) is not None and part[-1] in LAST_CHARACTERS[len(part) % 4]


def _json_object(part: str, bytes_max: int) -> dict[str, Any]:
    if len(part) > bytes_max:
        raise InvalidToken
    try:
        # As text: json would find out by itself that bytes are UTF-16.
        found = STRICT_JSON.decode(urlsafe_b64decode(part + "=" * (-len(part) % 4)).decode())
    except (ValueError, RecursionError) as error:
        raise InvalidToken from error
    if not isinstance(found, dict):
        raise InvalidToken
    return found


def _once_each(members: list[tuple[str, Any]]) -> dict[str, Any]:
    # RFC 7515, section 4 and RFC 7519, section 4: of two members of one name, the next reader may see the other one.
    found = dict(members)
    if len(found) != len(members):
        msg = "a member comes twice"
        raise ValueError(msg)
    return found


def _no_number(name: str) -> None:
    msg = f"{name} is not JSON"
    raise ValueError(msg)


# Made once: making it takes as long as reading a token.
STRICT_JSON = json.JSONDecoder(object_pairs_hook=_once_each, parse_constant=_no_number)


def _principal(claims: dict[str, Any]) -> Principal:
    uid, expires_at = claims["uid"], claims["exp"]
    if type(uid) is not int or not 1 <= uid <= UID_MAX:
        msg = "uid is not what we sign"
        raise ValueError(msg)
    # jose also takes text and truth for moments; RFC 7519, section 2 has numbers, and ours are whole.
    if any(type(moment) is not int for moment in (expires_at, claims["iat"], claims.get("nbf", 0))):
        msg = "exp, iat or nbf is not what we sign"
        raise ValueError(msg)
    session_id, token_version = claims.get("sid", ""), claims.get("token_version", 0)
    if type(session_id) is not str or type(token_version) is not int:
        msg = "sid or token_version is not what we sign"
        raise ValueError(msg)
    granted = permissions_of(claims.get("scope"), claims.get("role"))
    return Principal(uid, str(claims["sub"]), granted, str(claims["jti"]), expires_at, session_id, token_version)
