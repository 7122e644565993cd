"""The wish to stop: Ctrl-C, a closed terminal, or SIGTERM."""

import signal
import threading
from types import FrameType


class Stop:
    """Remembers that one of the signals came, and wakes whoever waits for it."""

    def __init__(self) -> None:
        """Listen to the signals from now on."""
        self._wished = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._on_signal)

    @property
    def wished(self) -> bool:
        """Tell whether a signal came."""
        return self._wished.is_set()

    def wait(self, seconds: float) -> bool:
        """Wait for a signal, at most ``seconds``; tell whether one came."""
        return self._wished.wait(seconds)

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._wished.set()
