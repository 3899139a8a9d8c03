"""What a separation leaves on disk: two recordings, a picture, and a report of how they were made."""

import json
import re
import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from lass import audio
from lass.errors import LassError
from lass.plots import save, spectrograms
from lass.separation import Separation
from lass.version import __version__

# Each part of a name is cut to this many bytes of UTF-8, so that three parts fit every file system.
_MOST_BYTES = 60
# A level below this is reported as -200 dB rather than as minus infinity.
_QUIETEST = 1e-10


@dataclass(frozen=True)
class Files:
    """What :func:`write` wrote; ``picture`` is None where none was wanted."""

    target: Path
    residual: Path
    picture: Path | None
    report: Path


def stem(recording: str | Path, query: str, model: str, *, removed: bool = False) -> str:
    """The common beginning of the names of one result: ``<recording>-<query>-<model>``.

    Where the sound was ``removed`` it is ``<recording>-without-<query>-<model>``.
    """
    parts = [_slug(Path(recording).stem, "recording"), _slug(query, "query"), _slug(model, "model")]
    if removed:
        parts.insert(1, "without")
    return "-".join(parts)


def report(
    recording: audio.Audio, name: str, separation: Separation, *, seconds_taken: float, removed: bool = False
) -> dict[str, Any]:
    """How a separation was made, as plain JSON types. ``name`` is the recording's file name.

    ``removed`` says that the target is what is left when the described sound is taken away.
    """
    understood = separation.understanding
    difference = np.abs(separation.target + separation.residual - recording.waveform).max()
    return {
        "application": "lass",
        "version": __version__,
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "recording": {
            "name": audio.shown(name),
            "seconds": round(recording.seconds, 3),
            "sample_rate_hz": recording.sample_rate,
            "channels": recording.channels,
        },
        "query": separation.query,
        "removed": removed,
        "understood": None
        if understood is None
        else {
            "nearest": understood.label,
            "similarity": round(understood.similarity, 3),
            "familiar": understood.familiar,
        },
        "model": separation.model,
        "seconds_taken": round(seconds_taken, 3),
        "levels_dbfs": {
            "recording": _level(recording.waveform),
            "target": _level(separation.target),
            "residual": _level(separation.residual),
        },
        "largest_difference_of_the_sum": float(difference),
    }


def write(
    folder: Path,
    name: str,
    recording: audio.Audio,
    separation: Separation,
    facts: dict[str, Any],
    *,
    picture: bool = True,
    beginning: str | None = None,
) -> Files:
    """Write target, residual, picture and report into ``folder``; ``facts`` is the report, ``name`` the recording's.

    File names begin with ``beginning``, which is what :func:`stem` gives unless said otherwise.

    Raises:
        LassError: the folder cannot be written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        beginning = beginning or stem(name, separation.query, separation.model, removed=facts["removed"])
        target = audio.write(folder / f"{beginning}-target.wav", separation.target, separation.sample_rate)
        residual = audio.write(folder / f"{beginning}-residual.wav", separation.residual, separation.sample_rate)
        drawn = folder / f"{beginning}-spectrograms.png" if picture else None
        if drawn is not None:
            rate, query = separation.sample_rate, separation.query
            save(spectrograms(recording.waveform, separation.target, separation.residual, rate, query=query), drawn)
        names = {"target": target.name, "residual": residual.name, "picture": drawn.name if drawn else None}
        file = folder / f"{beginning}-report.json"
        text = json.dumps(facts | {"files": names}, indent=2, ensure_ascii=False) + "\n"
        # A file name that is no UTF-8 holds what cannot be written; replaced like this it is JSON's own escape.
        file.write_text(text, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        reason = error.strerror or "no reason given"
        raise LassError(f"The results cannot be written to {folder} ({reason}); choose another folder.") from error
    return Files(target, residual, drawn, file)


def _slug(text: str, fallback: str) -> str:
    """Letters and digits of any script, joined by single hyphens, at most ``_MOST_BYTES`` long; never empty."""
    plain = unicodedata.normalize("NFKC", text).lower()
    joined = re.sub(r"[^\w]+|_+", "-", plain).strip("-")
    return joined.encode()[:_MOST_BYTES].decode(errors="ignore").strip("-") or fallback


def _level(waveform: np.ndarray) -> float:
    """Root mean square in decibels of full scale."""
    mean_square = float(np.mean(np.square(waveform, dtype=np.float64)))
    return round(10 * np.log10(max(mean_square, _QUIETEST**2)), 2)
