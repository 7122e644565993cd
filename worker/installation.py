"""What this installation is called: asked for before the first message is sent or taken, however long that takes."""

import logging
import time

from sqlalchemy.exc import SQLAlchemyError

from booking_service.domain.installation import installation_name
from booking_service.wake.names import Names
from shared.database.units import Database, reason
from shared.errors import Unavailable
from worker.settings import WorkerSettings

PAUSE_SECONDS_FIRST = 0.25
PAUSE_SECONDS_MAX = 5.0
LOG_SECONDS = 30

log = logging.getLogger(__name__)


def wait_for_names(settings: WorkerSettings) -> Names:
    """Return the names, once the booking database can be asked for them. Ends with the process at a signal."""
    pause, log_at = PAUSE_SECONDS_FIRST, time.monotonic()
    # A connection for this alone: what a worker opens before it forks, its children must not find.
    database = Database.connect(settings.database_url.get_secret_value(), settings, pool_size=1)
    try:
        while True:
            try:
                return Names.of(database.read(installation_name))
            except (Unavailable, SQLAlchemyError, LookupError) as error:
                if time.monotonic() >= log_at:
                    log.warning("waiting for the name of this installation: %s", reason(error))
                    log_at += LOG_SECONDS
            time.sleep(pause)
            pause = min(2 * pause, PAUSE_SECONDS_MAX)
    finally:
        database.close()
