"""The pool of sounds that mixtures draw from: decoded once, memory-mapped, labelled.

Recordings are peak-normalised and kept as 16-bit integers at the model's rate, so that an hour of sound takes
230 MB on disk and as good as nothing in memory. Levels are the mixer's business.
"""

import csv
import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from lass import audio, scenes
from lass.errors import LassError
from lass.training.recipe import SourceSet

BLOCK_SECONDS = 0.1
# A crop is worth drawing when it holds a block within this many decibels of its clip's loudest one.
ACTIVE_DB = -30.0
# Generated clips last this long, enough for any crop at any speed.
GENERATED_SECONDS = 6.0


@dataclass(frozen=True)
class Clip:
    """Where one sound lies in its pool: samples from ``start`` to ``stop``."""

    label: str
    start: int
    stop: int


@dataclass(frozen=True)
class Pool:
    """Sounds of one :class:`SourceSet`, by label.

    Attributes:
        samples: int16 memory map of all clips, one after the other.
        clips: clips by label, in the order of the source.
        sample_rate: hertz.
        weight: share of the sources drawn from this pool.
    """

    samples: np.ndarray
    clips: dict[str, list[Clip]]
    sample_rate: int
    weight: float

    @property
    def labels(self) -> list[str]:
        """Labels in a fixed order."""
        return sorted(self.clips)

    def draw(self, label: str, length: int, rng: np.random.Generator) -> np.ndarray:
        """A random active crop of a random clip of ``label``: float32 ``(length,)``, zero-padded if it is shorter."""
        clips = self.clips[label]
        clip = clips[int(rng.integers(len(clips)))]
        sound = self.samples[clip.start : clip.stop]
        if len(sound) <= length:
            out = np.zeros(length, np.float32)
            offset = int(rng.integers(length - len(sound) + 1))
            out[offset : offset + len(sound)] = sound
        else:
            offset = _active_offset(sound, length, self.sample_rate, rng)
            out = sound[offset : offset + length].astype(np.float32)
        return out / np.float32(32768)


def _active_offset(sound: np.ndarray, length: int, sample_rate: int, rng: np.random.Generator) -> int:
    """A random offset whose crop is not mostly the silence around the sound."""
    block = int(BLOCK_SECONDS * sample_rate)
    blocks = len(sound) // block
    energy = sound[: blocks * block].astype(np.float32).reshape(blocks, block).__pow__(2).mean(1)
    active = np.flatnonzero(energy >= energy.max() * 10 ** (ACTIVE_DB / 10))
    # The drawn block lies somewhere in the crop's middle half, never only at its very edge.
    centre = int(active[int(rng.integers(len(active)))]) * block
    offset = centre - int(rng.uniform(0.1, 0.9) * length)
    return min(max(offset, 0), len(sound) - length)


def open_pool(source: SourceSet, root: Path, cache: Path, sample_rate: int, log: Callable[[str], None]) -> Pool:
    """The pool of a source set, decoded into ``cache`` first if it is not there yet.

    Raises:
        LassError: the folder, its ``clips.csv`` or a recording cannot be read.
    """
    rows = _generated_rows(source) if source.generated else _folder_rows(source, root)
    facts = [asdict(source), sample_rate, rows, _fingerprint() if source.generated else ""]
    key = hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]
    samples_file, index_file = cache / f"{key}.npy", cache / f"{key}.json"
    if not index_file.exists():
        log(f"decoding {len(rows)} clips of {source.folder or 'generated sounds'} at {sample_rate} Hz")
        cache.mkdir(parents=True, exist_ok=True)
        _decode(source, rows, sample_rate, samples_file, index_file)
    clips: dict[str, list[Clip]] = {}
    for label, start, stop in json.loads(index_file.read_text("utf-8")):
        clips.setdefault(label, []).append(Clip(label, start, stop))
    return Pool(np.load(samples_file, mmap_mode="r"), clips, sample_rate, source.weight)


def _folder_rows(source: SourceSet, root: Path) -> list[tuple[str, str]]:
    """(label, path) of the chosen folds."""
    folder = root / source.folder
    table = folder / "clips.csv"
    try:
        with table.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    except OSError as error:
        raise LassError(f"{table} cannot be read ({error.strerror}); say where the recordings are.") from error
    recordings = folder / "clips" if (folder / "clips").is_dir() else folder
    return [
        (row["label"], str(recordings / row["file"]))
        for row in rows
        if not source.folds or int(row["fold"]) in source.folds
    ]


def _generated_rows(source: SourceSet) -> list[tuple[str, str]]:
    """(label, seed) of every generated clip."""
    return [(label, str(index)) for label in sorted(scenes.SOUNDS) for index in range(source.generated)]


def _fingerprint() -> str:
    """Changes when a sound model does, so that a cache made by older models is not taken for theirs."""
    digest = hashlib.sha256()
    for label in sorted(scenes.SOUNDS):
        digest.update(scenes.synthesise(label, 0.25, 8000, np.random.default_rng(0)).round(4).tobytes())
    return digest.hexdigest()


def _sound(source: SourceSet, label: str, where: str, sample_rate: int) -> np.ndarray:
    if source.generated:
        seed = int.from_bytes(hashlib.sha256(f"{label}/{where}".encode()).digest()[:8], "little")
        return scenes.synthesise(label, GENERATED_SECONDS, sample_rate, np.random.default_rng(seed))
    recording = audio.read(where)
    return audio.resample(recording.waveform.mean(0), recording.sample_rate, sample_rate)


def _decode(source: SourceSet, rows: Sequence[tuple[str, str]], rate: int, samples: Path, index: Path) -> None:
    sounds, entries, position = [], [], 0
    for label, where in rows:
        sound = _sound(source, label, where, rate)
        sound = np.round(sound * (32767 / max(float(np.abs(sound).max()), 1e-6))).astype(np.int16)
        sounds.append(sound)
        entries.append((label, position, position + len(sound)))
        position += len(sound)
    with samples.with_suffix(".partial").open("wb") as file:
        np.save(file, np.concatenate(sounds))
    samples.with_suffix(".partial").replace(samples)
    # The index is written last: its presence says that the samples are whole.
    index.write_text(json.dumps(entries), "utf-8")
