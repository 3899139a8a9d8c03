"""A small listening study, built for real from tones: no model, no separation."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import yaml

from lass.listening.design.study import Study, load_study
from lass.listening.stimuli.manifest import Manifest, load_manifest

RATE = 16_000
SECONDS = 0.5


def tone(path: Path, hertz: float, *, seconds: float = SECONDS, level: float = 0.1, channels: int = 1) -> Path:
    """Write a tone as a 16-bit WAV."""
    path.parent.mkdir(parents=True, exist_ok=True)
    wave = level * np.sin(2 * np.pi * hertz * np.arange(round(seconds * RATE)) / RATE)
    soundfile.write(path, np.stack([wave] * channels, axis=1), RATE, subtype="PCM_16")
    return path


def small_source(
    folder: Path, *, items: int = 3, conditions: Sequence[str] = ("a", "b"), practice: int = 1, **overrides: Any
) -> Path:
    """Write the sources of a study of tones: a file for every condition, a clean reference, a trap; returns study.yaml.

    `overrides` replace or add fields of the file.
    """
    folder.mkdir(parents=True, exist_ok=True)

    def item(name: str, hertz: float) -> dict[str, Any]:
        tone(folder / f"{name}.wav", hertz)
        tone(folder / f"{name}-clean.wav", hertz * 1.01)
        tone(folder / f"{name}-trap.wav", hertz * 2)
        for index, condition in enumerate(conditions):
            tone(folder / f"{name}-{condition}.wav", hertz * (1.1 + index / 10), level=0.05 * (index + 1))
        return {
            "id": name,
            "mixture": f"{name}.wav",
            "query": {"en": f"the sound of {name}", "fr": f"le son de {name}"},
            "reference": f"{name}-clean.wav",
            "trap": f"{name}-trap.wav",
            "files": {condition: f"{name}-{condition}.wav" for condition in conditions},
        }

    study = {
        "title": {"en": "A small test", "fr": "Un petit test"},
        "welcome": {"en": "Welcome!", "fr": "Bienvenue !"},
        "languages": ["en", "fr"],
        "scale": "separation",
        "conditions": [{"id": condition} for condition in conditions],
        "items": [item(f"item{index + 1}", 300.0 + 100 * index) for index in range(items)],
        "practice": [item(f"practice{index + 1}", 250.0 + 20 * index) for index in range(practice)],
        "seed": 7,
        **overrides,
    }
    file = folder / "study.yaml"
    file.write_text(yaml.safe_dump(study, allow_unicode=True, sort_keys=False), encoding="utf-8")
    return file


def edited(file: Path, **changes: Any) -> Path:
    """Replace fields of a study file."""
    fields = {**yaml.safe_load(file.read_text(encoding="utf-8")), **changes}
    file.write_text(yaml.safe_dump(fields, sort_keys=False, allow_unicode=True), encoding="utf-8")
    return file


def with_a_model(folder: Path, checkpoint: Path) -> Path:
    """Write a study of two items with a condition "given" and one "made" by a model; one item says what else is in it.

    It has one trap, which the model makes.
    """
    file = small_source(folder, items=2, conditions=("given",))
    fields = yaml.safe_load(file.read_text(encoding="utf-8"))
    fields["conditions"].append({"id": "made", "model": str(checkpoint)})
    for item in fields["items"] + fields["practice"]:
        del item["trap"]
    fields["items"][1]["other"] = "rain"
    return edited(file, **fields, traps=1)


def small_study(
    folder: Path, *, items: int = 3, conditions: Sequence[str] = ("a", "b"), practice: int = 1, **overrides: Any
) -> Path:
    """Build a study of tones; returns the folder of the built study, `folder/demo`, whose slug is demo."""
    from lass.listening.stimuli.building import build_study

    source = small_source(folder / "sources", items=items, conditions=conditions, practice=practice, **overrides)
    return build_study(source, folder / "demo").folder


def small_manifest(folder: Path, **options: Any) -> tuple[Study, Manifest]:
    """The study and the manifest of a built study of tones."""
    built = small_study(folder, **options)
    return load_study(built), load_manifest(built)
