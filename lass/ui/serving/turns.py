"""Whose separation is next: visitors take turns, however many separations one of them has asked for.

Gradio serves in the order of asking, so that a program with a hundred recordings would keep everybody else waiting for
all of them. Here each visitor's wishes are numbered from the turn after the one that is going on when they come, one
turn each, and the lowest number is next (after start-time fair queueing: Goyal, Vin and Cheng, 1996). Who asks for one
thing at a time is served in the order of asking, as before.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    from gradio.queueing import Queue

DEVICE = "gpu"
"""The concurrency id of everything that separates."""
MOST_WAITING = 50
"""Separations of one visitor that may wait at a time: a fair number for a program, and a tenth of the queue."""
TOO_MANY = (
    f"You have {MOST_WAITING} separations waiting already, as many as one visitor may; ask again when one is done."
)


class Asked(Protocol):
    """A separation in Gradio's queue."""

    _id: str
    session_hash: str


A = TypeVar("A", bound=Asked)


class Turns:
    """Numbers the separations that wait; holds nothing about those that were served."""

    def __init__(self) -> None:
        self._turn = 0
        self._numbers: dict[str, int] = {}
        self._next: dict[str, int] = {}

    def first(self, waiting: Sequence[A]) -> A:
        """Which of those that wait, in the order of asking, is next; it keeps its turn until it is :meth:`served`."""
        return self.order(waiting)[0]

    def order(self, waiting: Sequence[A]) -> list[A]:
        """Those that wait, given in the order of asking, as they will be served if nobody else comes."""
        here = {one._id for one in waiting}
        # The turn that is going on is over for whoever comes now: else newcomers without end would make it last.
        upcoming = self._turn + 1
        self._numbers = {name: number for name, number in self._numbers.items() if name in here}
        self._next = {visitor: number for visitor, number in self._next.items() if number > upcoming}
        for one in waiting:
            if one._id not in self._numbers:
                number = self._next.get(one.session_hash, upcoming)
                self._numbers[one._id] = number
                self._next[one.session_hash] = number + 1
        return sorted(waiting, key=lambda one: self._numbers[one._id])

    def served(self, one: Asked) -> None:
        """Who was :meth:`first` waits no more."""
        self._turn = self._numbers.pop(one._id)


def take_turns(queue: Queue) -> Callable[[str], int | None]:
    """Let visitors take turns for the device, and nobody wait for more than :data:`MOST_WAITING` separations.

    Returns what tells how many are served before a visitor, by the hash of the session; None for who does not wait.

    Gradio has no other door for this than the two methods that put in and take out.
    """
    turns, push, get_events = Turns(), queue.push, queue.get_events

    def fairly(self: Queue) -> Any:
        line, chosen = self.event_queue_per_concurrency_id.get(DEVICE), None
        if line is not None and line.queue and line.current_concurrency < (line.concurrency_limit or 1):
            chosen = turns.first(line.queue)
            line.queue.remove(chosen)
            line.queue.insert(0, chosen)
        taken = get_events()
        # Gradio draws lots between its queues: something else may come first.
        if chosen is not None and taken is not None and chosen in taken[0]:
            turns.served(chosen)
        return taken

    async def within_limits(self: Queue, body: Any, request: Any, username: str | None) -> Any:
        line = self.event_queue_per_concurrency_id.get(DEVICE)
        function = self.blocks.fns.get(body.fn_index)
        if line is not None and function is not None and function.concurrency_id == DEVICE:
            own = sum(event.session_hash == body.session_hash for event in line.queue)
            if own >= MOST_WAITING:
                return False, TOO_MANY, "queue_full"
        return await push(body, request, username)

    def before(visitor: str) -> int | None:
        line = queue.event_queue_per_concurrency_id.get(DEVICE)
        waiting = turns.order(list(line.queue)) if line is not None else []
        return next((place for place, one in enumerate(waiting) if one.session_hash == visitor), None)

    queue.get_events = types.MethodType(fairly, queue)  # type: ignore[method-assign]
    queue.push = types.MethodType(within_limits, queue)  # type: ignore[method-assign]
    return before
