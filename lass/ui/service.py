"""What the Separate page does, as plain functions of plain values: no Gradio, no visitor's state."""

from __future__ import annotations

import contextlib
import json
import logging
import secrets
import shutil
import threading
import time
import zipfile
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from lass.errors import AudioError, Cancelled, LassError, QueryError
from lass.ui import gpu
from lass.ui.shelf import Shelf
from lass.ui.texts import Texts

if TYPE_CHECKING:
    from lass.audio import Audio
    from lass.results import Files
    from lass.separation import Separation

log = logging.getLogger(__name__)

RESULT = "lass-"
"""How the name of a result's folder begins."""


@dataclass(frozen=True)
class Limits:
    """What a visitor may send, and for how long it is kept."""

    max_seconds: float
    max_bytes: int
    keep_minutes: int


@dataclass(frozen=True)
class Stage:
    """Where a separation is: what it does now and, while separating, windows done of all."""

    name: Literal["reading", "loading", "separating", "drawing"]
    done: int = 0
    total: int = 0


@dataclass(frozen=True)
class Outcome:
    """A finished separation: its files, and how it was made."""

    target: Path
    residual: Path
    picture: Path | None
    report_file: Path | None
    archive: Path | None
    report: dict[str, Any]
    model_title: str


class Ticket:
    """One separation that was asked for, and of what.

    Calling it off stops the work between two windows, from any thread. ``replaced`` says that another one was
    asked for since, so that nobody wants to hear of this one.
    """

    def __init__(self, recording: str = "", query: str = "", model: str = "") -> None:
        self.recording = recording
        self.query = query
        self.model = model
        self.replaced = False
        self._called_off = threading.Event()
        self._untaken = threading.Semaphore(1)

    def take(self) -> bool:
        """Whether the caller is the first to work on it."""
        return self._untaken.acquire(blocking=False)

    @property
    def called_off(self) -> bool:
        """Whether nobody waits for this separation any more."""
        return self._called_off.is_set()

    def call_off(self) -> None:
        """Stop the separation; does nothing when it is over."""
        self._called_off.set()

    def replace(self) -> None:
        """Stop the separation in favour of another."""
        self.replaced = True
        self.call_off()


@dataclass(frozen=True)
class Example:
    """A recording that ships with the application, and what to ask of it."""

    title: str
    query: str
    path: Path


class Service:
    """Separates for any number of visitors at once; holds nothing that belongs to one of them.

    Every result gets a folder of its own in ``scratch``, with a name that cannot be guessed, for
    ``limits.keep_minutes``.
    """

    def __init__(self, shelf: Shelf, limits: Limits, scratch: Path, texts: Texts) -> None:
        self.shelf = shelf
        self.limits = limits
        self.scratch = scratch
        self.texts = texts
        self._borrowed_steps: Callable[..., Iterator[Any]] = gpu.borrowing(self._steps, _loan)

    def complaint(self, recording: str | None, query: str | None) -> tuple[str, str]:
        """What is missing before anything can start: (about the recording, about the query), empty when fine."""
        about_recording = "" if recording else self.texts.no_recording
        about_query = ""
        try:
            _checked_query(query)
        except QueryError as error:
            about_query = str(error) if (query or "").strip() else self.texts.no_query
        return about_recording, about_query

    def run(
        self,
        recording: str | None,
        query: str | None,
        model: str | None,
        ticket: Ticket | None = None,
        *,
        extras: bool = True,
    ) -> Generator[Stage | Outcome, None, None]:
        """Separate one recording: stages while it goes on, the outcome last. Closing the generator cancels.

        ``extras`` adds the picture, the report file and the archive to the two recordings. Raises
        :class:`LassError` for whatever the visitor can mend, :class:`Cancelled` when the ticket was called off.
        """
        ticket = ticket or Ticket()
        self.tidy()
        for step in self._run(recording, query, model, extras):
            if ticket.called_off:
                if isinstance(step, Outcome):
                    # Gradio deletes in time what it has handed out; nobody will ask for this.
                    shutil.rmtree(step.target.parent, ignore_errors=True)
                raise Cancelled
            yield step

    def _run(
        self, recording: str | None, query: str | None, model: str | None, extras: bool
    ) -> Generator[Stage | Outcome, None, None]:
        if not recording:
            raise AudioError(self.texts.no_recording)
        checked = _checked_query(query)
        yield Stage("reading")
        audio = self._read(recording)
        yield Stage("loading")
        name = model or self.shelf.default() or ""
        if not gpu.present():
            self.shelf.separator(name)
        begun = time.perf_counter()
        result: Separation | None = None
        for step in self._borrowed_steps(name, audio.waveform, audio.sample_rate, checked):
            if hasattr(step, "target"):
                result = step
            else:
                yield Stage("separating", step.done, step.total)
        if result is None:
            raise RuntimeError("the separator ended without a result")
        taken = time.perf_counter() - begun
        if extras:
            yield Stage("drawing")
        yield self._write(name, recording, audio, result, taken, extras)

    def tidy(self) -> None:
        """Remove result folders whose time is over: Gradio deletes files, but no folders, and none after a crash."""
        oldest = time.time() - 60 * self.limits.keep_minutes
        for folder in self.scratch.glob(f"{RESULT}*"):
            with contextlib.suppress(OSError):
                if folder.stat().st_mtime < oldest:
                    shutil.rmtree(folder, ignore_errors=True)

    def separate(self, recording: str | None, query: str | None, model: str | None) -> Outcome:
        """The same from beginning to end, for programs: the two recordings and the report."""
        for step in self.run(recording, query, model, extras=False):
            if isinstance(step, Outcome):
                return step
        raise RuntimeError("the separation ended without an outcome")

    def sentence(self, error: Exception) -> str:
        """What a visitor is told of an error; anything that is not for them to mend goes to the log."""
        if isinstance(error, LassError):
            return str(error)
        log.error("A separation failed.", exc_info=error)
        return self.texts.unexpected

    def models(self) -> list[dict[str, Any]]:
        """The catalogue for programs: one plain dictionary per model."""
        return [entry.facts() for entry in self.shelf.entries()]

    def _read(self, recording: str) -> Audio:
        from lass import audio

        return audio.read(recording, max_seconds=self.limits.max_seconds, max_bytes=self.limits.max_bytes)

    def _steps(self, name: str, waveform: np.ndarray, sample_rate: int, query: str) -> Iterator[Any]:
        separator = self.shelf.separator(name)
        yield from separator.steps(waveform, sample_rate, query)

    def _write(
        self, model: str, recording: str, audio: Audio, separation: Separation, taken: float, extras: bool
    ) -> Outcome:
        from lass import results

        name = Path(recording).name
        report = results.report(audio, name, separation, seconds_taken=taken)
        device = getattr(self.shelf.separator(model), "device", None)  # an ensemble has none of its own
        report["device"] = None if device is None else str(device)
        title = self.shelf.entry(model).title
        folder = self.scratch / f"{RESULT}{secrets.token_hex(16)}"
        try:
            files = results.write(folder, name, audio, separation, report, picture=extras)
            if not extras:
                return Outcome(files.target, files.residual, None, None, None, report, title)
            archive = _packed(folder / f"{results.stem(name, separation.query, separation.model)}.zip", files)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return Outcome(files.target, files.residual, files.picture, files.report, archive, report, title)


def _packed(archive: Path, files: Files) -> Path:
    """Everything a separation left, as one zip with a folder of its own name in it."""
    try:
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as packed:
            for file in (files.target, files.residual, files.picture, files.report):
                if file is not None:
                    packed.write(file, f"{archive.stem}/{file.name}")
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


def _checked_query(query: str | None) -> str:
    from lass.queries import check_query

    return check_query(query or "")


def _loan(name: str, waveform: np.ndarray, sample_rate: int, query: str) -> int:
    return gpu.loan_seconds(waveform.shape[-1] / sample_rate)
