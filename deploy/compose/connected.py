"""`python -m deploy.compose.connected PORT`: fails unless this container holds a connection to that port.

A worker or beat without its connection to the broker does nothing, and looking at the kernel's table costs nothing,
where `celery inspect ping` starts an interpreter with Celery in it and sends messages.
"""

import sys
from collections.abc import Iterable
from pathlib import Path

TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
ESTABLISHED = "01"
REMOTE_ADDRESS, STATE = 2, 3


def is_connected(port: int, lines: Iterable[str]) -> bool:
    """Tell whether ``lines`` of /proc/net/tcp (proc(5)) hold an established connection to ``port`` of anybody."""
    rows = (line.split() for line in lines)
    return any(
        row[STATE] == ESTABLISHED and int(row[REMOTE_ADDRESS].rpartition(":")[2], 16) == port
        for row in rows
        if ":" in row[REMOTE_ADDRESS]
    )


if __name__ == "__main__":
    found = [line for table in TABLES if table.exists() for line in table.read_text(encoding="ascii").splitlines()]
    sys.exit(not is_connected(int(sys.argv[1]), found))
