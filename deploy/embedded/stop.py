"""The wish to stop: Ctrl-C, a closed terminal, or SIGTERM."""

import signal
import threading
from types import FrameType

from deploy.embedded.terminal import Terminal


class Stop:
    """Remembers that one of the signals came or that the terminal was closed, and wakes whoever waits for it.

    Under `nohup`, which has SIGHUP ignored, neither SIGHUP nor a closed terminal stops anything.
    """

    def __init__(self) -> None:
        """Listen to the signals, and watch the terminal, from now on."""
        self._wished = threading.Event()
        survives_its_terminal = signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
        self._terminal = None if survives_its_terminal else Terminal.controlling()
        for number in (signal.SIGINT, signal.SIGTERM, *([] if survives_its_terminal else [signal.SIGHUP])):
            signal.signal(number, self._on_signal)

    @property
    def wished(self) -> bool:
        """Tell whether a signal came or the terminal was closed."""
        if self._terminal is not None and self._terminal.was_closed():
            self._wished.set()
        return self._wished.is_set()

    def wait(self, seconds: float) -> bool:
        """Wait for a signal, at most ``seconds``; tell whether there is the wish."""
        self._wished.wait(seconds)
        return self.wished

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._wished.set()
