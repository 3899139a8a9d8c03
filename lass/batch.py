"""Recordings on disk, separated one after the other."""

import os
import re
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lass import audio, results
from lass.ensemble import Ensemble
from lass.errors import AudioError
from lass.separation import Separator
from lass.stems import separate_stems

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
    separator: Separator,
    job: Job,
    folder: Path,
    *,
    remove: bool = False,
    max_seconds: float | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Separate one file and write target, residual, picture and report into ``folder``; returns the report.

    With ``remove`` target and residual change places: the target is what is left without the described sound.

    Raises:
        LassError: the recording cannot be read, the query cannot be used, or the folder not be written to.
    """
    name = job.recording.name
    mixture = audio.read(job.recording, max_seconds=max_seconds)
    begun = time.perf_counter()
    separation = separator.separate(mixture.waveform, mixture.sample_rate, job.query, progress=progress)
    taken = time.perf_counter() - begun
    if remove:
        separation = replace(separation, target=separation.residual, residual=separation.target)
    facts = results.report(mixture, name, separation, seconds_taken=taken, removed=remove)
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
    max_seconds: float | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Write one file into ``folder`` for each query and one of the rest, which add up; returns the report.

    File names begin with ``beginning``, see :func:`lass.results.write_stems`.

    Raises:
        LassError: the recording cannot be read, a query cannot be used, or the folder not be written to.
    """
    mixture = audio.read(recording, max_seconds=max_seconds)
    begun = time.perf_counter()
    found = separate_stems(separator, mixture.waveform, mixture.sample_rate, queries, progress=progress)
    facts = results.stems_report(mixture, recording.name, found, seconds_taken=time.perf_counter() - begun)
    files = results.write_stems(folder, recording.name, mixture, found, facts, beginning=beginning)
    return facts | {
        "files": {
            "stems": [str(file) for file in files.stems],
            "rest": str(files.rest),
            "picture": str(files.picture),
            "report": str(files.report),
        }
    }


def _is_recording(file: Path) -> bool:
    if file.suffix.lower() not in ENDINGS or file.name.startswith(".") or not file.is_file():
        return False
    beginnings = [file.stem.removesuffix(end) for end in _RESULTS if file.stem.endswith(end)]
    beginnings += [file.stem[: found.start()] for found in _STEM.finditer(file.stem)]
    return not any(file.with_name(f"{beginning}-report.json").exists() for beginning in beginnings)
