"""Answers every variable that the caller left open, so that `make run` needs none."""

import os
import sys
from functools import partial
from pathlib import Path

from sqlalchemy import URL

from auth_service.domain.signing import new_private_key
from auth_service.settings import AuthSettings
from booking_service.settings import BookingSettings
from deploy.secret_files import encryption_secret, keep, password
from shared.configuration.settings import load
from shared.configuration.sources import find
from shared.identity.jwk import ES256, RS256
from worker.deliveries.settings import DeliverySettings
from worker.settings import WorkerSettings

DATA_DIR_DEFAULT = ".data"
ADMIN_EMAIL_DEFAULT = "admin@example.com"
ADMIN_PASSWORD_FILE = "admin-password"  # noqa: S105  a file's name
PRIVATE_KEY_FILES = {RS256: "jwt-private-key.pem", ES256: "jwt-private-key-es256.pem"}
MAIL_FROM_DEFAULT = "Event booking <event-booking@example.com>"
EVERY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "127.0.0.1"}  # noqa: S104  told apart here, not listened on


def is_set(*names: str) -> bool:
    """Tell whether the caller gave any of these variables, in one of the ways that are read."""
    return find(names) is not None


def data_directory() -> Path:
    """Find or make the directory that keeps everything, for this user's eyes only."""
    given = find(["DATA_DIR"])
    data = Path(given.value if given else DATA_DIR_DEFAULT).absolute()
    try:
        (data / "logs").mkdir(mode=0o700, parents=True, exist_ok=True)
        data.chmod(0o700)
    except OSError as error:
        sys.exit(f"DATA_DIR: {data} cannot be used: {error.strerror}")
    return data


def fill(data: Path) -> None:
    """Make the secrets that are not there yet, and set what the caller left open. The broker's address is not ours."""
    given = find(["ALGORITHM"])
    algorithm = ES256 if given and given.value.upper() == ES256 else RS256
    _default("JWT_PRIVATE_KEY_FILE", str(data / PRIVATE_KEY_FILES[algorithm]), "JWT_PRIVATE_KEY")
    keep(data / PRIVATE_KEY_FILES[algorithm], partial(new_private_key, algorithm))
    _default("KEY_ENCRYPTION_SECRET_FILE", str(data / "key-encryption-secret"), "KEY_ENCRYPTION_SECRET")
    keep(data / "key-encryption-secret", encryption_secret)
    _default("ADMIN_EMAIL", ADMIN_EMAIL_DEFAULT)
    _default("ADMIN_PASSWORD_FILE", str(data / ADMIN_PASSWORD_FILE), "ADMIN_PASSWORD")
    keep(data / ADMIN_PASSWORD_FILE, password)
    _default("AUTH_DATABASE_URL", _sqlite(data / "auth.sqlite3"), "AUTH_DATABASE_URL", "DATABASE_URL")
    _default("BOOKING_DATABASE_URL", _sqlite(data / "booking.sqlite3"), "BOOKING_DATABASE_URL", "DATABASE_URL")
    _fill_mail(data)


def _fill_mail(data: Path) -> None:
    _default("MAIL_MODE", "file")
    _default("MAIL_FOLDER", str(data / "mail"))
    _default("MAIL_FROM", MAIL_FROM_DEFAULT)
    _default("MAIL_TOKEN_SECRET_FILE", str(data / "mail-token-secret"), "MAIL_TOKEN_SECRET")
    keep(data / "mail-token-secret", password)


def derive() -> None:
    """Set what follows from the auth service's address. Ends the process with one line when a variable is wrong."""
    auth = load(AuthSettings)
    # There are no pages there: what the links lead to is the caller's web client, if there is one.
    _default("MAIL_LINK_BASE", f"http://localhost:{auth.port}")
    _default("JWKS_URL", f"{address(auth.host, auth.port)}/.well-known/jwks.json")
    _default("TOKEN_ISSUER", f"http://localhost:{auth.port}")


def check() -> tuple[AuthSettings, BookingSettings]:
    """Set what follows from other variables, and read all settings as the processes will.

    Ends the process with one line when a variable is wrong.
    """
    derive()
    load(WorkerSettings)
    load(DeliverySettings)
    return load(AuthSettings), load(BookingSettings)


def address(host: str, port: int) -> str:
    """Return where a service that listens on ``host`` is reached from this machine."""
    reached = EVERY_ADDRESS.get(host, host)
    return f"http://[{reached}]:{port}" if ":" in reached else f"http://{reached}:{port}"


def _default(name: str, value: str, *names: str) -> None:
    if not is_set(*(names or (name,))):
        os.environ[name] = value


def _sqlite(file: Path) -> str:
    return URL.create("sqlite", database=str(file)).render_as_string()
