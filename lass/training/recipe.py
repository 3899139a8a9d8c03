"""A training recipe: one YAML file that holds every choice, checked when it is read."""

import dataclasses
import math
import os
import re
import types
import typing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch
import yaml

from lass.checkpoints.encoders import NAMES as ENCODERS
from lass.errors import LassError
from lass.models import ModelConfig, ResUNetConfig, build, config_from_dict
from lass.training.levels import Loudness
from lass.training.losses import FLOOR_DB, MIXIT, NAMES, RESOLUTION, SPECTRAL

RECIPES = Path(__file__).parent / "configs"
SHIPPED_CAPTIONS = Path(__file__).parent
# A shorter mixture has no room for the active part of a sound.
SHORTEST = 0.5


class RecipeError(LassError):
    """A recipe cannot be read or holds a value that cannot be used."""


def _require(condition: bool, sentence: str) -> None:
    if not condition:
        raise ValueError(sentence)


@dataclass(frozen=True)
class SourceSet:
    """A set of labelled or captioned recordings that mixtures draw from.

    Attributes:
        folder: folder with a list ``clips.csv`` or ``clips.json`` and the recordings in ``clips/`` or beside it, or
            such a list itself; relative to the data root. :mod:`lass.training.collection` describes lists. Empty for
            generated sounds.
        folds: folds of the list to use; empty for all.
        generated: how many clips of each of :data:`lass.scenes.SOUNDS` to synthesise instead of reading a folder.
        weight: share of the sources drawn from this set.
    """

    folder: str = ""
    folds: tuple[int, ...] = ()
    generated: int = 0
    weight: float = 1.0

    def __post_init__(self) -> None:
        _require(self.generated >= 0, "generated must be 0 or more")
        _require(bool(self.folder) != bool(self.generated), "folder or generated must be given, and not both")
        _require(self.weight > 0, "weight must be above 0")


@dataclass(frozen=True)
class Data:
    """Where sounds and their descriptions come from.

    Attributes:
        sets: what is trained on.
        captions: YAML file of wordings by label, beside the recipe or one that ships; empty where labels themselves
            are the only wordings. Recordings with captions of their own need none.
        same_sound: groups of labels that are never target and interferer of one another.
        validation: what is measured on.
        validation_mixtures: how many mixtures of it, rounded up to tens.
    """

    sets: tuple[SourceSet, ...]
    captions: str = "captions.yaml"
    same_sound: tuple[tuple[str, ...], ...] = ()
    validation: SourceSet = field(kw_only=True)
    validation_mixtures: int = 100

    def __post_init__(self) -> None:
        _require(len(self.sets) > 0, "sets must name at least one set of recordings")
        _require(self.validation_mixtures > 0, "validation_mixtures must be above 0")


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
        same_sound_layers: probability that a source is two recordings of its sound at once.
        reverb: probability that a source is heard in a random synthetic room.
        band: probability that a source lacks its top or bottom, as of a poor recording.
        loudness: what is made equal before ``snr`` applies: ``energy``, or loudness as heard, ``lufs`` (ITU-R BS.1770).
        levels: ``drawn`` from ``level``, or as ``recorded``: the target keeps the level it has in its peak-normalised
            recording, and where the mixture's peak passes 1, both are scaled to 0.9.
        similarity: a mixture whose magnitude spectrogram is more similar to its target's than this cosine is
            discarded, and another one drawn; 1 for none.
        tokens: whether queries come with the vectors of their words beside the pooled one.
        caption_blend: probability that a query is a blend of two wordings of its sound.
        caption_mean: probability that a query is the mean of all wordings of its sound, which is where a checkpoint
            draws queries to that it understands.
        query_noise: norm of random noise on the (unit-length) query vector.
    """

    seconds: float = 3.0
    snr: tuple[float, float] = (-10.0, 10.0)
    interferers: tuple[float, ...] = (0.75, 0.25)
    absent: float = 0.08
    level: tuple[float, float] = (-40.0, -12.0)
    speed: tuple[float, float] = (0.85, 1.18)
    equaliser: float = 6.0
    same_sound_layers: float = 0.0
    reverb: float = 0.0
    band: float = 0.0
    loudness: Loudness = "energy"
    levels: Literal["drawn", "recorded"] = "drawn"
    similarity: float = 1.0
    tokens: bool = False
    caption_blend: float = 0.5
    caption_mean: float = 0.0
    query_noise: float = 0.15

    def __post_init__(self) -> None:
        _require(self.seconds >= SHORTEST, f"seconds must be {SHORTEST} or more")
        for name in ("snr", "level", "speed"):
            low, high = getattr(self, name)
            _require(low <= high, f"{name} must run from low to high")
        _require(self.level[1] <= 0, "level must not pass 0 dB, full scale")
        _require(self.speed[0] > 0, "speed must be above 0")
        _require(len(self.interferers) > 0, "interferers must hold at least one probability")
        _require(min(self.interferers) >= 0 and sum(self.interferers) > 0, "interferers must be probabilities")
        _require(0 <= self.absent < 1, "absent must be at least 0 and below 1")
        _require(0 < self.similarity <= 1, "similarity must be above 0 and at most 1")
        for name in ("caption_blend", "caption_mean", "same_sound_layers", "reverb", "band"):
            _require(0 <= getattr(self, name) <= 1, f"{name} must lie between 0 and 1")
        for name in ("equaliser", "query_noise"):
            _require(getattr(self, name) >= 0, f"{name} must be 0 or more")


@dataclass(frozen=True)
class Optimisation:
    """Steps and their sizes.

    Attributes:
        steps, batch: batches to learn from, and mixtures in each.
        optimiser: AdamW or Adam, with or without AMSGrad; or Muon for kernels with AdamW for the rest.
        schedule: of the learning rate, see :func:`lass.training.optimisers.learning_rate`.
        rate, final, warmup: with the schedule ``cosine``, the learning rate warms up linearly over ``warmup`` steps to
            ``rate`` and falls along a cosine to ``final`` times that.
        weight_decay: norms and biases are spared.
        clip: largest norm of the gradient; 0 for any.
        ema: decay of the average of the weights, which is what is measured and exported.
        start_share: of the weights that training started from in what is measured and exported; the rest is the
            average's.
        precision: of the network; the losses are always in single precision. ``float16`` needs CUDA.
        loss: weights of the losses of :mod:`lass.training.losses`.
        sdr_floor: decibels under the target below which an error does not count in ``sdr`` and ``si_sdr``.
        resolutions: windows and hops in samples of the spectral losses.
        absent_weight: of the level of the output, in decibels, where the query describes nothing in the mixture.
    """

    steps: int = 2000
    batch: int = 12
    optimiser: Literal["adamw", "adamw-amsgrad", "adam", "adam-amsgrad", "muon"] = "adamw"
    schedule: Literal["cosine", "decades", "constant"] = "cosine"
    rate: float = 1.5e-3
    final: float = 0.01
    warmup: int = 100
    weight_decay: float = 1e-2
    clip: float = 5.0
    ema: float = 0.998
    start_share: float = 0.0
    precision: Literal["float32", "bfloat16", "float16"] = "float32"
    loss: dict[str, float] = field(default_factory=lambda: {"sdr": 1.0})
    sdr_floor: float = FLOOR_DB
    resolutions: tuple[tuple[int, int], ...] = (RESOLUTION,)
    absent_weight: float = 0.3

    def __post_init__(self) -> None:
        for name in ("steps", "batch", "rate", "sdr_floor"):
            _require(getattr(self, name) > 0, f"{name} must be above 0")
        for name in ("warmup", "weight_decay", "clip", "absent_weight"):
            _require(getattr(self, name) >= 0, f"{name} must be 0 or more")
        _require(0 <= self.final <= 1, "final must lie between 0 and 1")
        _require(0 <= self.ema < 1, "ema must be at least 0 and below 1")
        _require(0 <= self.start_share < 1, "start_share must be at least 0 and below 1")
        for name in self.loss:
            _require(name in NAMES, f"loss.{name} is not known; known are {', '.join(sorted(NAMES))}")
        _require(min(self.loss.values(), default=0) > 0, "loss must name at least one loss with a weight above 0")
        _require(len(self.resolutions) > 0, "resolutions must hold at least one window and hop")
        for window, hop in self.resolutions:
            _require(0 < hop <= window, "resolutions must hold windows and hops, a hop above 0 and within its window")


@dataclass(frozen=True)
class Recipe:
    """Everything that decides what a training run learns, and what its checkpoint says of itself.

    ``start`` is a model's name or a checkpoint's path whose weights training starts from, wherever they fit; empty for
    random ones. ``runs/`` in it stands for the folder of runs. ``folder`` is where the recipe was read from; it is no
    part of what the recipe says.
    """

    name: str
    summary: str
    model: ModelConfig
    data: Data
    mixing: Mixing = Mixing()
    optimisation: Optimisation = field(default_factory=Optimisation)
    encoder: str = "compact"
    start: str = ""
    seed: int = 0
    validate_every: int = 200
    save_every: int = 50
    folder: Path = field(default=RECIPES, repr=False, compare=False)

    def __post_init__(self) -> None:
        _require(bool(re.fullmatch(r"[\w-][\w.-]*", self.name)), "name must be letters, digits, dots and dashes")
        _require(self.encoder in ENCODERS, f"encoder must be one of {', '.join(ENCODERS)}")
        _require(0 <= self.seed < 2**63, "seed must be 0 or more, and below 2 to the 63")
        for name in ("validate_every", "save_every"):
            _require(getattr(self, name) > 0, f"{name} must be above 0")
        _require(bool(self.start) or not self.optimisation.start_share, "optimisation.start_share needs a start")
        remixed = MIXIT in self.optimisation.loss
        _require(not (remixed and self.mixing.absent), f"mixing.absent must be 0 with the loss {MIXIT}")
        shortest = round(self.mixing.seconds * self.model.sample_rate)
        longest = max(window for window, _ in self.optimisation.resolutions)
        if set(SPECTRAL) & set(self.optimisation.loss):
            _require(longest <= shortest, "optimisation.resolutions must hold windows no longer than a mixture")

    @property
    def captions_file(self) -> Path | None:
        """The file of wordings by label: beside the recipe, or else one that ships; None where there is none."""
        if not self.data.captions:
            return None
        own, shipped = self.folder / self.data.captions, SHIPPED_CAPTIONS / self.data.captions
        return shipped if shipped.is_file() and not own.exists() else own


def load_recipe(path: str | Path) -> Recipe:
    """Read a recipe from a YAML file, or by the name of one that ships in ``lass/training/configs``.

    ``extends: NAME`` takes over every setting that a recipe beside it, or one that ships, names and this one does not;
    but nothing of a network of another kind.

    Raises:
        RecipeError: no such file, not YAML, or an unknown or ill-typed value; the sentence names it.
    """
    file = _file(path)
    fields = _fields(file, path, ())
    try:
        recipe: Recipe = _build(Recipe, fields, "")
    except (TypeError, ValueError) as error:
        raise RecipeError(f"The recipe {file.name} cannot be used: {error}; correct it.") from error
    return dataclasses.replace(recipe, folder=file.resolve().parent)


def _file(path: str | Path) -> Path:
    file, shipped = Path(path), RECIPES / f"{path}.yaml"
    # os.path, not pathlib: a name that no system takes is no file, and no error either.
    return shipped if not os.path.isfile(file) and os.path.isfile(shipped) else file


def _fields(file: Path, given: str | Path, below: tuple[Path, ...]) -> Any:
    """What a recipe's file says, on top of the one it extends; ``below`` are the files that extend it."""
    try:
        text = file.read_text("utf-8")
    except OSError as error:
        shipped = ", ".join(sorted(path.stem for path in RECIPES.glob("*.yaml")))
        raise RecipeError(
            f"The recipe {given} cannot be read ({error.strerror}); give a YAML file, or one of these: {shipped}."
        ) from error
    except ValueError as error:
        raise RecipeError(f"The recipe {given} is not a text file in UTF-8; give a YAML file.") from error
    try:
        fields = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError) as error:  # the latter for a date with a month that no year has
        raise RecipeError(f"The recipe {file.name} is not valid YAML: {' '.join(str(error).split())}.") from error
    if below and not isinstance(fields, dict):
        raise RecipeError(f"The recipe {file.name} holds no settings to extend; correct it.")
    if not isinstance(fields, dict) or "extends" not in fields:
        return fields
    name = str(fields.pop("extends"))
    beside = file.parent / (name if name.endswith((".yaml", ".yml")) else f"{name}.yaml")
    base = beside if os.path.isfile(beside) else _file(name)
    if base.resolve() in (one.resolve() for one in (file, *below)):
        raise RecipeError(f"The recipe {name} extends itself by way of {file.name}; extend one that stands alone.")
    below_this = _fields(base, name, (file, *below))
    return {**below_this, **{key: _section(below_this.get(key), value) for key, value in fields.items()}}


def _section(base: Any, more: Any) -> Any:
    """A section of a recipe on top of the one it extends; settings of a network of another kind mean nothing to it."""
    if not isinstance(base, dict) or not isinstance(more, dict):
        return more
    return {**base, **more} if more.get("kind", base.get("kind")) == base.get("kind") else more


def _build(cls: Any, value: Any, where: str) -> Any:
    value = _named(value, where or "the file")
    hints = typing.get_type_hints(cls)
    known = {item.name for item in dataclasses.fields(cls) if item.repr}
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
    try:
        return cls(**arguments)
    except ValueError as error:
        raise ValueError(f"{where}{error}") from error


def _convert(hint: Any, value: Any, where: str) -> Any:
    if hint is ModelConfig or (isinstance(hint, types.UnionType) and ResUNetConfig in typing.get_args(hint)):
        return _network(_named(value, where), where)
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
    if hint is float:
        return _number(value, where)
    if not isinstance(value, hint) or isinstance(value, bool) is not (hint is bool):
        kinds = {int: "a whole number", str: "text", bool: "true or false"}
        raise ValueError(f"{where} must be {kinds.get(hint, hint.__name__)}, not {value!r}")
    return value


def _number(value: Any, where: str) -> float:
    # YAML takes 1e-3, without a point, for text.
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"{where} must be a number, not {value!r}")
    return number


def _network(fields: dict[str, Any], where: str) -> ModelConfig:
    """The configuration, tried out: its network is put together once, without memory for its weights."""
    try:
        config = config_from_dict(fields)
        for name, hint in typing.get_type_hints(type(config)).items():
            if typing.get_origin(hint) is Literal:
                _convert(hint, getattr(config, name), name)
        with torch.device("meta"):
            build(config)
    except Exception as error:  # whatever a network says about numbers it cannot be built with
        reason = " ".join(str(error).split()) or "its values do not fit together"
        raise ValueError(f"{where}: {reason}") from error
    return config


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
