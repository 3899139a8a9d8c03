"""Recordings on disk, separated one after the other."""

import os
import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lass import audio, results, stems
from lass.ensemble import Ensemble
from lass.errors import AudioError, LassError
from lass.region import WHOLE, Region, Within, stream
from lass.separation import Separator, finish
from lass.waveforms import Scratch

# Which files of a folder are taken for recordings; a single file is read whatever its name.
ENDINGS = frozenset({
    ".aac", ".aif", ".aifc", ".aiff", ".au", ".caf", ".flac", ".m4a", ".mka", ".mkv",
    ".mov", ".mp3", ".mp4", ".oga", ".ogg", ".opus", ".w64", ".wav", ".webm", ".wma",
})  # fmt: skip
# How the recordings among the results of an earlier run end.
_RESULTS = ("-target", "-residual", "-rest")
# How a stem among them begins and ends; its number stands between.
_STEM = re.compile(r"(?=-\d+-.*-stem$)")


@dataclass(frozen=True)
class Job:
    """One recording and one query; the names of their results start with ``beginning``."""

    recording: Path
    query: str
    beginning: str


def find_recordings(path: Path) -> list[Path]:
    """The recording at ``path``, or those anywhere below a folder, sorted by path.

    Hidden files and what an earlier run wrote there are left out.

    Raises:
        AudioError: a folder without recordings.
    """
    # Not path.is_dir(), which raises for a name that is too long to be one.
    if not os.path.isdir(path):
        return [path]
    found = sorted(file for file in path.rglob("*") if _is_recording(file))
    if not found:
        raise AudioError(f"{audio.shown(path)} holds no recordings; give a folder with wav, flac, mp3 or the like.")
    return found


def plan(recordings: Sequence[Path], queries: Iterable[str], model: str, *, remove: bool = False) -> list[Job]:
    """Every recording with every query, once; no two jobs write to the same files, however alike their names are."""
    queries = list(dict.fromkeys(queries))
    taken: set[str] = set()
    jobs = []
    for recording in recordings:
        for query in queries:
            plain = beginning = results.stem(recording.name, query, model, removed=remove)
            number = 1
            while beginning in taken:
                number += 1
                beginning = f"{plain}-{number}"
            taken.add(beginning)
            jobs.append(Job(recording, query, beginning))
    return jobs


def separate_file(
    separator: Separator | Ensemble,
    job: Job,
    folder: Path,
    *,
    remove: bool = False,
    part: Region = WHOLE,
    max_seconds: float | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Separate one file and write target, residual, picture and report into ``folder``; returns the report.

    With ``remove`` target and residual change places: the target is what is left without the described sound. Of a
    ``part`` of the recording only that changes, see :func:`lass.region.stream`. The recording goes from disk to disk:
    memory does not grow with its length.

    Raises:
        LassError: the recording cannot be read, the query cannot be used, or the folder not be written to.
    """
    name = job.recording.name
    with _room(folder) as scratch:
        mixture = audio.spool(job.recording, scratch, max_seconds=max_seconds)
        begun = time.perf_counter()
        if part.whole:
            steps = separator.stream(mixture.waveform, mixture.sample_rate, job.query, scratch)
        else:
            steps = stream(separator, mixture.waveform, mixture.sample_rate, job.query, scratch, part, remove=remove)
        separation = finish(steps, progress)
        taken = time.perf_counter() - begun
        if remove:
            separation = replace(separation, target=separation.residual, residual=separation.target)
        facts = results.report(mixture, name, separation, seconds_taken=taken, removed=remove)
        facts |= part.report(mixture.seconds)
        files = results.write(folder, name, mixture, separation, facts, beginning=job.beginning)
    return facts | {
        "files": {
            "target": str(files.target),
            "residual": str(files.residual),
            "picture": str(files.picture),
            "report": str(files.report),
        }
    }


def separate_stems_file(
    separator: Separator | Ensemble,
    recording: Path,
    queries: Sequence[str],
    folder: Path,
    *,
    beginning: str | None = None,
    part: Region = WHOLE,
    max_seconds: float | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Write one file into ``folder`` for each query and one of the rest, which add up; returns the report.

    File names begin with ``beginning``, see :func:`lass.results.write_stems`. Outside the ``part`` stems are silent.
    Memory does not grow with the recording's length.

    Raises:
        LassError: the recording cannot be read, a query cannot be used, or the folder not be written to.
    """
    with _room(folder) as scratch:
        mixture = audio.spool(recording, scratch, max_seconds=max_seconds)
        begun = time.perf_counter()
        within = separator if part.whole else Within(separator, part)
        found = finish(stems.stream(within, mixture.waveform, mixture.sample_rate, queries, scratch), progress)
        facts = results.stems_report(mixture, recording.name, found, seconds_taken=time.perf_counter() - begun)
        facts |= part.report(mixture.seconds)
        files = results.write_stems(folder, recording.name, mixture, found, facts, beginning=beginning)
    return facts | {
        "files": {
            "stems": [str(file) for file in files.stems],
            "rest": str(files.rest),
            "picture": str(files.picture),
            "report": str(files.report),
        }
    }


@contextmanager
def _room(folder: Path) -> Iterator[Scratch]:
    """Room for what does not fit into memory, where the results go: other folders may be in memory themselves."""
    try:
        with Scratch(folder) as scratch:
            yield scratch
    except OSError as error:
        reason = error.strerror or "no reason given"
        raise LassError(
            f"The folder {folder} does not hold what a separation needs ({reason}); make room or choose another folder."
        ) from error


def _is_recording(file: Path) -> bool:
    if file.suffix.lower() not in ENDINGS or file.name.startswith(".") or not file.is_file():
        return False
    beginnings = [file.stem.removesuffix(end) for end in _RESULTS if file.stem.endswith(end)]
    beginnings += [file.stem[: found.start()] for found in _STEM.finditer(file.stem)]
    return not any(file.with_name(f"{beginning}-report.json").exists() for beginning in beginnings)
