"""The line before the device: who waits in the order of asking, how many come first, and for about how long."""

from __future__ import annotations

import contextlib
import secrets
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lass.ui.work.wish import Ticket

ADDRESS = "/waiting"
"""Where pages ask for a place, below it the language and the word of whoever waits."""
REMEMBERED = 20
"""Errands whose mean length foretells that of the next ones."""
PATIENCE = 90.0
"""Seconds after which a page that asks no more counts as left; browsers let hidden pages ask once a minute."""


@dataclass(frozen=True)
class Place:
    """How many errands come first, the one under way among them, and the seconds these may take; None: unknown."""

    ahead: int
    seconds: float | None


@dataclass
class _Waiting:
    """A ticket, and when its page asked for its place last."""

    ticket: Ticket
    asked: float


class Line:
    """One line for everybody; any thread may ask.

    Gradio's queue decides who is next; it serves in the order of asking, as this counts. Programs stand in that
    queue without a ticket, so they count here only while they are served. Whoever asks for something else while
    waiting keeps the place in the queue and is the last one here: served sooner than was said, not later.

    Gradio takes those who leave out of its queue and tells of it an hour later. A page that is still there asks for
    its place again and again, so who has not asked for a while has left.

    Args:
        clock: seconds that never go back.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._waiting: dict[str, _Waiting] = {}
        self._begun: list[float] = []
        self._took: deque[float] = deque(maxlen=REMEMBERED)

    def join(self, ticket: Ticket) -> str:
        """Wait behind everybody else; returns a word that nobody guesses, to ask for the place with."""
        word = secrets.token_urlsafe(12)
        with self._lock:
            self._tidy()
            self._waiting[word] = _Waiting(ticket, self._clock())
        return word

    def place(self, word: str) -> Place | None:
        """The place of who waits; None when it is served, called off, counts as left, or was never here."""
        with self._lock:
            now = self._clock()
            if word in self._waiting:
                self._waiting[word].asked = now
            self._tidy()
            if word not in self._waiting:
                return None
            before = list(self._waiting).index(word)
            ahead = before + len(self._begun)
            if not self._took:
                return Place(ahead, 0.0 if not ahead else None)
            mean = sum(self._took) / len(self._took)
            under_way = sum(max(mean - (now - begun), 0.0) for begun in self._begun)
            return Place(ahead, under_way + before * mean)

    @contextlib.contextmanager
    def served(self, ticket: Ticket | None = None) -> Iterator[None]:
        """While an errand is done; its ticket, if it has one, waits no more."""
        begun = self._clock()
        with self._lock:
            self._waiting = {word: one for word, one in self._waiting.items() if one.ticket is not ticket}
            self._begun.append(begun)
        finished = False
        try:
            yield
            finished = True
        finally:
            with self._lock:
                self._begun.remove(begun)
                if finished:
                    self._took.append(self._clock() - begun)

    def _tidy(self) -> None:
        left = self._clock() - PATIENCE
        self._waiting = {
            word: one for word, one in self._waiting.items() if not one.ticket.called_off and one.asked >= left
        }
