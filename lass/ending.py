"""The wish for an end, as a signal tells it to a command that has something to put away first."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any


class Ending:
    """Hears that the end is asked for: by SIGTERM, by Ctrl-C, or by :meth:`ask`.

    The second signal ends the process at once, as if nobody had listened.

    Args:
        heard: called once, when the first signal has come.
    """

    def __init__(self, heard: Callable[[], None] = lambda: None) -> None:
        self._asked = threading.Event()
        self._heard = heard
        self._before: dict[int, Any] = {}

    def listen(self) -> None:
        """Take over the signals, but for one that this process was told to ignore, as a shell's background jobs are.

        Does nothing outside the main thread, where Python allows it to nobody.
        """
        if threading.current_thread() is not threading.main_thread():
            return
        for number in (signal.SIGTERM, signal.SIGINT):
            # None is a handler that is not Python's, and could not be given back.
            if (before := signal.getsignal(number)) not in (signal.SIG_IGN, None):
                self._before[number] = before
                signal.signal(number, self._signalled)

    def release(self) -> None:
        """Give the signals back to whom they went before."""
        while self._before:
            signal.signal(*self._before.popitem())

    def ask(self) -> None:
        """Ask for the end."""
        self._asked.set()

    def asked(self) -> bool:
        """Whether the end was asked for."""
        return self._asked.is_set()

    def wait(self) -> None:
        """Return when the end was asked for."""
        # In steps: on Windows a wait without an end hears no Ctrl-C.
        while not self._asked.wait(0.5):
            pass

    def _signalled(self, number: int, frame: FrameType | None) -> None:
        self.release()
        self._asked.set()
        self._heard()
