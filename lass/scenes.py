"""The shipped examples: stereo mixtures of two modelled sounds, with the sentence that asks for one of them.

The five pairs of sounds are those of the listening test in a published thesis on language-queried separation:
a target over a background that shares its time and often its band. The command `python -m lass.scenes OUT_DIR`
writes them.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lass.sounds import SOUNDS, Sound, synthesise

__all__ = ["SCENES", "SOUNDS", "Scene", "Sound", "main", "render", "synthesise", "write_examples"]

LEVEL = 10 ** (-23 / 20)  # mean level of a rendered mixture; leaves room for peaks
CEILING = 0.9
DELAY = 0.0004  # seconds by which a sound from the far side reaches the other microphone later


@dataclass(frozen=True)
class Scene:
    """Two sounds and how they are mixed.

    `name` names the file; `query` asks for the sound `target`; `backgrounds` are labels of the other sounds,
    summed at equal power; `seconds` is the length; `snr_db` the power of the target over the background in
    decibels; `path` where the target is heard at the start and at the end, from -1 (left) to 1 (right).
    """

    name: str
    title: str
    query: str
    target: str
    backgrounds: tuple[str, ...]
    seconds: float
    seed: int
    snr_db: float
    path: tuple[float, float] = (0.0, 0.0)


SCENES: tuple[Scene, ...] = (
    Scene("owl-crickets", "An owl among crickets", "an owl hooting in the night",
          "owl hooting", ("crickets chirping",), 8.0, 3, 0.0, (-0.3, -0.3)),
    Scene("knocking-party", "Knocking at a party", "someone knocking on a door",
          "knocking on a door", ("party chatter",), 8.0, 5, 0.0, (0.4, 0.4)),
    Scene("siren-skateboard", "A siren passes a skateboard", "the siren of a passing ambulance",
          "siren wailing", ("skateboard rolling",), 8.0, 34, 0.0, (-0.9, 0.9)),
    Scene("birds-footsteps", "Birds over footsteps", "birds chirping",
          "birds chirping", ("footsteps",), 8.0, 1, 0.0, (0.3, 0.3)),
    Scene("whales-rain", "Whales in the rain", "a whale singing under water",
          "whale singing", ("rain falling",), 8.0, 4, 0.0, (-0.4, 0.4)),
)  # fmt: skip


def _panned(wave: np.ndarray, sample_rate: int, path: tuple[float, float]) -> np.ndarray:
    """A mono signal on its way along `path`: (2, samples), constant power, a short delay on the far side."""
    where = np.linspace(path[0], path[1], len(wave))
    angle = (where + 1) * (np.pi / 4)
    positions = np.arange(len(wave))
    sides = []
    for gain, sign in ((np.cos(angle), 1.0), (np.sin(angle), -1.0)):
        late = np.maximum(sign * where, 0.0) * DELAY * sample_rate
        sides.append(gain * np.interp(positions - late, positions, wave))
    return np.stack(sides)


def _wide(label: str, seconds: float, sample_rate: int, rng: np.random.Generator) -> np.ndarray:
    """A background around the listener, (2, samples): two takes of a sound, left and right of the middle."""
    takes = [synthesise(label, seconds, sample_rate, rng)]
    # One person walks, one board rolls; of everything else there is more than one.
    if label not in ("footsteps", "skateboard rolling", "knocking on a door", "siren wailing"):
        takes.append(synthesise(label, seconds, sample_rate, rng))
    places = [(-0.25, 0.35)] if len(takes) == 1 else [(-0.6, -0.6), (0.6, 0.6)]
    return np.sum([_panned(take, sample_rate, where) for take, where in zip(takes, places, strict=True)], axis=0)


def _power(wave: np.ndarray) -> float:
    return float(np.mean(np.square(wave, dtype=np.float64))) + 1e-12


def render(scene: Scene, sample_rate: int = 44100) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mixture, target and background of a scene: each float32 (2, samples), mixture == target + background.

    The same scene at the same `sample_rate` (hertz) is the same to the sample. Raises what `synthesise` does.
    """
    rng = np.random.default_rng(scene.seed)
    target = _panned(synthesise(scene.target, scene.seconds, sample_rate, rng), sample_rate, scene.path)
    background = np.zeros_like(target)
    for label in scene.backgrounds:
        layer = _wide(label, scene.seconds, sample_rate, rng)
        background += layer / np.sqrt(_power(layer))
    background *= np.sqrt(_power(target) / _power(background)) * 10 ** (-scene.snr_db / 20)
    mixture = target + background
    scale = min(LEVEL / np.sqrt(_power(mixture)), CEILING / float(np.abs(mixture).max(initial=1e-9)))
    target, background = (target * scale).astype(np.float32), (background * scale).astype(np.float32)
    return target + background, target, background


def write_examples(folder: Path, sample_rate: int = 32000) -> list[Path]:
    """Writes every scene's mixture as a 16-bit FLAC, and `examples.json` about them; returns the files."""
    import soundfile

    folder.mkdir(parents=True, exist_ok=True)
    files, entries = [], []
    for scene in SCENES:
        mixture, _, _ = render(scene, sample_rate)
        file = folder / f"{scene.name}.flac"
        soundfile.write(file, mixture.T, sample_rate, subtype="PCM_16")
        files.append(file)
        entries.append(
            {
                "name": scene.name,
                "title": scene.title,
                "query": scene.query,
                "file": file.name,
                "target": scene.target,
                "background": list(scene.backgrounds),
                "snr_db": scene.snr_db,
                "seconds": scene.seconds,
                "sample_rate": sample_rate,
                "channels": 2,
            }
        )
    index = folder / "examples.json"
    index.write_text(json.dumps(entries, indent=2) + "\n", encoding="utf-8")
    return [*files, index]


def main(arguments: Sequence[str] | None = None) -> int:
    """The command `python -m lass.scenes OUT_DIR`."""
    parser = argparse.ArgumentParser(prog="python -m lass.scenes", description="Write the example mixtures.")
    parser.add_argument("out_dir", type=Path, help="folder for the FLAC files and examples.json")
    parser.add_argument("--sample-rate", type=int, default=32000, help="in hertz (default: 32000)")
    options = parser.parse_args(arguments)
    try:
        files = write_examples(options.out_dir, options.sample_rate)
    except (OSError, ValueError) as error:
        print(f"The examples could not be written to {options.out_dir}: {error}", file=sys.stderr)
        return 1
    for file in files:
        print(file)
    return 0


if __name__ == "__main__":
    sys.exit(main())
