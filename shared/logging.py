"""One log line shape for every process: time, level, request id, logger, message."""

import logging
import time
from contextvars import ContextVar

# Set by shared.http.edge for the length of a request.
request_id: ContextVar[str] = ContextVar("request_id", default="-")

FORMAT = "%(asctime)s.%(msecs)03dZ %(levelname)s %(process)d %(request_id)s %(name)s: %(message)s"


class RequestIdFilter(logging.Filter):
    """Puts the id of the request at hand on each record."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Add ``request_id`` to ``record``; keep every record."""
        record.request_id = request_id.get()
        return True


def configure_logging(level: str) -> None:
    """Send everything at ``level`` and above to standard error, in UTC."""
    formatter = logging.Formatter(FORMAT, datefmt="%Y-%m-%dT%H:%M:%S")
    formatter.converter = time.gmtime
    handler = logging.StreamHandler()
    handler.setFormatter(formatter)
    handler.addFilter(RequestIdFilter())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
