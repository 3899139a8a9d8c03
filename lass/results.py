"""What a separation leaves on disk: two recordings, a picture, and a report of how they were made.

Several descriptions of one recording leave a recording each, and one of what is left.
"""

import json
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from lass import audio
from lass.errors import LassError
from lass.plots import panels, save, spectrograms
from lass.queries.known import Understanding
from lass.separation import Separated
from lass.stems import StemsOf
from lass.version import __version__
from lass.waveforms import Waveform, mean_square, spans

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


@dataclass(frozen=True)
class StemFiles:
    """What :func:`write_stems` wrote; ``picture`` is None where none was wanted."""

    stems: tuple[Path, ...]
    rest: Path
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
    recording: audio.Recording[Waveform], name: str, separation: Separated[Waveform], *, seconds_taken: float,
    removed: bool = False,
) -> dict[str, Any]:  # fmt: skip
    """How a separation was made, as plain JSON types. ``name`` is the recording's file name.

    ``removed`` says that the target is what is left when the described sound is taken away.
    """
    return {
        **_about(recording, name),
        "query": separation.query,
        "removed": removed,
        "understood": _understood(separation.understanding),
        "model": separation.model,
        "seconds_taken": round(seconds_taken, 3),
        "levels_dbfs": {
            "recording": _level(recording.waveform),
            "target": _level(separation.target),
            "residual": _level(separation.residual),
        },
        "largest_difference_of_the_sum": _difference(recording.waveform, [separation.target, separation.residual]),
    }


def stems_report(
    recording: audio.Recording[Waveform], name: str, stems: StemsOf[Waveform], *, seconds_taken: float
) -> dict[str, Any]:
    """How stems were made, as plain JSON types. ``name`` is the recording's file name."""
    parts = [*(part.waveform for part in stems.stems), stems.rest]
    return {
        **_about(recording, name),
        "queries": [part.query for part in stems.stems],
        "stems": [
            {
                "query": part.query,
                "understood": _understood(part.understanding),
                "level_dbfs": _level(part.waveform),
            }
            for part in stems.stems
        ],
        "model": stems.model,
        "seconds_taken": round(seconds_taken, 3),
        "levels_dbfs": {"recording": _level(recording.waveform), "rest": _level(stems.rest)},
        "share_of_the_energy_that_was_claimed_twice": round(stems.shared, 6),
        "largest_difference_of_the_sum": _difference(recording.waveform, parts),
    }


def _about(recording: audio.Recording[Waveform], name: str) -> dict[str, Any]:
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
    }


def _understood(understanding: Understanding | None) -> dict[str, Any] | None:
    if understanding is None:
        return None
    return {
        "nearest": understanding.label,
        "similarity": round(understanding.similarity, 3),
        "familiar": understanding.familiar,
    }


def write(
    folder: Path,
    name: str,
    recording: audio.Recording[Waveform],
    separation: Separated[Waveform],
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
    beginning = beginning or stem(name, separation.query, separation.model, removed=facts["removed"])
    rate, query = separation.sample_rate, separation.query
    target, residual = folder / f"{beginning}-target.wav", folder / f"{beginning}-residual.wav"

    def drawn() -> Figure:
        if not (facts["removed"] or "part" in facts):
            return spectrograms(recording.waveform, separation.target, separation.residual, rate, query=query)
        # The first of the two is a changed recording, and the other what the change took away.
        changed = "Without" if facts["removed"] else "Part with only"
        taken = query if facts["removed"] else ""
        titled = (("Mixture", "", recording.waveform), (changed, query, separation.target))
        return panels([*titled, ("Removed", taken, separation.residual)], rate)

    named = {"target": target.name, "residual": residual.name}
    waveforms = {target: separation.target, residual: separation.residual}
    others = _write(folder, beginning, waveforms, rate, drawn if picture else None, facts, named)
    return Files(target, residual, *others)


def write_stems(
    folder: Path,
    name: str,
    recording: audio.Recording[Waveform],
    stems: StemsOf[Waveform],
    facts: dict[str, Any],
    *,
    picture: bool = True,
    beginning: str | None = None,
) -> StemFiles:
    """Write a recording for each stem, one of the rest, a picture and the report ``facts`` into ``folder``.

    File names begin with ``beginning``, which is ``<recording>-stems-<model>`` unless said otherwise; the stems are
    numbered in the order of their queries.

    Raises:
        LassError: the folder cannot be written to.
    """
    beginning = beginning or stem(name, "stems", stems.model)
    rate = stems.sample_rate
    files = tuple(
        folder / f"{beginning}-{number}-{_slug(part.query, 'query')}-stem.wav"
        for number, part in enumerate(stems.stems, start=1)
    )
    rest = folder / f"{beginning}-rest.wav"

    def drawn() -> Figure:
        titled = [("Stem", part.query, part.waveform) for part in stems.stems]
        return panels([("Mixture", "", recording.waveform), *titled, ("Rest", "", stems.rest)], rate)

    named = {"stems": [file.name for file in files], "rest": rest.name}
    waveforms = dict(zip([*files, rest], [*(part.waveform for part in stems.stems), stems.rest], strict=True))
    others = _write(folder, beginning, waveforms, rate, drawn if picture else None, facts, named)
    return StemFiles(files, rest, *others)


def _write(
    folder: Path, beginning: str, waveforms: Mapping[Path, Waveform], rate: int, drawn: Callable[[], Figure] | None,
    facts: dict[str, Any], named: dict[str, Any],
) -> tuple[Path | None, Path]:  # fmt: skip
    """Write waveforms, picture and report; gives the paths of the last two."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file, waveform in waveforms.items():
            audio.write(file, waveform, rate)
        picture = None if drawn is None else save(drawn(), folder / f"{beginning}-spectrograms.png")
        names = named | {"picture": picture.name if picture else None}
        report = _write_report(folder / f"{beginning}-report.json", facts | {"files": names})
    except OSError as error:
        reason = error.strerror or "no reason given"
        raise LassError(f"The results cannot be written to {folder} ({reason}); choose another folder.") from error
    return picture, report


def _write_report(file: Path, facts: dict[str, Any]) -> Path:
    text = json.dumps(facts, indent=2, ensure_ascii=False) + "\n"
    # A file name that is no UTF-8 holds what cannot be written; replaced like this it is JSON's own escape.
    file.write_text(text, encoding="utf-8", errors="backslashreplace")
    return file


def _slug(text: str, fallback: str) -> str:
    """Letters and digits of any script, joined by single hyphens, at most ``_MOST_BYTES`` long; never empty."""
    plain = unicodedata.normalize("NFKC", text).lower()
    joined = re.sub(r"[^\w]+|_+", "-", plain).strip("-")
    return joined.encode()[:_MOST_BYTES].decode(errors="ignore").strip("-") or fallback


def _level(waveform: Waveform) -> float:
    """Root mean square in decibels of full scale."""
    return round(10 * np.log10(max(mean_square(waveform), _QUIETEST**2)), 2)


def _difference(recording: Waveform, parts: Sequence[Waveform]) -> float:
    """The largest difference between a recording and the sum of its parts."""
    return max(
        float(np.abs(sum(part[..., first:last] for part in parts) - recording[..., first:last]).max())
        for first, last in spans(recording)
    )
