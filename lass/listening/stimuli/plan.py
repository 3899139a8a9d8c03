"""What there is to make for a study: every piece of audio, where it comes from, and a fingerprint of that."""

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lass.errors import LassError, ModelError
from lass.listening.design.consistency import other_query, trap_items, trap_model
from lass.listening.design.study import Condition, Item, Study
from lass.listening.stimuli.manifest import Role, sha256_of
from lass.listening.stimuli.sources import Source
from lass.version import __version__

RECIPE = 1
"""Counted up when the same sources come to give other audio."""


@dataclass(frozen=True)
class Model:
    """A model under test: as the study names it, what is loaded, and the hash of its checkpoint."""

    name: str
    load: str
    sample_rate: int | None
    sha256: str


@dataclass(frozen=True)
class Part:
    """One piece of audio: ``role`` is None for an item's mixture.

    It is either ``source``, or what ``model`` makes of the mixture for ``query``.
    """

    item: Item
    condition: str
    role: Role | None
    mixture: Source
    fingerprint: str
    source: Source | None = None
    model: Model | None = None
    query: str = ""


def plan(study: Study, folder: Path, cache_dir: Path | None) -> list[Part]:
    """All audio of a study whose paths are relative to a folder; a mixture comes before what is made of it.

    Raises:
        LassError: a file or a checkpoint is missing.
    """
    models = {
        condition.id: _model(condition, folder, cache_dir) for condition in study.conditions if condition.model
    }
    parts: list[Part] = []
    for item in study.items:
        parts += _rated(study, item, folder, models)
    for item in trap_items(study):
        parts.append(_trap(study, item, folder, models))
    for item in study.practice:
        mixture, known = _mixture(item, folder)
        # One stimulus shows what is to be done; an item that names conditions gives one for each.
        chosen = study.conditions_of(item) if item.conditions else study.conditions_of(item)[:1]
        parts.append(Part(item, "", None, mixture, known, source=mixture))
        parts += (_heard(item, condition, "practice", folder, models) for condition in chosen)
    return parts


def _rated(study: Study, item: Item, folder: Path, models: dict[str, Model]) -> Iterator[Part]:
    mixture, known = _mixture(item, folder)
    yield Part(item, "", None, mixture, known, source=mixture)
    for condition in study.conditions_of(item):
        yield _heard(item, condition, "system", folder, models)
    if study.anchor:
        yield Part(item, "anchor", "anchor", mixture, known, source=mixture)
    if study.hidden_reference and item.reference:
        yield _from_file(item, "reference", "reference", mixture, Source(item.reference, folder, "target"))


def _heard(item: Item, condition: Condition, role: Role, folder: Path, models: dict[str, Model]) -> Part:
    mixture, known = _mixture(item, folder)
    if condition.model is None:
        return _from_file(item, condition.id, role, mixture, Source(item.files[condition.id], folder, "target"))
    return _separated(item, condition.id, role, mixture, known, models[condition.id], item.asked)


def _trap(study: Study, item: Item, folder: Path, models: dict[str, Model]) -> Part:
    mixture, known = _mixture(item, folder)
    if item.trap:
        return _from_file(item, "trap", "trap", mixture, Source(item.trap, folder, "target"))
    name, query = trap_model(study), other_query(study, item)
    if name is None or query is None:
        raise LassError(f"The item {item.id} cannot be a trap: there is no model, or nothing else to ask for.")
    return _separated(item, "trap", "trap", mixture, known, models[name], query)


def _mixture(item: Item, folder: Path) -> tuple[Source, str]:
    source = Source(item.mixture, folder)
    return source, _hash("mixture", source.fingerprint())


def _from_file(item: Item, condition: str, role: Role, mixture: Source, source: Source) -> Part:
    # The mixture decides the rate and the length.
    known = _hash("file", source.fingerprint(), mixture.fingerprint())
    return Part(item, condition, role, mixture, known, source=source)


def _separated(
    item: Item, condition: str, role: Role, mixture: Source, known: str, model: Model, query: str
) -> Part:
    # Another version of the program may make something else of the same weights, and one study has one version.
    made = _hash("separated", known, model.sha256, str(model.sample_rate), query, __version__)
    return Part(item, condition, role, mixture, made, model=model, query=query)


def _hash(*parts: str) -> str:
    return hashlib.sha256("\0".join((str(RECIPE), *parts)).encode()).hexdigest()


def _model(condition: Condition, folder: Path, cache_dir: Path | None) -> Model:
    """The model of a condition: a path is looked up beside the study first, then from here."""
    name = str(condition.model)
    beside = folder / name
    load = str(beside) if os.path.isfile(beside) else name
    return Model(name, load, condition.sample_rate, checkpoint_sha256(load, cache_dir))


def checkpoint_sha256(name_or_path: str, cache_dir: Path | None) -> str:
    """The hash of a model's checkpoint; for an ensemble, of its members' hashes.

    Raises:
        ModelError: there is no such model, or it has not been downloaded.
    """
    from lass.checkpoints import Store, catalogue

    if (path := catalogue.file_named(name_or_path)) is not None:
        return sha256_of(path)
    entry = catalogue.find(name_or_path, cache_dir)
    if entry.members:
        return _hash(*(checkpoint_sha256(member, cache_dir) for member in entry.members))
    if entry.asset is not None:
        return sha256_of(entry.asset)
    if cache_dir is None:
        raise ModelError(f"{entry.title} is not bundled; say in which folder downloads are kept, or give its path.")
    return sha256_of(Store(cache_dir, offline=True).locate(entry))


__all__ = ["Model", "Part", "checkpoint_sha256", "plan"]
