"""Waiting for conditions, always with a bound."""

import time
from collections.abc import Callable

PAUSE_SECONDS = 0.02


def holds_within(seconds_max: float, condition: Callable[[], object]) -> bool:
    """Poll ``condition`` until it is true; False when it never was."""
    deadline = time.monotonic() + seconds_max
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(PAUSE_SECONDS)
    return True


def wait_for(condition: Callable[[], object], what: str, seconds_max: float = 60) -> None:
    """Poll ``condition`` until it is true. Raises TimeoutError that says ``what`` was waited for."""
    if not holds_within(seconds_max, condition):
        msg = f"waited {seconds_max:g} s in vain: {what}"
        raise TimeoutError(msg)
