"""A training recipe: one YAML file that holds every choice, checked when it is read."""

import dataclasses
import types
import typing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import yaml

from lass.errors import LassError
from lass.models import ModelConfig, ResUNetConfig, config_from_dict

RECIPES = Path(__file__).parent / "configs"


class RecipeError(LassError):
    """A recipe cannot be read or holds a value that cannot be used."""


@dataclass(frozen=True)
class SourceSet:
    """A set of labelled recordings that mixtures draw from.

    Attributes:
        folder: folder with a ``clips.csv`` (columns file, label and, optionally, fold) and the recordings in
            ``clips/`` or beside it; relative to the data root. Empty for generated sounds.
        folds: folds of ``clips.csv`` to use; empty for all.
        generated: how many clips of each of :data:`lass.scenes.SOUNDS` to synthesise instead of reading a folder.
        weight: share of the sources drawn from this set.
    """

    folder: str = ""
    folds: tuple[int, ...] = ()
    generated: int = 0
    weight: float = 1.0


@dataclass(frozen=True)
class Data:
    """Where sounds and their descriptions come from."""

    sets: tuple[SourceSet, ...]
    captions: str = "captions.yaml"
    same_sound: tuple[tuple[str, ...], ...] = ()
    validation: SourceSet = SourceSet()
    validation_mixtures: int = 100


@dataclass(frozen=True)
class Mixing:
    """How sources become a mixture. Levels in decibels, durations in seconds.

    Attributes:
        seconds: length of a mixture.
        snr: range of the target's level over each interferer.
        interferers: probability of one, two, three … interferers.
        absent: share of mixtures whose query describes nothing in them; the target is silence.
        level: range of the mixture's root mean square relative to full scale.
        speed: range of playback speed of each source.
        equaliser: largest gain of the random equaliser, in decibels.
        caption_blend: probability that a query is a blend of two wordings of its sound.
        query_noise: norm of random noise on the (unit-length) query vector.
    """

    seconds: float = 3.0
    snr: tuple[float, float] = (-10.0, 10.0)
    interferers: tuple[float, ...] = (0.75, 0.25)
    absent: float = 0.08
    level: tuple[float, float] = (-40.0, -12.0)
    speed: tuple[float, float] = (0.85, 1.18)
    equaliser: float = 6.0
    caption_blend: float = 0.5
    query_noise: float = 0.15


@dataclass(frozen=True)
class Optimisation:
    """Steps and their sizes. The learning rate warms up linearly and falls along a cosine to ``final`` times itself."""

    steps: int = 2000
    batch: int = 12
    rate: float = 1.5e-3
    final: float = 0.01
    warmup: int = 100
    weight_decay: float = 1e-2
    clip: float = 5.0
    ema: float = 0.998
    precision: Literal["float32", "bfloat16"] = "float32"
    loss: dict[str, float] = field(default_factory=lambda: {"sdr": 1.0})
    absent_weight: float = 0.3


@dataclass(frozen=True)
class Recipe:
    """Everything that decides what a training run learns, and what its checkpoint says of itself."""

    name: str
    summary: str
    model: ModelConfig
    data: Data
    mixing: Mixing = Mixing()
    optimisation: Optimisation = field(default_factory=Optimisation)
    encoder: str = "compact"
    seed: int = 0
    validate_every: int = 200
    save_every: int = 50


def load_recipe(path: str | Path) -> Recipe:
    """Read a recipe from a YAML file, or by the name of one that ships in ``lass/training/configs``.

    Raises:
        RecipeError: no such file, not YAML, or an unknown or ill-typed value; the sentence names it.
    """
    file = Path(path)
    if not file.exists() and (RECIPES / f"{path}.yaml").exists():
        file = RECIPES / f"{path}.yaml"
    try:
        fields = yaml.safe_load(file.read_text("utf-8"))
    except OSError as error:
        raise RecipeError(f"The recipe {path} cannot be read ({error.strerror}); give a YAML file.") from error
    except yaml.YAMLError as error:
        raise RecipeError(f"The recipe {file.name} is not valid YAML: {' '.join(str(error).split())}.") from error
    try:
        return _build(Recipe, fields, "")
    except (TypeError, ValueError) as error:
        raise RecipeError(f"The recipe {file.name} cannot be used: {error}.") from error


def _build(cls: Any, value: Any, where: str) -> Any:
    value = _named(value, where or "the file")
    hints = typing.get_type_hints(cls)
    known = {item.name for item in dataclasses.fields(cls)}
    for name in value:
        if name not in known:
            raise ValueError(f"{where}{name} is not a known setting")
    arguments = {name: _convert(hints[name], item, f"{where}{name}") for name, item in value.items()}
    missing = [
        item.name
        for item in dataclasses.fields(cls)
        if item.name not in arguments
        and item.default is dataclasses.MISSING
        and item.default_factory is dataclasses.MISSING
    ]
    if missing:
        raise ValueError(f"{where}{missing[0]} is missing")
    return cls(**arguments)


def _convert(hint: Any, value: Any, where: str) -> Any:
    if hint is ModelConfig or (isinstance(hint, types.UnionType) and ResUNetConfig in typing.get_args(hint)):
        return config_from_dict(_named(value, where))
    if dataclasses.is_dataclass(hint):
        return _build(hint, value, f"{where}.")
    origin = typing.get_origin(hint)
    if origin is tuple:
        return _convert_tuple(typing.get_args(hint), value, where)
    if origin is dict:
        return {str(key): _convert(float, item, f"{where}.{key}") for key, item in _named(value, where).items()}
    if origin is Literal:
        if value not in typing.get_args(hint):
            raise ValueError(f"{where} must be one of {', '.join(map(str, typing.get_args(hint)))}")
        return value
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, hint) or isinstance(value, bool):
        raise ValueError(f"{where} must be {hint.__name__}, not {value!r}")
    return value


def _convert_tuple(hints: tuple[Any, ...], value: Any, where: str) -> tuple[Any, ...]:
    if not isinstance(value, list):
        raise ValueError(f"{where} must be a list")
    if hints[-1] is not Ellipsis and len(value) != len(hints):
        raise ValueError(f"{where} must hold {len(hints)} values")
    return tuple(_convert(hints[0], item, f"{where}[{index}]") for index, item in enumerate(value))


def _named(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{where} must hold named values")
    return value
