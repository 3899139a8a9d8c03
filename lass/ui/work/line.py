"""The line before the device: how many come first, and for about how long."""

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
    """A ticket, whose it is, and when its page asked for its place last."""

    ticket: Ticket
    visitor: str
    asked: float


class UnderWay:
    """One errand under way; ``at`` tells how far it is, where somebody knows."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._begun = clock()
        self._left: float | None = None
        self._told = self._begun

    def at(self, done: int, total: int) -> None:
        """So many parts of so many are done."""
        self._told = self._clock()
        self._left = (self._told - self._begun) / done * (total - done) if done else None

    @property
    def seconds(self) -> float:
        """Since its beginning."""
        return self._clock() - self._begun

    def left(self, usual: float | None) -> float | None:
        """Seconds until its end; ``usual`` is how long others took. None: nobody knows."""
        if self._left is not None:
            return max(self._left - (self._clock() - self._told), 0.0)
        return None if usual is None or self.seconds > usual else usual - self.seconds


class Line:
    """One line for everybody; any thread may ask.

    Gradio takes those who leave out of its queue and tells of it an hour later. A page that is still there asks for
    its place again and again, so who has not asked for a while is forgotten.

    Args:
        clock: seconds that never go back.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.before: Callable[[str], int | None] = lambda visitor: None
        """How many are served before this visitor, those under way left out; None for who is not in the queue.
        Set when there is a queue."""
        self._clock = clock
        self._lock = threading.Lock()
        self._waiting: dict[str, _Waiting] = {}
        self._served: list[UnderWay] = []
        self._took: deque[float] = deque(maxlen=REMEMBERED)

    def join(self, ticket: Ticket, visitor: str) -> str:
        """Begin to wait; returns a word that nobody guesses, to ask for the place with."""
        word = secrets.token_urlsafe(12)
        with self._lock:
            self._tidy()
            self._waiting[word] = _Waiting(ticket, visitor, self._clock())
        return word

    def place(self, word: str) -> Place | None:
        """The place of who waits; None when it is served, called off, counts as left, or was never here."""
        with self._lock:
            if word in self._waiting:
                self._waiting[word].asked = self._clock()
            self._tidy()
            if word not in self._waiting:
                return None
            visitor = self._waiting[word].visitor
            usual = sum(self._took) / len(self._took) if self._took else None
            under_way = [errand.left(usual) for errand in self._served]
        before = self.before(visitor)
        if before is None:
            # On the way from the page to the queue.
            return Place(0, 0.0)
        known = [left for left in under_way if left is not None]
        seconds = None
        if len(known) == len(under_way) and not (before and usual is None):
            seconds = sum(known) + before * (usual or 0.0)
        return Place(before + len(under_way), seconds)

    @contextlib.contextmanager
    def served(self, ticket: Ticket | None = None) -> Iterator[UnderWay]:
        """While an errand is done; its ticket, if it has one, waits no more."""
        errand = UnderWay(self._clock)
        with self._lock:
            self._waiting = {word: one for word, one in self._waiting.items() if one.ticket is not ticket}
            self._served.append(errand)
        finished = False
        try:
            yield errand
            finished = True
        finally:
            with self._lock:
                self._served.remove(errand)
                if finished:
                    self._took.append(errand.seconds)

    def _tidy(self) -> None:
        left = self._clock() - PATIENCE
        self._waiting = {
            word: one for word, one in self._waiting.items() if not one.ticket.called_off and one.asked >= left
        }
