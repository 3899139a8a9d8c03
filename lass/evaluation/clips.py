"""Evaluation lists made from a folder of labelled clips, the same for the same seed."""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml

from lass.errors import LassError
from lass.evaluation.lists import Item, Sound

Captions = Mapping[str, Mapping[str, Sequence[str]]]
"""Wordings by label: `{label: {"train": [...], "held_out": [...]}}`."""

CAPTIONS_FILE = Path(__file__).parent.parent / "training" / "captions.yaml"
"""The project's own wordings; the `held_out` ones never occur in training."""

SAME_SOUND_FILE = CAPTIONS_FILE.with_name("same_sound.yaml")
"""Groups of labels of the project's collections that name the same sound."""


@dataclass(frozen=True)
class Clip:
    """A labelled recording of a collection; `fold` is None where the collection has none."""

    path: Path
    label: str
    fold: int | None


def read_clips(clips_csv: str | Path, audio_dir: str | Path) -> list[Clip]:
    """Read a collection's CSV (columns `file`, `label` and, if there are folds, `fold`), ordered by file.

    Raises:
        LassError: the file cannot be read, or a row is wrong or names a file that is not in the folder.
    """
    table, folder = Path(clips_csv), Path(audio_dir).resolve()
    try:
        with table.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            if not {"file", "label"} <= set(reader.fieldnames or ()):
                raise LassError(f"{table}, line 1: the header needs the columns file and label; add them.")
            clips = [_clip(row, folder, f"{table}, line {reader.line_num}") for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise LassError(f"The collection {table} cannot be read ({error}); give a CSV file in UTF-8.") from error
    return sorted(clips, key=lambda clip: clip.path.as_posix())


def read_captions(path: str | Path) -> Captions:
    """Read wordings by label from YAML.

    Raises:
        LassError: the file cannot be read or is not of this form.
    """
    try:
        table = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise LassError(f"The captions {path} cannot be read; give a YAML file of wordings by label.") from error
    wrong = LassError(f"The captions {path} are not of the form 'label: {{train: […], held_out: […]}}'; correct them.")
    if not isinstance(table, dict):
        raise wrong
    for wordings in table.values():
        if not isinstance(wordings, dict) or not all(isinstance(texts, list) for texts in wordings.values()):
            raise wrong
    return table


def read_same_sound(path: str | Path) -> list[list[str]]:
    """Read groups of labels that name the same sound from YAML, a list of lists.

    Raises:
        LassError: the file cannot be read or is not of this form.
    """
    try:
        groups = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise LassError(f"The groups of labels {path} cannot be read; give a YAML file of lists.") from error
    if not isinstance(groups, list) or not all(isinstance(labels, list) for labels in groups):
        raise LassError(f"The groups of labels {path} are not lists in a list; correct them.")
    return [[str(label) for label in labels] for labels in groups]


def _of_folds(clips_csv: str | Path, clips: list[Clip], folds: Collection[int] | None) -> list[Clip]:
    if folds is None:
        return clips
    missing = set(folds) - {clip.fold for clip in clips}
    if missing:
        raise LassError(f"{clips_csv} has no clips {_in_folds(missing)}; choose other folds.")
    return [clip for clip in clips if clip.fold in folds]


def _in_folds(folds: Iterable[int]) -> str:
    return f"in fold {', '.join(map(str, sorted(folds)))}"


def folder_list(
    clips_csv: str | Path,
    audio_dir: str | Path,
    *,
    folds: Collection[int] | None = None,
    count: int = 200,
    seed: int = 0,
    snr_db: float | tuple[float, float] = 0.0,
    captions: str | Path | Captions | None = CAPTIONS_FILE,
    same_sound: Iterable[Collection[str]] = (),
    interferers: int = 1,
) -> list[Item]:
    """Pair clips of different labels into mixtures: every clip is a source equally often, its noise is drawn.

    Args:
        clips_csv: `file,label,fold`; other columns are ignored.
        audio_dir: the folder that holds the files.
        folds: the folds to take clips from; None for all.
        count: number of mixtures.
        seed: same seed, same clips, same list.
        snr_db: power of the source over that of the noise, in decibels; two numbers draw one between them.
        captions: wordings by label, as a mapping or a YAML file; a label without any can be asked by label only.
        same_sound: groups of labels that name the same sound and never stand against each other.
        interferers: how many other sounds each mixture holds, all of different labels; the first of them is the same
            whatever their number.

    Returns:
        Items with the label as caption, one wording of each kind where there are some, and an absent sound.

    Raises:
        LassError: a file cannot be read, or the clips have too few different labels.
    """
    if count < 1:
        raise LassError(f"A list of {count} mixtures cannot be made; ask for at least one.")
    if interferers < 1:
        raise LassError(f"A mixture with {interferers} other sounds is none; ask for at least one.")
    clips = _of_folds(clips_csv, read_clips(clips_csv, audio_dir), folds)
    groups: dict[str, set[int]] = {}
    for number, names in enumerate(same_sound):
        for label in names:
            groups.setdefault(label, set()).add(number)

    def differ(first: str, second: str) -> bool:
        return first != second and not groups.get(first, set()) & groups.get(second, set())

    def quiet(present: Sequence[Clip]) -> list[str]:
        return [label for label in labels if all(differ(label, other.label) for other in present)]

    labels = sorted({clip.label for clip in clips})
    alone = [label for label in labels if not any(differ(label, other) for other in labels)]
    if alone or not labels:
        what = f"nothing to mix {alone[0]!r} with" if len(alone) < len(labels) else "no two different sounds to mix"
        chosen = "" if folds is None else f" {_in_folds(folds)}"
        raise LassError(f"{clips_csv} has {what}{chosen}; choose other folds or clips.")
    words = _Words(captions, seed)
    # Pairs and wordings are drawn apart, so that new captions leave the mixtures as they were.
    rng, more = np.random.default_rng([seed, 0]), np.random.default_rng([seed, 2])
    items: list[Item] = []
    used: set[tuple[Path, Path]] = set()
    while len(items) < count:
        for index in rng.permutation(len(clips))[: count - len(items)]:
            source = clips[index]
            others = [clip for clip in clips if differ(source.label, clip.label)]
            fresh = [clip for clip in others if (source.path, clip.path) not in used] or others
            noise = fresh[int(rng.integers(len(fresh)))]
            used.add((source.path, noise.path))
            present = [source, noise]
            absent = _one_of(quiet(present), rng)
            for _ in range(interferers - 1):
                rest = [clip for clip in clips if all(differ(clip.label, other.label) for other in present)]
                if not rest:
                    raise LassError(
                        f"{clips_csv} has too few different sounds for {interferers} beside {source.label!r}; choose "
                        "more folds, or fewer interferers."
                    )
                present.append(rest[int(more.integers(len(rest)))])
                absent = _one_of(quiet(present), more)
            level = snr_db if isinstance(snr_db, float | int) else rng.uniform(*snr_db)
            items.append(
                Item(
                    id=str(len(items)),
                    caption=source.label,
                    source=source.path,
                    noises=tuple(clip.path for clip in present[1:]),
                    snr_db=float(level),
                    label=source.label,
                    sound=words.sound(source.label),
                    absent=None if absent is None else words.sound(absent),
                )
            )
    return items


def _one_of(labels: Sequence[str], rng: np.random.Generator) -> str | None:
    return labels[int(rng.integers(len(labels)))] if labels else None


class _Words:
    """Draws one wording of each kind for a label."""

    def __init__(self, captions: str | Path | Captions | None, seed: int) -> None:
        if captions is None:
            captions = {}
        self._captions = captions if isinstance(captions, Mapping) else read_captions(captions)
        self._rng = np.random.default_rng([seed, 1])

    def sound(self, label: str) -> Sound:
        drawn = [self._draw(label, kind) for kind in ("train", "held_out")]
        return Sound(label, train=drawn[0], held_out=drawn[1])

    def _draw(self, label: str, kind: str) -> str | None:
        texts = self._captions.get(label, {}).get(kind) or ()
        return str(texts[int(self._rng.integers(len(texts)))]) if texts else None


def _clip(row: Mapping[str, str | None], folder: Path, place: str) -> Clip:
    name, label, fold = ((row.get(column) or "").strip() for column in ("file", "label", "fold"))
    if not name or not label:
        raise LassError(f"{place}: file and label must both be given; fill them in.")
    if fold and not fold.removeprefix("-").isdecimal():
        raise LassError(f"{place}: {fold!r} is not the number of a fold; give a whole number.")
    try:
        path = (folder / name).resolve()
        inside, exists = path.is_relative_to(folder), path.is_file()
    except (OSError, ValueError) as error:
        raise LassError(f"{place}: {name!r} cannot be the name of a file; correct it.") from error
    if not inside:
        raise LassError(f"{place}: {name!r} lies outside {folder}; a collection names files of one folder.")
    if not exists:
        raise LassError(f"{place}: the recording {name!r} is not in {folder}; put it there or correct the name.")
    return Clip(path, label, int(fold) if fold else None)
