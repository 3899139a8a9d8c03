"""What a visitor asks for, and whether somebody still waits for it."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lass.region import Region


@dataclass(frozen=True)
class Choices:
    """What may be said beyond recording, words and model.

    ``more`` are further descriptions of the same recording; ``remove`` takes the described sound away instead of
    keeping it; ``start`` and ``end``, in seconds, choose a part of the recording, None meaning its own ends.
    """

    more: tuple[str, ...] = ()
    remove: bool = False
    start: float | None = None
    end: float | None = None

    @property
    def whole(self) -> bool:
        """Whether all of the recording is separated."""
        return self.region.whole

    @property
    def region(self) -> Region:
        """The part of the recording that is separated."""
        from lass.region import Region

        return Region(self.start, self.end)


class Ticket:
    """Work that a visitor asked for, or was told why it cannot be done.

    Calling it off stops the work between two windows, from any thread. ``replaced`` says that another one was
    asked for since, so that nobody wants to hear of this one; ``done`` that its end was shown.

    Args:
        wish: what is to be done; what it is made of is the page's affair.
        given: the values of the page's inputs, as they were when the visitor asked.
    """

    def __init__(self, wish: Any = None, given: Sequence[Any] = ()) -> None:
        self.wish = wish
        self.given = tuple(given)
        self.replaced = False
        self.done = False
        self._called_off = threading.Event()
        self._untaken = threading.Semaphore(1)

    def take(self) -> bool:
        """Whether the caller is the first to work on it."""
        return self._untaken.acquire(blocking=False)

    @property
    def called_off(self) -> bool:
        """Whether nobody waits for this separation any more."""
        return self._called_off.is_set()

    @property
    def awaited(self) -> bool:
        """Whether somebody still waits for its end."""
        return not (self.done or self.called_off)

    def call_off(self) -> None:
        """Stop the separation; does nothing when it is over."""
        self._called_off.set()

    def replace(self) -> None:
        """Stop the separation in favour of another."""
        self.replaced = True
        self.call_off()
