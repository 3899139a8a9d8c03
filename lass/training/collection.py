"""Collections of recordings: a folder, and a list of what lies in it.

The list is ``clips.csv`` or ``clips.json`` in the folder, or any file that ends so:

- a CSV file with a header, or JSON: a list of objects, or that list under ``data``;
- ``file`` (also ``file_name``, ``fname``, ``wav``): the recording, in ``clips/`` beside the list or just beside it;
  ``.wav`` or ``.flac`` may be left out, as in FSD50K's lists;
- ``label``: its sound in a word or two, as the list of captions names it;
- ``caption``, ``captions``, ``caption_1`` …: descriptions of this very recording. A file may also have a row for
  each. They serve as queries in place of the label's wordings. One of label and caption must be given;
- ``fold``: a whole number, where a recipe chooses folds;
- ``licence``, ``author``, ``source_title``, ``source_url``: for the credits.
"""

import csv
import io
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lass.errors import LassError
from lass.training.recipe import SourceSet

LISTS = ("clips.csv", "clips.json")
_FILE = ("file", "file_name", "filename", "fname", "wav")
_LEFT_OUT = (".wav", ".flac")


@dataclass(frozen=True)
class Recording:
    """One recording of a collection.

    Attributes:
        file: its name in the list.
        path: where it is.
        label: its sound; empty where the list gives captions only.
        wordings: its own captions; empty where its label's wordings serve.
        facts: the other columns of its row.
    """

    file: str
    path: Path
    label: str
    wordings: tuple[str, ...] = ()
    facts: Mapping[str, str] = field(default_factory=dict)


def list_of(source: SourceSet, root: Path) -> Path:
    """The list of a source set's recordings: the one that it names, or that in the folder that it names."""
    place = root / source.folder
    if place.suffix.lower() in (".csv", ".json"):
        return place
    return next((place / name for name in LISTS if (place / name).is_file()), place / LISTS[0])


def read_collection(source: SourceSet, root: Path) -> list[Recording]:
    """The recordings of a source set's folds, in the order of the list.

    Raises:
        LassError: the list cannot be read, a row is wrong, or a recording is not there.
    """
    table = list_of(source, root)
    folder = table.parent / "clips" if (table.parent / "clips").is_dir() else table.parent
    # Rows of the same file under the same label are one recording with several captions.
    found: dict[tuple[str, str], Recording] = {}
    for number, row in enumerate(_rows(table), start=1):
        where = f"{table}, row {number}"
        if source.folds and _fold(row, where) not in source.folds:
            continue
        recording = _recording(row, folder, where)
        known = found.get((recording.file, recording.label), recording)
        wordings = tuple(dict.fromkeys(known.wordings + recording.wordings))
        found[recording.file, recording.label] = Recording(
            known.file, known.path, known.label, wordings, known.facts or recording.facts
        )
    if not found:
        raise LassError(f"{table} lists no recordings{_chosen(source)}; choose others, or add some.")
    missing = [recording.file for recording in found.values() if not recording.path.is_file()]
    if missing:
        count = "a recording that is" if len(missing) == 1 else f"{len(missing)} recordings that are"
        raise LassError(f"{table} names {count} not in {folder}: {missing[0]}; put it there, or correct the list.")
    return list(found.values())


def _rows(table: Path) -> list[dict[str, Any]]:
    try:
        text = table.read_text("utf-8-sig")
        rows = _json_rows(text) if table.suffix.lower() == ".json" else list(csv.DictReader(io.StringIO(text, "")))
    except OSError as error:
        raise LassError(f"{table} cannot be read ({error.strerror}); say where the recordings are.") from error
    except (ValueError, csv.Error) as error:
        raise LassError(f"{table} is not a list of recordings ({error}); give CSV or JSON in UTF-8.") from error
    if not all(isinstance(row, dict) for row in rows):
        raise LassError(f"{table} is not a list of recordings; each must be an object with file, and label or caption.")
    return [{str(name).strip().lower(): value for name, value in row.items() if name is not None} for row in rows]


def _json_rows(text: str) -> list[Any]:
    document = json.loads(text)
    rows = document.get("data") if isinstance(document, dict) else document
    if not isinstance(rows, list):
        raise ValueError("neither a list nor an object that holds one under data")
    return rows


def _recording(row: Mapping[str, Any], folder: Path, where: str) -> Recording:
    file = next((_text(row[name]) for name in _FILE if _text(row.get(name))), "")
    label, wordings = _text(row.get("label")), _wordings(row)
    if not file:
        raise LassError(f"{where}: the name of the recording is missing; give it in a column file.")
    if not label and not wordings:
        raise LassError(f"{where}: {file} has neither a label nor a caption; give it one of them.")
    facts = {name: _text(value) for name, value in row.items() if name not in _FILE and not _is_caption(name)}
    return Recording(file, _place(folder / file), label, wordings, facts)


def _place(path: Path) -> Path:
    if path.is_file():
        return path
    return next((longer for longer in (path.with_name(path.name + end) for end in _LEFT_OUT) if longer.is_file()), path)


def _wordings(row: Mapping[str, Any]) -> tuple[str, ...]:
    values: list[Any] = []
    for name, value in row.items():
        if _is_caption(name):
            values += value if isinstance(value, list) else [value]
    return tuple(dict.fromkeys(text for text in map(_text, values) if text))


def _is_caption(name: str) -> bool:
    return re.fullmatch(r"captions?(_\d+)?", name) is not None


def _text(value: Any) -> str:
    return "" if value is None else " ".join(str(value).split())


def _fold(row: Mapping[str, Any], where: str) -> int:
    text = _text(row.get("fold"))
    if not text.isdecimal():
        raise LassError(f"{where}: the recipe chooses folds, and {text!r} is no number of one; give it in column fold.")
    return int(text)


def _chosen(source: SourceSet) -> str:
    return f" in fold {', '.join(map(str, source.folds))}" if source.folds else ""
