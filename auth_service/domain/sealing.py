"""Private keys at rest: sealed with a secret that is not in the database."""

import os
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from auth_service.domain.signing import UnusableKeyError

KEY_BYTES: Final = 32  # AES-256
NONCE_BYTES: Final = 12  # NIST SP 800-38D, section 8.2: at random, for far fewer than 2^32 keys
# RFC 5869, section 3.2: what else may be derived from the same secret is another key.
PURPOSE: Final = b"event-booking: private keys at rest, 1"


class WrongSecretError(UnusableKeyError):
    """KEY_ENCRYPTION_SECRET is not the one that a key was sealed with, or the key was changed since."""

    def __init__(self, key_id: str) -> None:
        super().__init__(
            f"KEY_ENCRYPTION_SECRET or KEY_ENCRYPTION_SECRET_FILE: does not open the stored key {key_id}; "
            "use the secret that it was made with"
        )


class Sealer:
    """Seals private keys with AES-256-GCM and opens them again; a key opens under its own id only."""

    def __init__(self, secret: str) -> None:
        """Derive the key from ``secret``, which has 32 bytes or more."""
        derived = HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=PURPOSE).derive(secret.encode())
        self._cipher = AESGCM(derived)

    def seal(self, pem: str, key_id: str) -> bytes:
        """Encrypt a private key that is to be stored as ``key_id``."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, pem.encode(), key_id.encode())

    def open(self, sealed: bytes, key_id: str) -> str:
        """Return the private key as PEM. Raises WrongSecretError."""
        try:
            pem = self._cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], key_id.encode())
        except (InvalidTag, ValueError) as error:  # ValueError for what is too short to have been sealed
            raise WrongSecretError(key_id) from error
        return pem.decode()
