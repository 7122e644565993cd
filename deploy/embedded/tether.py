"""`python -m deploy.embedded.tether PARENT SIGNAL COMMAND…` becomes COMMAND, which gets SIGNAL when its parent dies.

So a `kill -9` of the parent leaves no orphan that holds a port or a database. PARENT is the process id of the parent,
or `session` for the leader of the session. Only Linux can do this (prctl(2), PR_SET_PDEATHSIG); elsewhere COMMAND just
runs.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
SESSION = "session"


def command(parent: str, signal_name: str, *argv: str) -> list[str]:
    """Wrap ``argv`` so that it dies with ``parent``."""
    return [sys.executable, "-m", "deploy.embedded.tether", parent, signal_name, *argv]


def main(parent: str, signal_name: str, *argv: str) -> None:
    """Tie this process to its parent, then become ``argv``."""
    prctl = getattr(ctypes.CDLL(None), "prctl", None)
    if prctl is not None:
        prctl(PR_SET_PDEATHSIG, signal.Signals[signal_name])
    # The parent may have died before it was tied to: whoever adopted this process is not the one it was started by.
    if os.getppid() != (os.getsid(0) if parent == SESSION else int(parent)):
        sys.exit(f"{argv[0]} was not started: its parent is gone")
    os.execvp(argv[0], argv)  # noqa: S606  no shell: the arguments are a list


if __name__ == "__main__":
    main(*sys.argv[1:])
