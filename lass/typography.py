"""How French is set: no line begins with a mark that a space stands before."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

_BEFORE = re.compile(r" (?=[?!:;»…])")
_AFTER = re.compile(r"(?<=«) ")
UNBROKEN = "\u00a0"
NARROW = "\u202f"

T = TypeVar("T")


def french(text: T) -> T:
    """A sentence, or a table of them (a dataclass or a mapping), whose spaces beside French marks do not break."""
    return _set(text)


def _set(value: Any) -> Any:
    if isinstance(value, str):
        return _AFTER.sub(UNBROKEN, _BEFORE.sub(UNBROKEN, value))
    if isinstance(value, tuple):
        return tuple(_set(item) for item in value)
    if isinstance(value, Mapping):
        return {key: _set(item) for key, item in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{item.name: _set(getattr(value, item.name)) for item in fields(value)})
    return value


_NUMBERS = str.maketrans({",": NARROW, ".": ","})
_SIZES = {"about": "environ", "B": "o", "kB": "ko", "MB": "Mo", "GB": "Go", "TB": "To"}


def french_size(size: str) -> str:
    """A size as :func:`lass.checkpoints.remote.in_words` says it: ``about 1.2 GB`` is ``environ 1,2 Go``."""
    if size == "of unknown size":
        return "de taille inconnue"
    return " ".join(_SIZES.get(word, french_number(word)) for word in size.split())


def french_number(number: str) -> str:
    """A number as Python writes it, with thousands apart and a decimal comma: ``9,500.5`` is ``9 500,5``."""
    return number.translate(_NUMBERS)
