"""The end of the application: done in seconds, nothing left behind."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence

log = logging.getLogger(__name__)

FINISH_SECONDS = 3.0
"""How long a separation may go on after the end was asked for; then it stops at its next window."""
STEP_SECONDS = 5.0
"""How long any step of the end may take; container services kill after ten seconds, and one step is rarely slow."""


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
