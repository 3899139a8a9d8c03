"""A training run that takes seconds: four sounds at 8 kHz, a network of a few thousand weights."""

from __future__ import annotations

import copy
import csv
import functools
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from lass import audio
from lass.queries import CompactEncoder
from lass.training.loop import Trainer
from lass.training.recipe import Recipe, load_recipe

RATE = 8000
LABELS = ("hum", "hiss", "whistle", "ticking")
WORDINGS = {
    "hum": ["hum", "a low hum", "a mains hum"],
    "hiss": ["hiss", "a steady hiss"],
    "whistle": ["whistle", "someone whistling"],
    "ticking": ["ticking", "a clock ticking", "tick tock"],
}
MODEL = {
    "sample_rate": RATE, "window": 128, "hop": 64, "condition_size": 384, "channels": [4, 6],
    "pooling": [[2, 2], [2, 2]], "magnitude_power": 0.3, "film": "scale-shift", "query_projection": 8,
    "vestigial": False,
}  # fmt: skip


def sound(label: str, seconds: float, seed: int) -> np.ndarray:
    """A sound in which every tenth of a second is active, unlike all others; float32 ``(samples,)``."""
    rng = np.random.default_rng(seed)
    time = np.arange(round(seconds * RATE)) / RATE
    pitch = rng.uniform(0.9, 1.1)
    match label:
        case "hum":
            wave = np.sin(2 * np.pi * 120 * pitch * time)
        case "whistle":
            wave = np.sin(2 * np.pi * 1500 * pitch * time)
        case "hiss":
            wave = np.diff(rng.standard_normal(len(time) + 1)) / 4
        case _:
            wave = np.sin(2 * np.pi * 3000 * time) * (np.mod(time * 12 * pitch, 1) < 0.2)
    return (0.3 * wave).astype(np.float32)


def write_table(path: Path, rows: Iterable[Mapping[str, Any]]) -> Path:
    rows = list(rows)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def write_collection(root: Path, folds: int = 3, labels: Iterable[str] = LABELS) -> Path:
    """A folder ``tones`` below ``root``, with one recording of every label in each fold."""
    rows = []
    for fold in range(1, folds + 1):
        for number, label in enumerate(labels):
            name = f"{label}-{fold}.wav"
            (root / "tones" / "clips").mkdir(parents=True, exist_ok=True)
            audio.write(root / "tones" / "clips" / name, sound(label, 1.6, 10 * fold + number)[None], RATE)
            rows.append({
                "file": name, "fold": fold, "label": label, "licence": "CC-BY", "author": f"Ann | {label}*",
                "source_url": f"https://example.org/{label}/{fold}", "source_title": f"{label} [{fold}]",
            })  # fmt: skip
    write_table(root / "tones" / "clips.csv", rows)
    return root


def write_recipe(folder: Path, change: Callable[[dict[str, Any]], object] | None = None) -> Path:
    """A recipe file with its captions beside it; ``change`` edits its settings first."""
    settings: dict[str, Any] = {
        "name": "small",
        "summary": "Learned from four sounds.",
        "model": copy.deepcopy(MODEL),
        "seed": 3,
        "data": {
            "captions": "words.yaml",
            "sets": [{"folder": "tones", "folds": [1, 2]}],
            "validation": {"folder": "tones", "folds": [3]},
            "validation_mixtures": 20,
        },
        "mixing": {"seconds": 1.0, "absent": 0.2},
        "optimisation": {"steps": 12, "batch": 3, "warmup": 4},
        "validate_every": 4,
        "save_every": 3,
    }
    if change is not None:
        change(settings)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "words.yaml").write_text(yaml.safe_dump({label: {"train": texts} for label, texts in WORDINGS.items()}))
    file = folder / "small.yaml"
    file.write_text(yaml.safe_dump(settings))
    return file


@functools.cache
def encoder() -> CompactEncoder:
    return CompactEncoder()


def trainer(recipe: Recipe | Path, data: Path, folder: Path, workers: int = 0) -> Trainer:
    loaded = recipe if isinstance(recipe, Recipe) else load_recipe(recipe)
    return Trainer(loaded, encoder(), data, folder, "cpu", workers, lambda _line: None)
