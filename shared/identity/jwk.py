"""The keys that access tokens are signed and checked with, as python-jose and RFC 7517 have them.

One key, one algorithm: a key is made for RS256, ES256 or HS256 and never used for another (RFC 8725, section 3.1).
"""

import hashlib
import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

from jose import jwk
from jose.backends import ECKey, HMACKey, RSAKey
from jose.backends.base import Key
from jose.exceptions import JOSEError
from jose.utils import base64_to_long

RS256: Final = "RS256"
ES256: Final = "ES256"
HS256: Final = "HS256"
PUBLIC_KEY_ALGORITHMS = (RS256, ES256)
RSA_BITS_MIN = 2_048  # RFC 7518, section 3.3
CURVE = "P-256"  # RFC 7518, section 3.4
# What a thumbprint is made of (RFC 7638, section 3.2), in its order, and all that is read of a key that was published.
MEMBERS: Mapping[str, tuple[str, ...]] = {RS256: ("e", "kty", "n"), ES256: ("crv", "kty", "x", "y")}
# What taking apart a document raises that is not as it should be.
UNUSABLE = (ValueError, KeyError, TypeError, AttributeError, JOSEError)
_ALGORITHMS: Mapping[object, str] = {RSAKey: RS256, ECKey: ES256, HMACKey: HS256}


def rsa_key(material: str | dict[str, Any]) -> Key:
    """Read an RS256 key from PEM or a JWK. Raises jose.exceptions.JWKError for anything else."""
    return jwk.construct(material, RS256)


def elliptic_key(material: str | dict[str, Any]) -> Key:
    """Read an ES256 key from PEM or a JWK. Raises jose.exceptions.JWKError, or what `UNUSABLE` lists."""
    return jwk.construct(material, ES256)


def hmac_key(secret: str) -> Key:
    """Make the HS256 key of a shared secret."""
    return jwk.construct(secret, HS256)


def algorithm_of(key: Key) -> str:
    """Return the one algorithm that ``key`` was made for."""
    return _ALGORITHMS[type(key)]


def public_jwk(key: Key) -> dict[str, str]:
    """Describe the public half of a key as a JWK whose `kid` is its RFC 7638 thumbprint."""
    algorithm = algorithm_of(key)
    described = key.to_dict()
    members = {name: _text(described[name]) for name in MEMBERS[algorithm]}
    thumbprint = hashlib.sha256(json.dumps(members, separators=(",", ":")).encode()).digest()
    kid = urlsafe_b64encode(thumbprint).rstrip(b"=").decode()
    return {**members, "kid": kid, "use": "sig", "alg": algorithm}


def usable_keys(entries: list[dict[str, Any]]) -> dict[str, Key]:
    """Read the keys of a published set by their `kid`; an entry that cannot be used does not spoil the set.

    RFC 7517, section 5.
    """
    keys: dict[str, Key] = {}
    for entry in entries:
        with suppress(*UNUSABLE):
            algorithm = _signature_of(entry)
            if algorithm is not None:
                # Nothing else of it: of a key pair published by mistake, we hold the public half only.
                keys[entry["kid"]] = jwk.construct({name: entry[name] for name in MEMBERS[algorithm]}, algorithm)
    return keys


def _signature_of(entry: dict[str, Any]) -> str | None:
    """Tell which of our signatures a key may check by all that is said of it.

    RFC 7517, sections 4.1 to 4.5; RFC 7518, sections 3.3 and 3.4.
    """
    algorithm = RS256 if entry["kty"] == "RSA" else ES256
    operations = entry.get("key_ops", ["verify"])
    fits = (
        (_is_strong_rsa(entry) if algorithm == RS256 else _is_on_our_curve(entry))
        and isinstance(entry["kid"], str)
        and entry.get("use", "sig") == "sig"
        and entry.get("alg", algorithm) == algorithm
        and isinstance(operations, list)
        and "verify" in operations
        and len(operations) == len(set(operations))
    )
    return algorithm if fits else None


def _is_strong_rsa(entry: dict[str, Any]) -> bool:
    return base64_to_long(entry["n"]).bit_length() >= RSA_BITS_MIN


def _is_on_our_curve(entry: dict[str, Any]) -> bool:
    return bool(entry["kty"] == "EC" and entry["crv"] == CURVE)


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value
