"""The one key that access tokens are signed with."""

from dataclasses import dataclass

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from jose.backends.base import Key

from auth_service.settings import AuthSettings
from shared.identity.tokens import RSA_BITS_MIN, hmac_key, public_jwk, rsa_key


class UnusableKeyError(ValueError):
    """The configured key cannot sign; its text says which variable is wrong, and how."""

    def __init__(self) -> None:
        super().__init__(
            f"JWT_PRIVATE_KEY or JWT_PRIVATE_KEY_FILE: must be an RSA private key, {RSA_BITS_MIN} bits or more, as PEM"
        )


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key, what checks its signatures, and what is published of it (nothing of a shared secret)."""

    private: Key
    verifying: Key
    key_id: str | None
    published: tuple[dict[str, str], ...]


def signing_key(settings: AuthSettings) -> SigningKey:
    """Make the key that the configuration asks for. Raises UnusableKeyError."""
    if settings.algorithm == "HS256" and settings.secret_key is not None:
        secret = hmac_key(settings.secret_key.get_secret_value())
        return SigningKey(secret, secret, None, ())
    pem = settings.jwt_private_key.get_secret_value() if settings.jwt_private_key else ""
    _require_strong_rsa(pem)
    private = rsa_key(pem)
    public = public_jwk(private)
    return SigningKey(private, private.public_key(), public["kid"], (public,))


def _require_strong_rsa(pem: str) -> None:
    # python-jose takes any size, and a public key too; it would fail at the first login only.
    try:
        key = load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, RSAPrivateKey) or key.key_size < RSA_BITS_MIN:
        raise UnusableKeyError
