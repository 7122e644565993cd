"""Secrets that are made on the first start and kept in files that only their owner can read."""

import os
import secrets
import tempfile
from collections.abc import Callable
from pathlib import Path

from shared.configuration.sources import read_text

OWNER_ONLY = 0o600
PASSWORD_BYTES = 18
ENCRYPTION_SECRET_BYTES = 32


def keep(path: Path, make: Callable[[], str], mode: int = OWNER_ONLY) -> str:
    """Return what ``path`` holds; when it is not there yet, write what ``make`` returns. A file is whole or absent.

    Raises UnreadableError when somebody put something there that is no text.
    """
    if not path.exists():
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(make() + "\n")
            file.flush()
            os.fsync(handle)
        Path(temporary).chmod(mode)
        Path(temporary).replace(path)
    return read_text(path).strip()


def password() -> str:
    """Make a password of 144 random bits that needs no escaping in a URL, a shell or a configuration file."""
    return secrets.token_hex(PASSWORD_BYTES)


def encryption_secret() -> str:
    """Make a secret of 256 random bits that keys are stored under."""
    return secrets.token_hex(ENCRYPTION_SECRET_BYTES)
