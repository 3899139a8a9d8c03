"""Borrowing a GPU for one separation: the only module that uses the ``spaces`` package.

On Hugging Face ZeroGPU a decorated function runs in a process forked for the call, with a GPU for as long as
asked for; its arguments and what it yields are pickled. Everywhere else it is called as it is.
"""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Callable, Iterator
from typing import Any

LEAST_SECONDS = 20
"""A loan shorter than this does not cover moving a model to the GPU."""

MOST_SECONDS = 120
"""The longest loan asked for; longer ones wait longer in the line and cost a visitor's daily share."""


def present() -> bool:
    """Whether this process runs on ZeroGPU, where a GPU is lent per call."""
    if importlib.util.find_spec("spaces") is None:
        return False
    from spaces.config import Config

    return bool(Config.zero_gpu)


def loan_seconds(recording_seconds: float) -> int:
    """How long a GPU is asked for to separate a recording of this length (seconds to whole seconds)."""
    return min(MOST_SECONDS, LEAST_SECONDS + math.ceil(recording_seconds / 4))


def borrowing(function: Callable[..., Iterator[Any]], duration: Callable[..., int]) -> Callable[..., Iterator[Any]]:
    """The generator function itself, or on ZeroGPU one that borrows a GPU for ``duration(*arguments)`` seconds."""
    if not present():
        return function
    import spaces

    lent: Callable[..., Iterator[Any]] = spaces.GPU(duration=duration)(function)
    return lent
