"""One log line shape for every process: time, level, request id, logger, message."""

import logging
import time
from contextvars import ContextVar

# Set by shared.http.edge for the length of a request.
request_id: ContextVar[str] = ContextVar("request_id", default="-")

FORMAT = "%(asctime)s.%(msecs)03dZ %(levelname)s %(process)d %(request_id)s %(name)s: %(message)s"


# It tells of each request, and what is published for us is asked for every second or two.
TALKATIVE = "httpx"
# These write a traceback for a lost connection, which is expected and repaired: a line is enough.
OF_LOST_CONNECTIONS = ("sqlalchemy.pool", "celery.beat")


class LineFilter(logging.Filter):
    """Puts the id of the request at hand on each record, and keeps lost connections to one line."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Change ``record``; keep every record."""
        record.request_id = request_id.get()
        if record.exc_info and record.name.startswith(OF_LOST_CONNECTIONS):
            error = record.exc_info[1]
            record.msg, record.args = "lost connection: %s: %s", (type(error).__name__, error)
            record.exc_info = record.exc_text = None
        return True


def configure_logging(level: str) -> None:
    """Send everything at ``level`` and above to standard error, in UTC."""
    formatter = logging.Formatter(FORMAT, datefmt="%Y-%m-%dT%H:%M:%S")
    formatter.converter = time.gmtime
    handler = logging.StreamHandler()
    handler.setFormatter(formatter)
    handler.addFilter(LineFilter())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    logging.getLogger(TALKATIVE).setLevel(max(logging.WARNING, logging.getLogger().level))
