"""From a study file to a folder that can be served: all stimuli made, equally loud, under names that say nothing.

The folder holds ``study.yaml``, ``manifest.json``, ``audio/`` and ``work/``, which keeps every piece of audio as it was
before its gain, by the fingerprint of what it was made from. So a build that was stopped goes on where it was, and a
study that was changed makes only what changed. The manifest is written last; until then the former one holds, with the
files it names.
"""

import hashlib
import re
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from lass.audio import Audio, resample, write
from lass.errors import AudioError, Cancelled, LassError
from lass.files import locked, unwritable, whole
from lass.listening.design.study import FILE as STUDY
from lass.listening.design.study import Study, read_study, slug_of, study_file
from lass.listening.stimuli.loudness import Level, common_loudness, gain_db, measure
from lass.listening.stimuli.manifest import (
    AUDIO,
    Clip,
    Manifest,
    Stimulus,
    check,
    load_manifest,
    opaque,
    save_manifest,
    sha256_of,
)
from lass.listening.stimuli.manifest import FILE as MANIFEST
from lass.listening.stimuli.plan import Model, Part, plan
from lass.listening.stimuli.wav import wav
from lass.version import __version__

WORK = "work"
SLACK = 0.05
"""Seconds by which a given file may be longer or shorter than its mixture; it is cut, or filled with silence."""

_OURS = re.compile(r"[0-9a-f]{32,64}\.wav|.*\.partial")
"""Names of audio that a build writes, whole and unfinished."""

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Built:
    """A built study: ``made`` pieces of audio are new, ``warnings`` are sentences for the organiser."""

    folder: Path
    study: Study
    manifest: Manifest
    made: int
    warnings: tuple[str, ...] = ()


def build_study(
    source: Path | str,
    folder: Path | str,
    *,
    device: str = "cpu",
    cache_dir: Path | None = None,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Built:
    """Make everything a study needs, and keep what is there already.

    Args:
        source: the study's file, or the folder of its ``study.yaml``.
        folder: where to build; its name is the study's name in addresses. It may be the source's own folder.
        device: a torch device for the models.
        cache_dir: where downloaded checkpoints are.
        progress: called with the pieces of audio done, all of them, and what is being made.
        cancelled: asked between windows.

    Raises:
        StudyError: the file has problems.
        LassError: audio or a checkpoint is missing, or the folder cannot be written to or is being built already.
        Cancelled: ``cancelled`` said so; the next build goes on from there.
    """
    study, document = read_study(source)
    folder, home = Path(folder), study_file(source).resolve().parent
    study = study.named(slug_of(folder.resolve() / STUDY), study.sha256)
    parts = plan(study, home, cache_dir)
    with locked(folder, f"{folder} is being built already; wait until that is done."):
        _refuse_strangers(folder)
        made = _make(parts, folder / WORK, _Job(device, cache_dir, progress, cancelled))
        levels = {part.fingerprint: measure(*_raw(folder, part)) for part in parts}
        manifest = _manifest(study, parts, levels, folder)
        if not _same(folder / STUDY, document.content):
            with whole(folder / STUDY) as file:
                file.write(document.content)
        if _without_date(_former(folder)) == _without_date(manifest):
            manifest = load_manifest(folder)
        else:
            save_manifest(folder, manifest)
        _prune(folder, manifest, parts)
    return Built(folder, study, manifest, made, tuple(_warnings(parts, levels, manifest.loudness)))


def ensure_built(source: Path | str, folder: Path | str, **options: Any) -> Path:
    """Build a study unless it is there, whole and of this version of its file; returns the folder.

    Models are not looked at: a new version of one must not change the sounds of a study that people are taking. Use
    :func:`build_study` for that. The options and errors are those of it.
    """
    folder = Path(folder)
    if (folder / MANIFEST).is_file():
        study, _ = read_study(source)
        former = _former(folder)
        up_to_date = former is not None and former.study_sha256 == study.sha256
        if up_to_date and (folder / STUDY).is_file() and not check(folder):
            return folder
    return build_study(source, folder, **options).folder


@dataclass(frozen=True)
class _Job:
    """How audio is made, and who is told."""

    device: str
    cache_dir: Path | None
    progress: Progress | None
    cancelled: Callable[[], bool] | None

    def tell(self, done: int, total: int, what: str) -> None:
        if self.progress is not None:
            self.progress(done, total, what)
        if self.cancelled is not None and self.cancelled():
            raise Cancelled("The build was stopped; start it again, and it goes on where it was.")


def _make(parts: list[Part], work: Path, job: _Job) -> int:
    """Make what is not there, every model once; returns how many pieces that were."""
    missing = {part.fingerprint: part for part in parts if not _whole(work / f"{part.fingerprint}.wav")}
    try:
        work.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unwritable(work, error) from error
    # Files first: a wrong one is found before the long work.
    todo = sorted(missing.values(), key=lambda part: "" if part.model is None else part.model.sha256)
    loaded: tuple[Model, Any] | None = None
    for done, part in enumerate(todo):
        job.tell(done, len(todo), f"{part.item.id} {part.condition}".strip())
        mixture = part.mixture.audio()
        if part.model is None:
            audio = _fitted(part, mixture)
        else:
            if loaded is None or loaded[0] != part.model:
                loaded = None  # makes room for the next one
                loaded = (part.model, _load(part.model, job))
            audio = _separate(loaded[1], mixture, part.query, job)
        write(work / f"{part.fingerprint}.wav", audio.waveform, audio.sample_rate)
    if todo:
        job.tell(len(todo), len(todo), "")
    return len(todo)


def _load(model: Model, job: _Job) -> Any:
    from lass import load_separator

    return load_separator(model.load, device=job.device, sample_rate=model.sample_rate, cache_dir=job.cache_dir)


def _separate(separator: Any, mixture: Audio, query: str, job: _Job) -> Audio:
    result = separator.separate(mixture.waveform, mixture.sample_rate, query, cancelled=job.cancelled)
    return Audio(result.target, mixture.sample_rate)


def _fitted(part: Part, mixture: Audio) -> Audio:
    """A given file at the rate and the length of its mixture.

    Raises:
        AudioError: the file belongs to another mixture, by its length.
    """
    assert part.source is not None
    if part.source == part.mixture:
        return mixture
    audio = part.source.audio()
    if abs(audio.seconds - mixture.seconds) > SLACK:
        raise AudioError(
            f"{part.source.path} is {audio.seconds:.2f} s long and its mixture {part.mixture.path} "
            f"{mixture.seconds:.2f} s; give files of equal length for the item {part.item.id}."
        )
    samples = resample(audio.waveform, audio.sample_rate, mixture.sample_rate)
    length = mixture.waveform.shape[1]
    fitted = np.zeros((2, length), np.float32)
    fitted[:, : samples.shape[1]] = samples[:, :length]
    return Audio(fitted, mixture.sample_rate)


def _raw(folder: Path, part: Part) -> tuple[np.ndarray, int]:
    """A piece of audio before its gain, ``(2, samples)``, and its rate."""
    import soundfile

    samples, rate = soundfile.read(folder / WORK / f"{part.fingerprint}.wav", dtype="float32", always_2d=True)
    return samples.T, rate


def _whole(file: Path) -> bool:
    """Whether a kept piece of audio is there to its last byte: a power cut may leave less."""
    try:
        with file.open("rb") as sound:
            start = sound.read(8)
        # A RIFF file says how many bytes follow its first eight.
        return start[:4] == b"RIFF" and file.stat().st_size == 8 + int.from_bytes(start[4:], "little")
    except OSError:
        return False


def _manifest(study: Study, parts: list[Part], levels: dict[str, Level], folder: Path) -> Manifest:
    """Write all audio that is not there as it should be; returns the manifest of everything."""
    former = _former(folder)
    secret = secrets.token_hex(32) if former is None else former.secret
    kept: dict[str, Clip | Stimulus] = {}
    if former is not None:
        kept = {**former.mixtures, **{stimulus.id: stimulus for stimulus in former.stimuli}}
    loudness = common_loudness(study.loudness, list(levels.values()))
    mixtures: dict[str, Clip] = {}
    stimuli: list[Stimulus] = []
    for part in parts:
        id = opaque(secret, part.role or "mixture", part.item.id, part.condition)
        gain = round(gain_db(levels[part.fingerprint], loudness), 6)
        facts = _kept(kept.get(id), part, gain, folder) or _write(folder, secret, id, part, gain)
        if part.role is None:
            mixtures[id] = Clip(item=part.item.id, **facts)
            continue
        model = part.model
        stimuli.append(
            Stimulus(
                id=id,
                item=part.item.id,
                condition=part.condition,
                role=part.role,
                mixture=opaque(secret, "mixture", part.item.id),
                query=part.item.query,
                model=None if model is None else model.name,
                checkpoint_sha256=None if model is None else model.sha256,
                **facts,
            )
        )
    return Manifest(
        study_sha256=study.sha256,
        built=datetime.now(UTC).isoformat(timespec="seconds"),
        version=__version__,
        secret=secret,
        loudness=round(loudness, 6),
        stimuli=tuple(stimuli),
        mixtures=mixtures,
    )


def _kept(former: Clip | Stimulus | None, part: Part, gain: float, folder: Path) -> dict[str, Any] | None:
    """What the former manifest says of a piece of audio, if its file is still right."""
    if former is None or former.source != part.fingerprint or former.gain_db != gain:
        return None
    try:
        if sha256_of(folder / former.file) != former.sha256:
            return None
    except OSError:
        return None
    return former.model_dump(include={"file", "sha256", "seconds", "gain_db", "lufs", "source"})


def _write(folder: Path, secret: str, id: str, part: Part, gain: float) -> dict[str, Any]:
    """Write a piece of audio as it will be served; returns what the manifest says of it."""
    samples, rate = _raw(folder, part)
    levelled = samples * np.float64(10 ** (gain / 20))
    # What clips here was beyond full scale in the recording and could not be lowered: silence has no gain.
    whole_numbers = np.clip(np.round(levelled * 32768), -32768, 32767).astype(np.int16)
    # A new content gets a new name: until the manifest is replaced, the former file serves.
    name = f"{AUDIO}/{opaque(secret, 'file', id, f'{part.fingerprint} {gain}')}.wav"
    content = wav(whole_numbers, rate, bytes.fromhex(opaque(secret, "mark", id)))
    with whole(folder / name) as file:
        file.write(content)
    return {
        "file": name,
        "sha256": hashlib.sha256(content).hexdigest(),
        "seconds": round(samples.shape[1] / rate, 6),
        "gain_db": gain,
        "lufs": round(measure(whole_numbers / 32768, rate).lufs, 4),
        "source": part.fingerprint,
    }


def _warnings(parts: list[Part], levels: dict[str, Level], loudness: float) -> Iterator[str]:
    for part in parts:
        level = levels[part.fingerprint]
        name = f"{part.item.id}, {part.condition or 'the mixture'}"
        if level.silent:
            yield f"{name} is silent; raters will hear nothing."
        elif level.loudest < loudness - 0.05:
            yield f"{name} is {loudness - level.loudest:.1f} LU softer than the others: its peaks allow no more."


def _former(folder: Path) -> Manifest | None:
    """The manifest of an earlier build; None where there is none that can be used."""
    try:
        return load_manifest(folder)
    except LassError:
        return None


def _without_date(manifest: Manifest | None) -> Manifest | None:
    return None if manifest is None else manifest.model_copy(update={"built": ""})


def _same(file: Path, content: bytes) -> bool:
    try:
        return file.read_bytes() == content
    except OSError:
        return False


def _prune(folder: Path, manifest: Manifest, parts: list[Part]) -> None:
    """Remove the audio that nothing refers to any more, and only that."""
    needed = {Path(name).name for name in manifest.files} | {f"{part.fingerprint}.wav" for part in parts}
    left = [file for place in (AUDIO, WORK) for file in (folder / place).glob("*") if _OURS.fullmatch(file.name)]
    left += [file for name in (STUDY, MANIFEST) for file in folder.glob(f"{name}.*.partial")]
    for file in left:
        if file.name not in needed:
            file.unlink(missing_ok=True)


def _refuse_strangers(folder: Path) -> None:
    """A folder with other things in it was given by mistake."""
    names = {path.name for path in folder.iterdir() if not path.name.startswith(".")}
    if names and not names & {STUDY, MANIFEST, WORK}:
        raise LassError(f"{folder} holds other files; give a folder of its own for the built study.")


__all__ = ["Built", "build_study", "ensure_built"]
