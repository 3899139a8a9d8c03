"""The state of a run on disk: everything needed to go on, and the recipe that it belongs to."""

import dataclasses
import typing
from pathlib import Path
from typing import Any

import torch

from lass.errors import LassError
from lass.files import whole
from lass.training.recipe import Recipe

STATE_FILE = "state.pt"


def save_state(folder: Path, recipe: Recipe, state: dict[str, Any]) -> None:
    """Write the state of a run; a kill at any moment leaves the old one or the new one.

    Raises:
        LassError: the folder cannot be written to, or the disk is full.
    """
    file = folder / STATE_FILE
    with whole(file) as output:
        try:
            torch.save({"recipe": facts(recipe)} | state, output)
        except RuntimeError as error:
            # The archive's writer says so when the file it writes to does not take everything.
            raise LassError(f"{file} cannot be written; free some space, and continue with --resume.") from error


def require_new(folder: Path) -> None:
    """See that a new run in this folder writes over nobody's work.

    Raises:
        LassError: the folder holds a run, or what is left of one.
    """
    if (folder / STATE_FILE).exists():
        raise LassError(f"{folder} holds a run already; continue it with --resume, or remove the folder to start anew.")
    if any(folder.glob("*.safetensors")):
        raise LassError(f"{folder} holds checkpoints of an earlier run; move them away to start anew.")


def load_state(folder: Path, recipe: Recipe) -> dict[str, Any]:
    """The state of a run of ``recipe``, its tensors in main memory.

    Raises:
        LassError: there is no state, it is damaged, or it belongs to another recipe.
    """
    file = folder / STATE_FILE
    if not file.exists():
        raise LassError(f"{folder} holds no state to resume; start the run without --resume.")
    try:
        state: dict[str, Any] = torch.load(file, map_location="cpu", weights_only=True)
        started_with = state["recipe"]
    except Exception as error:  # torch raises a dozen kinds for a file that is not what it wrote
        raise LassError(f"{file} is damaged; remove the folder {folder} and start the run anew.") from error
    if isinstance(started_with, str):
        # So it was written before settings were compared one by one.
        other = None if started_with == repr(recipe) else "their settings differ"
    else:
        other = difference(started_with, recipe)
    if other is not None:
        raise LassError(f"{file} was made by another recipe ({other}); resume with the recipe it was started with.")
    return state


def facts(recipe: Recipe) -> dict[str, Any]:
    """Everything a recipe says, as nested dictionaries of plain values; tuples are lists, as in JSON."""
    settings = typing.cast(dict[str, Any], _plain(dataclasses.asdict(recipe)))
    del settings["folder"]
    return settings


def difference(old: dict[str, Any], recipe: Recipe) -> str | None:
    """The first setting in which ``recipe`` differs from the one that these are the :func:`facts` of; None if none.

    A setting that did not exist when they were written is no difference while it has its default.
    """
    return _difference(old, facts(recipe), recipe, "")


def _difference(old: dict[str, Any], new: dict[str, Any], instance: Any, where: str) -> str | None:
    defaults = _defaults(instance)
    for name in [*new, *(name for name in old if name not in new)]:
        was, now = old.get(name, defaults.get(name)), new.get(name)
        below = instance.get(name) if isinstance(instance, dict) else getattr(instance, name, None)
        if _nested(was) and _nested(now) and len(was) == len(now):
            was, now, below = _numbered(was), _numbered(now), _numbered(below)
        if isinstance(was, dict) and isinstance(now, dict):
            found = _difference(was, now, below, f"{where}{name}.")
            if found is not None:
                return found
        elif was != now:
            return f"{where}{name} was {was!r} and is {now!r}"
    return None


def _defaults(instance: Any) -> dict[str, Any]:
    if not dataclasses.is_dataclass(instance):
        return {}
    return {
        item.name: _plain(item.default if item.default_factory is dataclasses.MISSING else item.default_factory())
        for item in dataclasses.fields(instance)
    }


def _nested(value: Any) -> typing.TypeGuard[list[Any]]:
    return isinstance(value, list) and any(isinstance(item, dict) for item in value)


def _numbered(values: Any) -> dict[str, Any]:
    return {str(number): value for number, value in enumerate(values)}


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return _plain(dataclasses.asdict(value))
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value
