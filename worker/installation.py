"""What this installation is called: asked for before the first message is sent or taken, however long that takes."""

import logging
import time
from collections.abc import Callable

from pydantic import SecretStr
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from shared.configuration.settings import Settings
from shared.database.units import Database, reason
from shared.errors import Unavailable

PAUSE_SECONDS_FIRST = 0.25
PAUSE_SECONDS_MAX = 5.0
LOG_SECONDS = 30

log = logging.getLogger(__name__)


def wait_for_name(settings: Settings, url: SecretStr, find: Callable[[Connection], str]) -> str:
    """Return the name, once the database at ``url`` can be asked for it. Ends with the process at a signal."""
    pause, log_at = PAUSE_SECONDS_FIRST, time.monotonic()
    # A connection for this alone: what a worker opens before it forks, its children must not find.
    database = Database.connect(url.get_secret_value(), settings, pool_size=1)
    try:
        while True:
            try:
                return database.read(find)
            except (Unavailable, SQLAlchemyError, LookupError) as error:
                if time.monotonic() >= log_at:
                    log.warning("waiting for the name of this installation: %s", reason(error))
                    log_at += LOG_SECONDS
            time.sleep(pause)
            pause = min(2 * pause, PAUSE_SECONDS_MAX)
    finally:
        database.close()
