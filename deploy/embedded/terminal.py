"""Whether the terminal that something was started in is still there.

SIGHUP does not tell: a closed terminal sends it to the leader of its session, and only when that one ends to those in
the foreground. Where `make` leads the session (`ssh -t host make run`, `xterm -e make run`), it gets the signal, and
waits for what it runs.
"""

import os


class Terminal:
    """The terminal of this process's session, as long as this process is in its foreground."""

    def __init__(self, descriptor: int) -> None:
        """Watch the open terminal ``descriptor``."""
        self._descriptor = descriptor
        self._in_foreground = False
        self.was_closed()

    @classmethod
    def controlling(cls) -> "Terminal | None":
        """Open the controlling terminal (tty(4)); None when there is none, as under systemd, cron or `setsid`."""
        try:
            return cls(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC))
        except OSError:
            return None

    def was_closed(self) -> bool:
        """Tell whether the terminal went away while this process was in its foreground.

        In the background it is the shell that decides (`disown`), with SIGHUP.
        """
        try:
            self._in_foreground = os.tcgetpgrp(self._descriptor) == os.getpgrp()
        except OSError:  # EIO, once it is closed
            return self._in_foreground
        return False
