"""Standard output and error of every command: nothing that is printed may end the process."""

import os
import sys
from typing import TextIO


def open_console() -> None:
    """Have what the terminal's character set lacks printed as an escape. Call it first."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)  # none where a test, or a closed descriptor, replaced it
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def say(line: str) -> None:
    """Print ``line``; when nobody reads any more (a closed pipe, a closed terminal), go on in silence."""
    _write(sys.stdout, line)


def complain(line: str) -> None:
    """Print ``line`` on standard error, as `say` does."""
    _write(sys.stderr, line)


def _write(stream: TextIO | None, line: str) -> None:
    if stream is None:  # closed before the start
        return
    try:
        stream.write(f"{line}\n")
        stream.flush()
    except OSError:
        # What is still in the buffer would fail again when Python flushes it at the end.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
