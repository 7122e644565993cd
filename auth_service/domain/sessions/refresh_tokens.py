"""Refresh tokens: what one is made of. Pure.

A token is two secrets: one of its family, the session, and one that is good once. Who knows the family's and an old one
of the other kind has an old token, so a replay is known without keeping all tokens that ever were.
"""

import hashlib
import hmac
import re
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Final, NamedTuple

PREFIX: Final = "ebr_"  # so that a scanner for leaked secrets finds one
FAMILY_BYTES: Final = 16
ONCE_BYTES: Final = 32
TEXT: Final = re.compile(f"{PREFIX}([A-Za-z0-9_-]{{64}})")
SALT_BYTES: Final = 32


class RefreshToken(NamedTuple):
    """A token as its client has it. Only its hashes are stored."""

    family: bytes
    once: bytes

    @classmethod
    def new(cls) -> "RefreshToken":
        """Make the first token of a new family."""
        return cls(secrets.token_bytes(FAMILY_BYTES), secrets.token_bytes(ONCE_BYTES))

    @classmethod
    def read(cls, text: str) -> "RefreshToken | None":
        """Read what `text` wrote; None for anything else."""
        found = TEXT.fullmatch(text)
        if found is None:
            return None
        both = urlsafe_b64decode(found[1])
        return cls(both[:FAMILY_BYTES], both[FAMILY_BYTES:])

    def text(self) -> str:
        """Write it as its client sends it."""
        return f"{PREFIX}{urlsafe_b64encode(self.family + self.once).decode()}"

    def successor(self, salt: bytes) -> "RefreshToken":
        """Return the next of the family. Whoever has this one and the stored salt makes the same; nobody else can."""
        return RefreshToken(self.family, hmac.digest(self.once, salt, "sha256"))


def hashed(secret: bytes) -> bytes:
    """Return what is stored of a secret: it is as random as its hash is long, so it needs no salt and no slowness."""
    return hashlib.sha256(secret).digest()
