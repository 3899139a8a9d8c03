"""What can be read of a study file that has problems, so that all of its problems are told in one run.

A value that is wrong is taken out, or has a stand-in put in its place where there must be one; the study that is left
can be looked at further. What is found at such a place then says nothing about the file, and is not told.
"""

import copy
from collections.abc import Iterator
from itertools import count
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from lass.listening.design.problems import Place, Places, Problem, from_validation, inner_model, model_at
from lass.listening.design.text import Text
from lass.listening.design.yaml_lines import Document

ROUNDS = 4
"""Taking a value out may show another problem above it, as often as tables lie within each other."""

# What stands in for a required value, by the name of its field; ids and keys are counted, so that none is there twice.
_STAND_INS: dict[str, Any] = {
    "title": "?", "welcome": "?", "query": "?", "label": "?", "text": "?", "mixture": "?", "labels": ["?"] * 5,
    "scale": "separation",
}  # fmt: skip

M = TypeVar("M", bound=BaseModel)


def salvage(document: Document, model: type[M]) -> tuple[M | None, list[Problem], Places]:
    """Read a document as a model.

    Returns:
        The model, with stand-ins for what is wrong; None where that cannot be done. All problems of the values, those
        of the YAML included. The places that say nothing of the file any more.
    """
    value = copy.deepcopy(document.value)
    problems, broken = list(document.problems), Places(document.unreadable)
    numbers = count(1)
    for _ in range(ROUNDS):
        try:
            return model.model_validate(value), problems, broken
        except ValidationError as error:
            problems += from_validation(error, document, model, known=broken)
            places = [found["loc"] for found in error.errors(include_url=False, include_input=False)]
            all_places = Places(places)
            for where in places:
                # A list is looked at again when its entries are mended.
                if not all_places.surround(where):
                    broken.add(_mend(value, model, where, numbers))
    return None, problems, broken


def _mend(value: Any, model: type[BaseModel], where: Place, numbers: Iterator[int]) -> Place:
    """Take the value at a place out, or put a stand-in there; returns where, which may be further up."""
    for length in range(len(where), 0, -1):
        above, name = where[: length - 1], where[length - 1]
        owner, holder = model_at(model, above), _at(value, above)
        if isinstance(name, int):
            entry = model_at(model, where[:length])
            there = isinstance(holder, list) and name < len(holder)
            if entry is not None and there and (entry is Text or not isinstance(holder[name], dict)):
                holder[name] = "?" if entry is Text else _entry(entry, numbers)
                return where[:length]
        elif isinstance(holder, dict):
            field = None if owner is None else owner.model_fields.get(name)
            if field is not None and field.is_required():
                holder[name] = _stand_in(name, field.annotation, numbers)
                return where[:length]
            if field is not None or name in holder:
                holder.pop(name, None)
                return where[:length]
    return ()


def _at(value: Any, where: Place) -> Any:
    """What stands at a place; None where nothing does."""
    for part in where:
        if isinstance(value, dict):
            value = value.get(part)
        elif isinstance(value, list) and isinstance(part, int) and part < len(value):
            value = value[part]
        else:
            return None
    return value


def _entry(model: type[BaseModel], numbers: Iterator[int]) -> dict[str, Any]:
    return {
        name: _stand_in(name, field.annotation, numbers)
        for name, field in model.model_fields.items()
        if field.is_required()
    }


def _stand_in(name: str, annotation: Any, numbers: Iterator[int]) -> Any:
    if name in ("id", "key"):
        return f"unread_{next(numbers)}"
    if name in _STAND_INS:
        return copy.copy(_STAND_INS[name])
    entry = inner_model(annotation)
    return None if entry is None else [_entry(entry, numbers)]


__all__ = ["salvage"]
