"""Messages that a worker took and has not begun when its connection ends: given back when possible, else forgotten.

kombu 5.7 gives them back over the connection that was just lost: `Connection.collect` detaches the transport, the
`close` after it closes the channel once more, and the AttributeError of that ends the whole worker.
"""

import logging
from typing import TextIO

from kombu.transport import redis

log = logging.getLogger(__name__)


class BestEffortQoS(redis.QoS):
    """Never fails at giving back: a message is a nudge, and the sweep stands in for a lost one."""

    def restore_unacked_once(self, stderr: TextIO | None = None) -> None:
        """Give back what was not begun, if the connection still allows it."""
        try:
            super().restore_unacked_once(stderr)
        except Exception as error:  # noqa: BLE001  whatever it is, the worker must live to connect again
            log.warning("messages not given back, the sweep will look after their lanes: %r", error)


def install() -> None:
    """Make every Redis channel of this process give back so; kombu has no option for it."""
    redis.Channel.QoS = BestEffortQoS
