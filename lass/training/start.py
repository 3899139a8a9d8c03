"""Where training starts from: the weights of another checkpoint, as far as they fit."""

import math
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

from lass.checkpoints.bundled import is_bundled, load_bundled
from lass.checkpoints.catalogue import file_named, find, read_metadata
from lass.checkpoints.loading import load_checkpoint
from lass.errors import LassError, ModelError
from lass.training.recipe import Recipe, RecipeError, load_recipe
from lass.training.state import STATE_FILE

RUNS = "runs"
SHOWN = 4


@dataclass(frozen=True)
class Start:
    """What was taken over from a checkpoint called ``name``.

    ``tensors`` and ``parameters`` were taken, of ``all_tensors`` and ``all_parameters`` of the new network; ``left``
    names the tensors that keep their random start. ``training`` is what the checkpoint says of its own.
    """

    name: str
    tensors: int
    all_tensors: int
    parameters: int
    all_parameters: int
    left: tuple[str, ...]
    training: dict[str, Any] = field(default_factory=dict)

    def facts(self) -> dict[str, Any]:
        """What a checkpoint says of its start, as plain JSON types."""
        return {
            "checkpoint": self.name,
            "tensors": self.tensors,
            "of_tensors": self.all_tensors,
            "parameters": self.parameters,
            "of_parameters": self.all_parameters,
            "training": self.training,
        }

    def in_words(self) -> str:
        """One line for the log."""
        more = f" and {len(self.left) - SHOWN} more" if len(self.left) > SHOWN else ""
        left = f"; not taken: {', '.join(self.left[:SHOWN])}{more}" if self.left else ""
        return (
            f"starting from {self.name}: {self.tensors} of {self.all_tensors} tensors, {self.parameters:,} of "
            f"{self.all_parameters:,} parameters{left}"
        )


def located(start: str, runs: Path) -> str:
    """Where a recipe's start is: what it has in ``runs/`` lies in the folder of runs, whatever that is called."""
    first, *others = Path(start).parts or ("",)
    return str(runs.joinpath(*others)) if first == RUNS and others else start


def require_stages(recipe: Recipe, runs: Path, cache_dir: Path | None = None) -> None:
    """See before anything is heard that what a recipe starts from is there.

    Args:
        recipe: what is to be trained.
        runs: the folder of runs.
        cache_dir: where downloaded checkpoints are.

    Raises:
        LassError: it is not; the sentence says what to train first, or what to correct.
    """
    missing = list(_missing(recipe, runs))
    if missing:
        commands = [f"python -m lass train {name}" for name in reversed(missing)]
        if (runs / missing[-1] / STATE_FILE).exists():
            commands[0] += " --resume"
        raise LassError(
            f"{recipe.name} goes on with {missing[0]}, which {runs} does not hold in full yet; with the same --data "
            f"and --runs run {', then '.join(commands)}."
        )
    if not recipe.start:
        return
    try:
        if file_named(start := located(recipe.start, runs)) is None:
            find(start, cache_dir)
    except ModelError as error:
        raise LassError(f"{recipe.name} cannot start from {recipe.start}. {error}") from error


def _missing(recipe: Recipe, runs: Path) -> Iterator[str]:
    """The runs that are not there, from the one that ``recipe`` starts from back to the first."""
    while len(parts := Path(recipe.start).parts) == 3 and parts[0] == RUNS:
        checkpoint, begun = located(recipe.start, runs), (runs / parts[1] / STATE_FILE).exists()
        try:
            stage = load_recipe(parts[1])
        except RecipeError:
            stage = None  # somebody's own, of which only the name is known
        if os.path.exists(checkpoint) and not (begun and stage and _steps(Path(checkpoint)) < stage.optimisation.steps):
            return
        yield parts[1]
        if begun or stage is None:
            return  # begun, so that it needs nothing before it
        recipe = stage


def _steps(checkpoint: Path) -> float:
    """How many steps a checkpoint has learnt for; infinitely many where it does not say."""
    return float((read_metadata(checkpoint).get("training") or {}).get("steps", math.inf))


@torch.no_grad()
def take_over(name_or_path: str, model: nn.Module, sample_rate: int, cache_dir: Path | None = None) -> Start:
    """Copy into ``model`` every tensor of a checkpoint whose name and shape it shares.

    Args:
        name_or_path: a model's name, or the path of a checkpoint in either layout.
        model: changed in place.
        sample_rate: of the new network in hertz, taken for that of a published checkpoint which does not say.
        cache_dir: where downloaded checkpoints are.

    Raises:
        LassError: the checkpoint cannot be read, or nothing of it fits.
    """
    name, old, training = _network(name_or_path, sample_rate, cache_dir)
    given, state = old.state_dict(), model.state_dict()
    taken = {key: given[key] for key, own in state.items() if key in given and given[key].shape == own.shape}
    weights = dict(model.named_parameters())
    parameters = sum(weight.numel() for key, weight in weights.items() if key in taken)
    if not parameters:
        raise LassError(
            f"Nothing of the checkpoint {name} fits the recipe's network; start from one of the same architecture, "
            "or leave start out."
        )
    model.load_state_dict(taken, strict=False)
    return Start(
        name=name,
        tensors=len(taken),
        all_tensors=len(state),
        parameters=parameters,
        all_parameters=sum(weight.numel() for weight in weights.values()),
        left=tuple(key for key in state if key not in taken),
        training=training,
    )


def _network(name_or_path: str, sample_rate: int, cache_dir: Path | None) -> tuple[str, nn.Module, dict[str, Any]]:
    path = file_named(name_or_path)
    if path is not None and path.suffix == ".safetensors" and is_bundled(path):
        # The words that it was trained with are not needed, nor is their encoder.
        model, card, _ = load_bundled(path)
        return str(card.get("name", path.stem)), model, dict(card.get("training", {}))
    rate = None if path is None else sample_rate
    loaded = load_checkpoint(name_or_path, cache_dir=cache_dir, sample_rate=rate)
    return loaded.name, loaded.model, {}
