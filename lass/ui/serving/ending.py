"""The end of the application: asked for by a signal, done in seconds, nothing left behind."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable, Sequence
from types import FrameType

log = logging.getLogger(__name__)

FINISH_SECONDS = 3.0
"""How long a separation may go on after the end was asked for; then it stops at its next window."""
STEP_SECONDS = 5.0
"""How long any step of the end may take; container services kill after ten seconds, and one step is rarely slow."""


class Ending:
    """Waits until the end is asked for: by SIGTERM, by Ctrl-C, or by :meth:`ask`.

    The second signal ends the process at once, as if nobody had listened.
    """

    def __init__(self) -> None:
        self._asked = threading.Event()
        self._before: dict[int, object] = {}

    def listen(self) -> None:
        """Take over the signals; does nothing outside the main thread, where Python allows it to nobody."""
        if threading.current_thread() is not threading.main_thread():
            return
        for number in (signal.SIGTERM, signal.SIGINT):
            self._before[number] = signal.signal(number, self._signalled)

    def ask(self) -> None:
        """Ask for the end."""
        self._asked.set()

    def wait(self) -> None:
        """Return when the end was asked for."""
        # In steps: on Windows a wait without an end hears no Ctrl-C.
        while not self._asked.wait(0.5):
            pass

    def _signalled(self, number: int, frame: FrameType | None) -> None:
        for taken, before in self._before.items():
            signal.signal(taken, before)  # type: ignore[arg-type]
        self._asked.set()


def finish(steps: Sequence[tuple[str, Callable[[], object]]], seconds: float = STEP_SECONDS) -> None:
    """Do these steps one after the other; one that fails or takes too long is logged, and left to itself."""
    for name, step in steps:
        thread = threading.Thread(target=_done, args=(name, step), name=f"end: {name}", daemon=True)
        thread.start()
        thread.join(seconds)
        if thread.is_alive():
            log.warning("At the end, %s took longer than %g seconds and was left.", name, seconds)


def _done(name: str, step: Callable[[], object]) -> None:
    try:
        step()
    except Exception:
        log.exception("At the end, %s failed.", name)
