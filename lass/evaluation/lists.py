"""Evaluation lists: CSV files that name a source, what is mixed with it and the caption to ask with.

`read_list` tells the layout by the header:

========  ======================================================  ================================================
layout    header                                                  meaning
========  ======================================================  ================================================
DCASE     source,noise,snr,caption                                DCASE 2024 Task 9: files {source}.wav, SNR in dB
AudioSep  idx,caption,src_wav,noise_wav                           ESC-50, AudioCaps; 0 dB
Clotho    idx,caption,src_wav,noise_wav1,noise_wav1               two noises (one column name, twice); 0 dB
VGGSound  file_id,mix_wav,s0_wav,s0_text,s1_wav,s1_text           mixtures ready made; the first source is asked for
own       id,caption,source,noise,snr,mixture,label,…             what `write_list` writes
========  ======================================================  ================================================

The published AudioSep archives hold `mixture-{idx}.wav` and `segment-{idx}.wav` (the source in it) instead of the
recordings that their lists name: where both are in the folder, they are taken as they are.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from lass.errors import LassError

Wording = Literal["label", "train", "held_out"]
"""Words to ask in: the list's own caption, one met in training, or one never met in training."""

WORDINGS: tuple[Wording, ...] = get_args(Wording)
_SUFFIXES = (".wav", ".flac", ".ogg", ".mp3")
_MOST_DB = 100.0


@dataclass(frozen=True)
class Sound:
    """A sound and sentences for it: the label, and wordings met and not met in training, where known."""

    label: str
    train: str | None = None
    held_out: str | None = None

    def query(self, wording: Wording) -> str:
        """The sentence to ask with.

        Raises:
            LassError: there is none of this kind.
        """
        text = {"label": self.label, "train": self.train, "held_out": self.held_out}[wording]
        if text is None:
            raise LassError(f"There is no {wording} wording for {self.label!r}; ask by label, or add one.")
        return text


@dataclass(frozen=True)
class Item:
    """One row: a mixture to separate, or the recordings to make it from.

    Attributes:
        id: the row's name, as its list gives it.
        caption: the text of the list; what the wording "label" asks with.
        source: the recording that is wanted.
        noises: recordings to mix with it, together `snr_db` decibels under it.
        snr_db: power of the source over the power of all noise, in decibels; None where the mixture is given.
        mixture: the ready-made mixture, where the list has one.
        label: class of the source, for the table by label.
        sound: other wordings for the source, where known.
        absent: a sound that is not in the mixture, to ask for as a check.
    """

    id: str
    caption: str
    source: Path
    noises: tuple[Path, ...] = ()
    snr_db: float | None = None
    mixture: Path | None = None
    label: str | None = None
    sound: Sound | None = None
    absent: Sound | None = None

    def query(self, wording: Wording) -> str:
        """What to ask this mixture with.

        Raises:
            LassError: the row has no wording of this kind.
        """
        if wording == "label":
            return self.caption
        if self.sound is None:
            raise LassError(
                f"Row {self.id} of the list has no {wording} wording; ask with the captions of the list itself."
            )
        return self.sound.query(wording)


def read_list(path: str | Path, audio_dir: str | Path) -> list[Item]:
    """Read an evaluation list in any of the layouts above.

    Args:
        path: the CSV file, UTF-8.
        audio_dir: the folder that holds every recording; no row may name one outside it.

    Raises:
        LassError: the file cannot be read, its layout is unknown, or a row is wrong or names a recording that is
            not there; the sentence says which line.
    """
    path, folder = Path(path), _folder(audio_dir)
    items = [row.layout(row) for row in _rows(path, folder)]
    if not items:
        raise LassError(f"The evaluation list {path} has no rows; add at least one below its header.")
    return items


def write_list(items: Sequence[Item], path: str | Path, audio_dir: str | Path) -> Path:
    """Write items so that `read_list` with the same folder gives them back, and return the path.

    Raises:
        LassError: a recording lies outside the folder, or the file cannot be written.
    """
    path, folder = Path(path), _folder(audio_dir)
    noises = max((len(item.noises) for item in items), default=1)
    header = ["id", "caption", "source", *["noise"] * max(noises, 1), "snr", "mixture", "label"]
    header += ["train", "held_out", "absent", "absent_train", "absent_held_out"]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(header)
            writer.writerows(_cells(item, folder, max(noises, 1)) for item in items)
    except OSError as error:
        raise LassError(f"The list {path} cannot be written ({error.strerror}); choose another place.") from error
    return path


def _cells(item: Item, folder: Path, noises: int) -> Iterator[str]:
    def relative(recording: Path | None) -> str:
        if recording is None:
            return ""
        try:
            return recording.resolve().relative_to(folder).as_posix()
        except ValueError as error:
            raise LassError(
                f"The recording {recording} is not in {folder}; a list names files of one folder."
            ) from error

    sound, absent = item.sound or Sound(""), item.absent or Sound("")
    yield from (item.id, item.caption, relative(item.source))
    yield from (relative(noise) for noise in [*item.noises, *[None] * (noises - len(item.noises))])
    yield from ("" if item.snr_db is None else repr(item.snr_db), relative(item.mixture), item.label or "")
    yield from (sound.train or "", sound.held_out or "")
    yield from (absent.label, absent.train or "", absent.held_out or "")


@dataclass(frozen=True)
class _Row:
    """A row under its header, with what is needed to say where it stands."""

    path: Path
    line: int
    index: int
    folder: Path
    header: tuple[str, ...]
    cells: tuple[str, ...]
    layout: Callable[[_Row], Item]

    def wrong(self, what: str) -> LassError:
        return LassError(f"{self.path}, line {self.line}: {what}")

    def optional(self, column: str) -> str | None:
        return next(iter(self.every(column)), None)

    def every(self, column: str) -> list[str]:
        """The cells of a column that are not empty; a column name may occur more than once."""
        return [cell for name, cell in zip(self.header, self.cells, strict=True) if name == column and cell]

    def text(self, column: str) -> str:
        value = self.optional(column)
        if value is None:
            raise self.wrong(f"the column {column} is empty; every row needs it.")
        return value

    def decibels(self, column: str) -> float:
        try:
            value = float(self.text(column))
        except ValueError:
            value = math.nan
        if not abs(value) <= _MOST_DB:
            raise self.wrong(
                f"{self.text(column)!r} is not a signal-to-noise ratio; give decibels between -100 and 100."
            )
        return value

    def recording(self, name: str, suffixes: Iterable[str] = ("",)) -> Path:
        """The first of `name` + suffix that exists in the folder.

        Symbolic links count where they lead, so that no list reaches a file outside the folder.
        """
        for suffix in suffixes:
            try:
                found = (self.folder / (name + suffix)).resolve()
                inside, exists = found.is_relative_to(self.folder), found.is_file()
            except (OSError, ValueError) as error:
                raise self.wrong(f"{name!r} cannot be the name of a file; correct it.") from error
            if not inside:
                raise self.wrong(f"{name!r} lies outside {self.folder}; a list may only name files of that folder.")
            if exists:
                return found
        raise self.wrong(f"the recording {name!r} is not in {self.folder}; put it there or correct the name.")

    def has(self, name: str) -> bool:
        return (self.folder / name).is_file()


def _rows(path: Path, folder: Path) -> Iterator[_Row]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file)
            header = tuple(name.strip().lower() for name in next(reader, []))
            layout = _layout(path, header)
            index = 0
            for cells in reader:
                if not any(cell.strip() for cell in cells):
                    continue
                row = _Row(path, reader.line_num, index, folder, header, tuple(map(str.strip, cells)), layout)
                if len(cells) != len(header):
                    raise row.wrong(
                        f"{len(cells)} columns stand under a header of {len(header)}; quote texts with commas."
                    )
                yield row
                index += 1
    except OSError as error:
        raise LassError(f"The list {path} cannot be read ({error.strerror}); check its name.") from error
    except UnicodeDecodeError as error:
        raise LassError(f"The list {path} is not a text file in UTF-8; save it as CSV in UTF-8.") from error
    except csv.Error as error:
        raise LassError(f"{path}, line {reader.line_num}: this is not CSV ({error}); correct the line.") from error


def _layout(path: Path, header: tuple[str, ...]) -> Callable[[_Row], Item]:
    columns = set(header)
    for needed, layout in _LAYOUTS:
        if needed <= columns:
            return layout
    known = "; ".join(",".join(sorted(needed)) for needed, _ in _LAYOUTS)
    found = ",".join(header) or "nothing"
    raise LassError(f"{path}, line 1: the header {found!r} is of no known layout; the columns can be {known}.")


def _own(row: _Row) -> Item:
    mixture, label, snr = row.optional("mixture"), row.optional("label"), row.optional("snr")
    noises = tuple(row.recording(noise) for noise in row.every("noise"))
    if mixture is None and not noises:
        raise row.wrong("there is neither a noise nor a mixture; name one of them.")
    absent, train, held_out = row.optional("absent"), row.optional("train"), row.optional("held_out")
    return Item(
        id=row.text("id"),
        caption=row.text("caption"),
        source=row.recording(row.text("source")),
        noises=noises,
        snr_db=None if snr is None and mixture is not None else row.decibels("snr"),
        mixture=None if mixture is None else row.recording(mixture),
        label=label,
        sound=Sound(label or row.text("caption"), train, held_out) if label or train or held_out else None,
        absent=Sound(absent, row.optional("absent_train"), row.optional("absent_held_out")) if absent else None,
    )


def _dcase(row: _Row) -> Item:
    suffixes = (*_SUFFIXES, "")
    return Item(
        id=str(row.index),
        caption=row.text("caption"),
        source=row.recording(row.text("source"), suffixes),
        noises=(row.recording(row.text("noise"), suffixes),),
        snr_db=row.decibels("snr"),
    )


def _audiosep(row: _Row) -> Item:
    name, caption = row.text("idx"), row.text("caption")
    mixture, segment = f"mixture-{name}.wav", f"segment-{name}.wav"
    if row.has(mixture) and row.has(segment):
        return Item(name, caption, source=row.recording(segment), mixture=row.recording(mixture))
    noises = [noise for column in ("noise_wav", "noise_wav1", "noise_wav2") for noise in row.every(column)]
    if not noises:
        raise row.wrong("no noise is named; every row needs one.")
    source = row.recording(row.text("src_wav"))
    return Item(name, caption, source, noises=tuple(row.recording(noise) for noise in noises), snr_db=0.0)


def _vggsound(row: _Row) -> Item:
    return Item(
        id=row.text("file_id"),
        caption=row.text("s0_text"),
        source=row.recording(row.text("s0_wav")),
        mixture=row.recording(row.text("mix_wav")),
        label=row.text("s0_text"),
    )


_LAYOUTS: tuple[tuple[set[str], Callable[[_Row], Item]], ...] = (
    ({"id", "caption", "source", "noise", "snr"}, _own),
    ({"source", "noise", "snr", "caption"}, _dcase),
    ({"idx", "caption", "src_wav", "noise_wav"}, _audiosep),
    ({"idx", "caption", "src_wav", "noise_wav1"}, _audiosep),
    ({"file_id", "mix_wav", "s0_wav", "s0_text"}, _vggsound),
)


def _folder(audio_dir: str | Path) -> Path:
    folder = Path(audio_dir)
    if not folder.is_dir():
        raise LassError(f"The folder of recordings {folder} does not exist; give the one that holds the files.")
    return folder.resolve()
