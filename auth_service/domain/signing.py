"""The keys that access tokens are signed with: the configured one, and those that are made here."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from jose.backends.base import Key

from auth_service.settings import AuthSettings
from shared.identity.jwk import ES256, RS256, RSA_BITS_MIN, elliptic_key, public_jwk, rsa_key

RSA_BITS: Final = 3_072  # of new keys: NIST SP 800-57 part 1, good beyond 2030
RSA_EXPONENT: Final = 65_537
WANTED: Mapping[str, str] = {
    RS256: f"an RSA private key, {RSA_BITS_MIN} bits or more, as PEM",
    ES256: "a private key on the curve P-256, as PEM",
}


class UnusableKeyError(ValueError):
    """A key cannot be used; its text says which variable is wrong, and how."""


class UnusableConfiguredKeyError(UnusableKeyError):
    """What JWT_PRIVATE_KEY holds cannot sign with the configured algorithm."""

    def __init__(self, algorithm: str) -> None:
        super().__init__(
            f"JWT_PRIVATE_KEY or JWT_PRIVATE_KEY_FILE: must be {WANTED[algorithm]}, when ALGORITHM is {algorithm}"
        )


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key pair, ready for use."""

    algorithm: str
    private: Key
    public_jwk: Mapping[str, str]

    @property
    def key_id(self) -> str:
        """What the header of a token calls this key."""
        return self.public_jwk["kid"]


def configured_key(settings: AuthSettings) -> SigningKey | None:
    """Read the key pair of the configuration; None when there is none. Raises UnusableKeyError."""
    if settings.jwt_private_key is None:
        return None
    pem = settings.jwt_private_key.get_secret_value()
    if not _is_usable(pem, settings.algorithm):
        raise UnusableConfiguredKeyError(settings.algorithm)
    return key_pair(pem, settings.algorithm)


def new_private_key(algorithm: str) -> str:
    """Make a private key for RS256 or ES256, as PEM (PKCS 8)."""
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
    if algorithm == ES256:
        key = ec.generate_private_key(ec.SECP256R1())
    else:
        key = rsa.generate_private_key(public_exponent=RSA_EXPONENT, key_size=RSA_BITS)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode().strip()


def key_pair(pem: str, algorithm: str) -> SigningKey:
    """Read a private key that is known to fit ``algorithm``."""
    private = elliptic_key(pem) if algorithm == ES256 else rsa_key(pem)
    return SigningKey(algorithm, private, public_jwk(private))


def _is_usable(pem: str, algorithm: str) -> bool:
    # python-jose takes any size, any curve and a public key too; it would fail at the first login only.
    try:
        key = load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return False
    if algorithm == ES256:
        return isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1)
    return isinstance(key, rsa.RSAPrivateKey) and key.key_size >= RSA_BITS_MIN
