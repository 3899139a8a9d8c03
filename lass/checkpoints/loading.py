"""From a catalogue name or a path to a network with its query encoder."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from lass.checkpoints import catalogue
from lass.checkpoints.bundled import is_bundled, load_bundled
from lass.checkpoints.encoders import open_encoder
from lass.checkpoints.store import Store
from lass.errors import ModelError
from lass.models import ModelConfig, config_from_dict
from lass.queries import QueryEncoder
from lass.queries.known import KnownSounds


@dataclass(frozen=True)
class Loaded:
    """A checkpoint in memory.

    ``levels`` are the lowest and highest root mean square in decibels that training met, where known.
    """

    name: str
    model: nn.Module
    config: ModelConfig
    encoder: QueryEncoder
    known_sounds: KnownSounds | None = None
    levels: tuple[float, float] | None = None


def load_checkpoint(
    name_or_path: str | Path, *, cache_dir: Path | None = None, sample_rate: int | None = None
) -> Loaded:
    """Load a checkpoint by its catalogue name, or from a path: the project's layout or the published one.

    Args:
        name_or_path: a name that :func:`list_models` gives, or a file.
        cache_dir: where downloaded checkpoints are.
        sample_rate: hertz, for a published checkpoint whose tensors do not tell it.

    Raises:
        ModelError: the name is unknown, the file is not here, is damaged or is no checkpoint.
    """
    if (path := catalogue.file_named(name_or_path)) is not None:
        return _load_file(path, path.stem, cache_dir, sample_rate)
    entry = catalogue.find(str(name_or_path), cache_dir)
    if sample_rate not in (None, entry.sample_rate):
        raise ModelError(f"{entry.title} works at {entry.sample_rate} Hz; leave the sample rate out for a named model.")
    if entry.asset is not None:
        return _load_file(entry.asset, entry.name, cache_dir, sample_rate)
    if cache_dir is None:
        raise ModelError(f"{entry.title} is not bundled; say in which folder downloads are kept, or give its path.")
    if entry.members:
        raise ModelError(f"{entry.title} is several checkpoints; load it by name with lass.load_separator.")
    # Locating asks no network, whatever the store may do.
    file = Store(cache_dir, offline=False).locate(entry)
    return _load_file(file, entry.name, cache_dir, entry.sample_rate)


def _load_file(path: Path, name: str, cache_dir: Path | None, sample_rate: int | None) -> Loaded:
    if path.suffix != ".safetensors" or not is_bundled(path):
        return _load_published(path, name, cache_dir, sample_rate)
    model, card, known_sounds = load_bundled(path)
    config = config_from_dict(card["config"])
    encoder = open_encoder(str(card.get("encoder")), cache_dir)
    if config.condition_size != encoder.size:
        raise ModelError(
            f"{path.name} takes queries of {config.condition_size} values, and its encoder {card['encoder']} gives "
            f"{encoder.size}; choose another checkpoint."
        )
    return Loaded(
        name=str(card.get("name", name)),
        model=model,
        config=config,
        encoder=encoder,
        known_sounds=known_sounds,
        levels=_levels(card.get("levels"), path),
    )


def _levels(levels: Any, path: Path) -> tuple[float, float] | None:
    if levels is None:
        return None
    try:
        low, high = map(float, levels)
    except (TypeError, ValueError) as error:
        raise ModelError(f"The levels that {path.name} states are no two numbers; fetch it again.") from error
    return low, high


def _load_published(path: Path, name: str, cache_dir: Path | None, sample_rate: int | None) -> Loaded:
    from lass.checkpoints.published import load_published

    model, encoder = load_published(path, sample_rate=sample_rate, cache_dir=cache_dir)
    return Loaded(name, model, model.config, encoder)
