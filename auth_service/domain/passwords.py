"""Passwords: Argon2id through passlib, and equal work for every login (`docs/decisions/0003-passwords.md`)."""

import secrets
from typing import Protocol

from passlib.context import CryptContext
from zxcvbn.frequency_lists import FREQUENCY_LISTS

from auth_service.domain.errors import PasswordTooCommon, PasswordTooShort

LENGTH_MAX = 72  # characters; what existing clients may send


class Hasher(Protocol):
    """The slow part, as passlib's CryptContext offers it."""

    def hash(self, secret: str) -> str:
        """Hash ``secret`` with a fresh salt and the current parameters."""

    def verify(self, secret: str, hash: str) -> bool:  # noqa: A002  passlib's own name
        """Tell whether ``hash`` was made of ``secret``."""

    def needs_update(self, hash: str) -> bool:  # noqa: A002  as above
        """Tell whether ``hash`` was made with other parameters than the current ones."""


def argon2(*, memory_kib: int, time_cost: int, parallelism: int) -> Hasher:
    """Return the hasher with these parameters; each call holds ``memory_kib`` while it runs."""
    return CryptContext(
        schemes=["argon2"],
        argon2__type="ID",
        argon2__memory_cost=memory_kib,
        argon2__time_cost=time_cost,
        argon2__parallelism=parallelism,
    )


# What people choose most often, from zxcvbn's list of 30,000 (NIST SP 800-63B-4, section 3.1.1.2; ASVS 6.2.4).
COMMON = frozenset(FREQUENCY_LISTS["passwords"])


def require_good(password: str, length_min: int, pointer: str = "#/password") -> None:
    """Refuse a new password that is too short or too common. Raises PasswordTooShort or PasswordTooCommon."""
    if len(password) < length_min:
        raise PasswordTooShort(length_min, pointer)
    if password.casefold() in COMMON:
        raise PasswordTooCommon(pointer)


class Passwords:
    """Makes and checks password hashes. Every method is slow: call it in a thread, without a database connection."""

    def __init__(self, hasher: Hasher) -> None:
        """Prepare the decoy that unknown users are checked against; its password is nobody's."""
        self._hasher = hasher
        self._decoy = hasher.hash(secrets.token_urlsafe())

    def hash(self, password: str) -> str:
        """Hash a new password."""
        return self._hasher.hash(password)

    def matches(self, password: str, stored: str | None) -> bool:
        """Check a password, and work as long for an unknown user (``stored`` is None) as for a known one."""
        try:
            good = self._hasher.verify(password, stored or self._decoy)
        except ValueError:  # passlib's UnknownHashError, MalformedHashError, PasswordSizeError; UnicodeEncodeError
            return False
        return good and stored is not None

    def renewed(self, password: str, stored: str) -> str | None:
        """Return a new hash of a password that matched when the parameters have changed since, else None."""
        return self._hasher.hash(password) if self._hasher.needs_update(stored) else None
