"""The pool of sounds that mixtures draw from: decoded once, memory-mapped, labelled.

Recordings are peak-normalised and kept as 16-bit integers at the model's rate, so that an hour of sound takes
230 MB on disk and as good as nothing in memory. Levels are the mixer's business.
"""

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lass import audio, scenes
from lass.errors import LassError
from lass.files import unwritable, whole
from lass.training.collection import Recording, read_collection
from lass.training.recipe import SourceSet

BLOCK_SECONDS = 0.1
# A crop is worth drawing when it holds a block within this many decibels of its clip's loudest one.
ACTIVE_DB = -30.0
# Generated clips last this long, enough for any crop at any speed.
GENERATED_SECONDS = 6.0
# A recording below this peak holds nothing that could be brought to a level.
SILENT = 1e-5
# A file in the making that nothing was written to for so long belongs to a run that was killed.
DEAD_SECONDS = 60


@dataclass(frozen=True)
class Clip:
    """One sound of a pool: samples from ``start`` to ``stop``.

    ``label`` is empty for a recording that has captions only; ``wordings`` are those captions, empty where the
    label's wordings serve.
    """

    label: str
    start: int
    stop: int
    wordings: tuple[str, ...] = ()

    @property
    def words(self) -> str | tuple[str, ...]:
        """What its queries are filed under: its own captions, or its label."""
        return self.wordings or self.label


@dataclass(frozen=True)
class Pool:
    """Sounds of one :class:`SourceSet`, by label.

    Attributes:
        samples: int16 memory map of all clips, one after the other.
        clips: clips by label, in the order of the source. A recording without a label is a sound of its own, under
            its file's name.
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

    def draw(self, label: str, length: int, rng: np.random.Generator) -> tuple[np.ndarray, Clip]:
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
        return out / np.float32(32768), clip


def _active_offset(sound: np.ndarray, length: int, sample_rate: int, rng: np.random.Generator) -> int:
    """A random offset whose crop is not mostly the silence around the sound."""
    block = min(int(BLOCK_SECONDS * sample_rate), len(sound))
    blocks = len(sound) // block
    energy = sound[: blocks * block].astype(np.float32).reshape(blocks, block).__pow__(2).mean(1)
    active = np.flatnonzero(energy >= energy.max() * 10 ** (ACTIVE_DB / 10))
    # The drawn block lies somewhere inside the crop, never at its very edge.
    centre = int(active[int(rng.integers(len(active)))]) * block
    offset = centre - int(rng.uniform(0.1, 0.9) * length)
    return min(max(offset, 0), len(sound) - length)


def open_pool(source: SourceSet, root: Path, cache: Path, sample_rate: int, log: Callable[[str], None]) -> Pool:
    """The pool of a source set, decoded into ``cache`` first if it is not there yet, or a recording has changed.

    The cache may be removed at any time.

    Raises:
        LassError: the list of recordings or a recording cannot be read, or the cache cannot be written.
    """
    recordings = _generated(source) if source.generated else read_collection(source, root)
    # Labels, captions and weights are not in the name: changing them does not decode anything again.
    key = hashlib.sha256(json.dumps([sample_rate, _fingerprints(source, recordings)]).encode()).hexdigest()[:16]
    samples_file, index_file = cache / f"{key}.pcm", cache / f"{key}.json"
    lengths = _lengths(index_file, samples_file)
    if lengths is None:
        log(f"decoding {len(recordings)} clips of {source.folder or 'generated sounds'} at {sample_rate} Hz")
        _decode(source, recordings, sample_rate, samples_file, index_file)
        lengths = _lengths(index_file, samples_file)
        assert lengths is not None
    clips: dict[str, list[Clip]] = {}
    start = 0
    for recording, length in zip(recordings, lengths, strict=True):
        clip = Clip(recording.label, start, start + length, recording.wordings)
        clips.setdefault(recording.label or recording.file, []).append(clip)
        start += length
    return Pool(np.memmap(samples_file, np.int16, "r"), clips, sample_rate, source.weight)


def _generated(source: SourceSet) -> list[Recording]:
    """Every generated clip; its file is the number it is made from."""
    return [
        Recording(str(index), Path(), label) for label in sorted(scenes.SOUNDS) for index in range(source.generated)
    ]


def _fingerprints(source: SourceSet, recordings: Sequence[Recording]) -> list[object]:
    """What changes when any of these sounds does."""
    if source.generated:
        return [GENERATED_SECONDS, _fingerprint(), *([recording.label, recording.file] for recording in recordings)]
    facts: list[object] = []
    for recording in recordings:
        about = recording.path.stat()
        facts.append([str(recording.path.resolve()), about.st_size, about.st_mtime_ns])
    return facts


def _fingerprint() -> str:
    """Changes when a sound model does, so that a cache made by older models is not taken for theirs."""
    digest = hashlib.sha256()
    for label in sorted(scenes.SOUNDS):
        digest.update(scenes.synthesise(label, 0.25, 8000, np.random.default_rng(0)).round(4).tobytes())
    return digest.hexdigest()


def _lengths(index: Path, samples: Path) -> list[int] | None:
    """Samples of every clip; None where the pool is not there or not whole."""
    try:
        lengths: list[int] = json.loads(index.read_text("utf-8"))
        return lengths if sum(lengths) * np.dtype(np.int16).itemsize == samples.stat().st_size else None
    except (OSError, ValueError, TypeError):
        return None


def _decode(source: SourceSet, recordings: Sequence[Recording], rate: int, samples: Path, index: Path) -> None:
    lengths, problems = [], []
    _clear(samples)
    with whole(samples) as file:
        for recording in recordings:
            try:
                sound = _sound(source, recording, rate)
            except LassError as error:
                problems.append(str(error))
                continue
            file.write(np.round(sound * (32767 / float(np.abs(sound).max()))).astype(np.int16).tobytes())
            lengths.append(len(sound))
        if problems:
            # All are tried first, so that nobody has to mend a large collection one attempt at a time.
            others = f" ({len(problems) - 1} more cannot either)" if len(problems) > 1 else ""
            raise LassError(f"A recording of {source.folder} cannot be used{others}: {problems[0]}")
    # The index is written last: its presence says that the samples are whole.
    with whole(index) as file:
        file.write(json.dumps(lengths).encode())


def _clear(samples: Path) -> None:
    """Remove what a killed run left half written; a living one writes to its file all the time."""
    try:
        samples.parent.mkdir(parents=True, exist_ok=True)
        for partial in samples.parent.glob(f"{samples.name}.*.partial"):
            if time.time() - partial.stat().st_mtime > DEAD_SECONDS:
                partial.unlink(missing_ok=True)
    except OSError as error:
        raise unwritable(samples, error) from error


def _sound(source: SourceSet, recording: Recording, sample_rate: int) -> np.ndarray:
    if source.generated:
        seed = int.from_bytes(hashlib.sha256(f"{recording.label}/{recording.file}".encode()).digest()[:8], "little")
        return scenes.synthesise(recording.label, GENERATED_SECONDS, sample_rate, np.random.default_rng(seed))
    decoded = audio.read(recording.path)
    sound = audio.resample(decoded.waveform.mean(0), decoded.sample_rate, sample_rate)
    if float(np.abs(sound).max()) < SILENT:
        raise LassError(f"{recording.file} is silent as a mono recording at {sample_rate} Hz; take it out of the list.")
    return sound
