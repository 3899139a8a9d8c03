"""A draft of a study that grows by results: whatever was separated on a page can become an item to be rated.

The folder holds ``study.yaml``, which can be edited by hand between two results, and the audio under ``sources/``. It
builds as it is, with `lass study build`, into another folder or in place.
"""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from lass.audio import check, write
from lass.errors import AudioError, LassError
from lass.files import locked, whole
from lass.listening.design.study import (
    CONTROLS,
    FILE,
    MOST_CONDITIONS,
    MOST_ITEMS,
    Study,
    load_study,
    read_study,
    slug_of,
)
from lass.listening.stimuli.sources import MOST_SECONDS, stereo
from lass.queries import check_query

SOURCES = "sources"
PATIENCE = 30.0
"""Seconds to wait for somebody else who adds to the draft."""

_START: dict[str, Any] = {
    "title": {"en": "A listening test", "fr": "Un test d’écoute"},
    "welcome": {
        "en": "Thank you for taking part in our listening test!",
        "fr": "Merci de participer à notre test d’écoute !",
    },
    "languages": ["en", "fr"],
    "scale": "separation",
}


@dataclass(frozen=True)
class Added:
    """What was added to a draft: the names of the item and the condition, and whether it was new."""

    study: Study
    file: Path
    item: str
    condition: str
    new: bool


def add_to_draft(
    folder: Path | str,
    mixture: np.ndarray,
    target: np.ndarray,
    query: str,
    model: str,
    sample_rate: int,
    *,
    reference: np.ndarray | None = None,
) -> Added:
    """Add a result to the draft of a study, which begins with the first one.

    The same mixture with the same query is one item, and every model a condition, so that results of several models are
    compared on the items they share; the same result again replaces itself. What the model left over is kept as the
    item's trap.

    Args:
        folder: the draft; its name is the study's.
        mixture, target, reference: ``(channels, samples)`` or ``(samples,)``, mono or stereo, of equal shape; the
            reference is the clean sound, where it is known.
        query: what was asked for.
        model: the name of the model.
        sample_rate: hertz.

    Raises:
        LassError: the audio is silent, too long or does not fit together, the draft is full, its file was edited into
            something else, or the disk is full.
    """
    query = check_query(query)
    sounds = {"mixture": mixture, "target": target} | ({} if reference is None else {"reference": reference})
    checked = {name: _checked(name, sound, sample_rate, np.shape(mixture)) for name, sound in sounds.items()}
    rest = checked["mixture"] - checked["target"]
    folder = Path(folder)
    slug_of(folder / FILE)
    busy = f"The draft {folder} is in use by somebody else; try again in a moment."
    with locked(folder, busy, name=".draft.lock", patience=PATIENCE):
        (folder / SOURCES).mkdir(exist_ok=True)
        fields = _fields(folder)
        item, new_item = _item(fields["items"], checked["mixture"], query, sample_rate)
        condition = _condition(fields["conditions"], model)
        new = condition not in item["files"]
        item["files"][condition] = _path(item["id"], condition)
        # Beside results of one model only, an item must not ask for those of the others.
        item["conditions"] = list(item["files"])
        _save(folder, item["files"][condition], checked["target"], sample_rate)
        if new_item:
            item["mixture"] = _save(folder, _path(item["id"], "mixture"), checked["mixture"], sample_rate)
        if np.ptp(rest) > 0 and "trap" not in item:
            item["trap"] = _save(folder, _path(item["id"], "trap"), rest, sample_rate)
        if reference is not None:
            item["reference"] = _save(folder, _path(item["id"], "reference"), checked["reference"], sample_rate)
        study = _write(folder, fields)
    return Added(study, folder / FILE, item["id"], condition, new)


def _checked(name: str, sound: np.ndarray, sample_rate: int, shape: tuple[int, ...]) -> np.ndarray:
    samples = check(sound, sample_rate)
    if np.shape(sound) != shape:
        raise AudioError(f"The {name} and the mixture are of unequal length or channels; add a result as it is.")
    if samples.shape[1] > MOST_SECONDS * sample_rate:
        raise AudioError(f"The recording is longer than {MOST_SECONDS:g} s; separate a part of it to have it rated.")
    if np.ptp(samples) == 0:
        raise AudioError(f"The {name} is silent from beginning to end; there is nothing to rate.")
    return stereo(samples, "The recording")


def _fields(folder: Path) -> dict[str, Any]:
    """The fields of the draft's file, as they were written; those of a new one where there is none."""
    file = folder / FILE
    if not file.exists():
        return {**_START, "conditions": [], "items": []}
    _, document = read_study(file)
    fields: dict[str, Any] = document.value
    return fields


def _item(
    items: list[dict[str, Any]], mixture: np.ndarray, query: str, sample_rate: int
) -> tuple[dict[str, Any], bool]:
    """The item of a mixture and a query, and whether it is a new one."""
    content = hashlib.sha256(f"{query} {sample_rate} ".encode() + mixture.astype("<f4").tobytes()).hexdigest()
    name = f"{_plain(query)[:40].strip('-') or 'sound'}-{content[:8]}"
    for item in items:
        if item["id"] == name:
            item.setdefault("files", {})
            return item, False
    if len(items) >= MOST_ITEMS:
        raise LassError(f"The draft has {MOST_ITEMS} items, which is the most a study can have; begin another one.")
    items.append({"id": name, "mixture": "", "query": query, "files": {}})
    return items[-1], True


def _condition(conditions: list[dict[str, Any]], model: str) -> str:
    """The name of the condition of a model, which is added where it is new."""
    path = Path(model)
    name = _plain(path.stem if path.suffix in (".safetensors", ".ckpt", ".pt") else model)[:60].strip("-.")
    name = f"model-{name}" if not name or name in (*CONTROLS, "mixture") else name
    for condition in conditions:
        if condition["id"] == name:
            if "model" in condition:
                raise LassError(
                    f"The draft makes the condition {name} with a model; take its model out of the file to add results."
                )
            return name
    if len(conditions) >= MOST_CONDITIONS:
        raise LassError(f"The draft has {MOST_CONDITIONS} models, the most a study can have; begin another one.")
    conditions.append({"id": name, "title": " ".join(model.split())[:120] or name})
    return name


def _plain(text: str) -> str:
    return re.sub(r"[^a-z0-9.]+", "-", text.lower()).strip("-.")


def _path(item: str, what: str) -> str:
    return f"{SOURCES}/{item}-{what}.wav"


def _save(folder: Path, path: str, samples: np.ndarray, sample_rate: int) -> str:
    write(folder / path, samples, sample_rate)
    return path


def _write(folder: Path, fields: dict[str, Any]) -> Study:
    text = yaml.safe_dump(fields, allow_unicode=True, sort_keys=False, width=120)
    with whole(folder / FILE) as file:
        file.write(text.encode())
    return load_study(folder)


__all__ = ["Added", "add_to_draft"]
