"""How many come first, and for about how long, as a sentence."""

from __future__ import annotations

import math

from lass.ui.words.texts import Texts

_ROUGHLY = 5
"""Seconds: nobody knows it better than that."""


def place_in_line(texts: Texts, ahead: int, seconds: float | None) -> str:
    """What is said to somebody who waits behind ``ahead`` others, for about ``seconds``; None: nobody knows."""
    if not ahead:
        return texts.waiting
    if seconds is None:
        return texts.waiting_place.format(ahead=ahead)
    rounded = _ROUGHLY * max(1, math.ceil(seconds / _ROUGHLY))
    time = f"{rounded} s" if rounded < 90 else f"{round(rounded / 60)} min"
    return texts.waiting_time.format(ahead=ahead, time=time)
