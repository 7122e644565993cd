"""Ports for servers."""

import random
import socket
from contextlib import suppress

PORTS = range(12_000, 20_000)


def free_port() -> int:
    """Find a port that stays free until its server starts, or starts again.

    Below the range from which systems pick the near end of outgoing connections, which could take it meanwhile.
    """
    while True:
        port = random.choice(PORTS)  # noqa: S311  no secret
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
