"""What the Separate page does, as plain functions of plain values: no Gradio, no visitor's state."""

from __future__ import annotations

import copy
import json
import logging
import time
import zipfile
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lass.errors import AudioError, LassError, QueryError
from lass.ui.words.sentences import told
from lass.ui.words.texts import Texts
from lass.ui.work.shelf import Shelf
from lass.ui.work.wish import Choices, Ticket
from lass.ui.work.workbench import RESULT, Limits, Stage, Workbench, until_called_off

if TYPE_CHECKING:
    from lass.audio import Audio
    from lass.audio.isolated import Isolation
    from lass.separation import Separation

log = logging.getLogger(__name__)

__all__ = ["RESULT", "Choices", "Example", "Limits", "Outcome", "Service", "Stage", "Ticket", "load_examples", "packed"]


@dataclass(frozen=True)
class Outcome:
    """A finished separation: its files, and how it was made.

    Of several descriptions ``stems`` holds the recording of each, ``target`` is the first of them, and ``residual``
    is what none of them describes. Where a sound was removed, ``target`` is what is left without it, and ``residual``
    the sound. ``recording`` is what was separated.
    """

    target: Path
    residual: Path
    picture: Path | None
    report_file: Path | None
    archive: Path | None
    report: dict[str, Any]
    model_title: str
    stems: tuple[Path, ...] = ()
    recording: Path | None = None

    @property
    def folder(self) -> Path:
        """Where all of them lie, and nothing else."""
        return self.target.parent


@dataclass(frozen=True)
class Example:
    """A recording that ships with the application, and what to ask of it."""

    title: str
    query: str
    path: Path


class Service:
    """Separates for any number of visitors at once; holds nothing that belongs to one of them."""

    def __init__(
        self, shelf: Shelf, limits: Limits, scratch: Path, texts: Texts, decoders: Isolation | None = None
    ) -> None:
        self.shelf = shelf
        self.limits = limits
        self.scratch = scratch
        self.texts = texts
        self.bench = Workbench(shelf, limits, scratch, decoders)

    def speaking(self, texts: Texts) -> Service:
        """The same service, in another language."""
        other = copy.copy(self)
        other.texts = texts
        return other

    def complaint(self, recording: str | None, query: str | None, more: Sequence[str] = ()) -> tuple[str, str]:
        """What is missing before anything can start: (about the recording, about the query), empty when fine."""
        about_recording = "" if recording else self.texts.no_recording
        about_query = ""
        try:
            _checked_queries(query, more)
        except QueryError as error:
            about_query = told(self.texts, str(error)) if (query or "").strip() else self.texts.no_query
        return about_recording, about_query

    def run(
        self,
        recording: str | None,
        query: str | None,
        model: str | None,
        choices: Choices | None = None,
        *,
        ticket: Ticket | None = None,
        extras: bool = True,
    ) -> Generator[Stage | Outcome, None, None]:
        """Separate one recording: stages while it goes on, the outcome last. Closing the generator cancels.

        ``choices`` say what else is wanted; ``extras`` adds the picture, the report file and the archive to the
        recordings. Raises :class:`LassError` for whatever the visitor can mend, :class:`Cancelled` when the ticket
        was called off.
        """
        self.tidy()
        yield from until_called_off(self._run(recording, query, model, choices or Choices(), extras), ticket)

    def _run(
        self, recording: str | None, query: str | None, model: str | None, choices: Choices, extras: bool
    ) -> Generator[Stage | Outcome, None, None]:
        if not recording:
            raise AudioError(self.texts.no_recording)
        queries = _checked_queries(query, choices.more)
        yield Stage("reading")
        audio = self.bench.read(recording)
        piece = _piece(audio, choices)
        name = model or self.shelf.default() or ""
        begun = time.perf_counter()
        found: list[Separation] = []
        for step in self.bench.separations(name, piece, audio.sample_rate, queries):
            if isinstance(step, Stage):
                yield step
            else:
                found.append(step)
        taken = time.perf_counter() - begun
        if extras:
            yield Stage("drawing")
        if len(found) == 1:
            yield self._write(name, recording, audio, found[0], taken, choices, extras)
        else:
            yield self._write_stems(name, recording, audio, found, taken, choices, extras)

    def tidy(self) -> None:
        """Remove results whose time is over."""
        self.bench.tidy()

    def separate(self, recording: str | None, query: str | None, model: str | None) -> Outcome:
        """The same from beginning to end, for programs: the two recordings and the report."""
        for step in self.run(recording, query, model, extras=False):
            if isinstance(step, Outcome):
                return step
        raise RuntimeError("the separation ended without an outcome")

    def sentence(self, error: Exception) -> str:
        """What a visitor is told of an error; anything that is not for them to mend goes to the log."""
        if isinstance(error, LassError):
            return told(self.texts, str(error))
        log.error("A separation failed.", exc_info=error)
        return self.texts.unexpected

    def models(self) -> list[dict[str, Any]]:
        """The catalogue for programs: one plain dictionary per model."""
        return [entry.facts() for entry in self.shelf.entries()]

    def _write(
        self,
        model: str,
        recording: str,
        audio: Audio,
        separation: Separation,
        taken: float,
        choices: Choices,
        extras: bool,
    ) -> Outcome:
        from lass import results

        name = Path(recording).name
        separation = _kept_or_removed(audio, separation, choices)
        report = results.report(audio, name, separation, seconds_taken=taken, removed=choices.remove)
        report |= {"device": self.bench.device(model), **choices.region.report(audio.seconds)}
        title = self.shelf.entry(model).title
        with self.bench.folder() as folder:
            files = results.write(folder, name, audio, separation, report, picture=extras)
            if not extras:
                return Outcome(files.target, files.residual, None, None, None, report, title)
            beginning = files.report.name.removesuffix("-report.json")
            archive = packed(
                folder / f"{beginning}.zip", [files.target, files.residual, files.picture, files.report]
            )
        return Outcome(
            files.target, files.residual, files.picture, files.report, archive, report, title,
            recording=Path(recording),
        )  # fmt: skip

    def _write_stems(
        self,
        model: str,
        recording: str,
        audio: Audio,
        found: list[Separation],
        taken: float,
        choices: Choices,
        extras: bool,
    ) -> Outcome:
        from lass import results
        from lass.stems import together

        name = Path(recording).name
        stems = together(audio.waveform, [_placed(audio, separation, choices) for separation in found])
        report = results.stems_report(audio, name, stems, seconds_taken=taken)
        report |= {"device": self.bench.device(model), **choices.region.report(audio.seconds)}
        title = self.shelf.entry(model).title
        with self.bench.folder() as folder:
            files = results.write_stems(folder, name, audio, stems, report, picture=extras)
            beginning = files.report.name.removesuffix("-report.json")
            everything = [*files.stems, files.rest, files.picture, files.report]
            archive = packed(folder / f"{beginning}.zip", everything)
        return Outcome(
            files.stems[0], files.rest, files.picture, files.report, archive, report, title,
            stems=files.stems, recording=Path(recording),
        )  # fmt: skip


def _piece(audio: Audio, choices: Choices) -> Any:
    """What the network hears of a recording; raises AudioError where the recording has no such part."""
    from lass.region import heard

    if choices.whole:
        return audio.waveform
    first, last = heard(audio.waveform.shape[1], audio.sample_rate, choices.region)
    return audio.waveform[:, first:last]


def _kept_or_removed(audio: Audio, separation: Separation, choices: Choices) -> Separation:
    """The separation of the whole recording: ``target`` is what the visitor wants to hear first."""
    from lass.region import keeping, removing

    if choices.remove:
        taken = separation if choices.whole else removing(audio.waveform, separation, choices.region)
        return replace(taken, target=taken.residual, residual=taken.target)
    return separation if choices.whole else keeping(audio.waveform, separation, choices.region)


def _placed(audio: Audio, separation: Separation, choices: Choices) -> Separation:
    """A stem at its place in the recording, silent outside the part that was chosen."""
    from lass.region import removing

    return separation if choices.whole else removing(audio.waveform, separation, choices.region)


def packed(archive: Path, files: Sequence[Path | None]) -> Path:
    """Files as one zip, in a folder of the zip's own name; those that are None were not wanted.

    Raises :class:`LassError` where the disk refuses it.
    """
    try:
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as zipped:
            for file in files:
                if file is not None:
                    zipped.write(file, f"{archive.stem}/{file.name}")
    except OSError as error:
        raise LassError("The results could not be packed, the disk may be full; try again later.") from error
    return archive


def load_examples(folder: Path) -> list[Example]:
    """The shipped examples described by ``folder/examples.json``; those without a recording are left out."""
    index = folder / "examples.json"
    if not index.is_file():
        return []
    items = json.loads(index.read_text(encoding="utf-8"))
    found = [Example(item["title"], item["query"], folder / item["file"]) for item in items]
    return [example for example in found if example.path.is_file()]


def _checked_queries(query: str | None, more: Sequence[str]) -> list[str]:
    from lass.queries import check_query
    from lass.stems import check_queries

    # Further fields that were left empty are no mistake; the first one is.
    further = [words for words in more if words.strip()]
    return check_queries([query or "", *further]) if further else [check_query(query or "")]
