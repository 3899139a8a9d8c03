"""What the Compare page does: one recording and query through several models, judged blind.

Until the vote nothing that reaches the browser tells which model is which: the order is drawn anew for every
comparison, and files are named by letters.
"""

from __future__ import annotations

import json
import random
import shutil
import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lass.errors import AudioError, ModelError
from lass.ui.work.scores import Scores, fitting, scores
from lass.ui.work.service import Service, packed
from lass.ui.work.wish import Ticket
from lass.ui.work.workbench import Stage, until_called_off

if TYPE_CHECKING:
    from lass.audio import Audio
    from lass.separation import Separation

LETTERS = "ABCDEF"
"""As many models are compared at once as there are letters; more are not kept apart by ear."""

Prefer = Callable[[str, dict[str, Any]], None]
"""Keeps a preference: its kind, and its values as plain JSON types. It names no visitor and no file."""


@dataclass(frozen=True)
class Entrant:
    """One model's answer under its letter. ``model`` and ``title`` are for after the vote."""

    letter: str
    model: str
    title: str
    target: Path
    residual: Path
    scores: Scores | None
    seconds_taken: float


@dataclass(frozen=True)
class Comparison:
    """The answers in the order of their letters; ``truth`` is the clean sound where one was given."""

    query: str
    seconds: float
    mixture: Path
    truth: Path | None
    picture: Path
    entrants: tuple[Entrant, ...]

    @property
    def folder(self) -> Path:
        """Where all its files lie."""
        return self.mixture.parent


@dataclass(frozen=True)
class Contest:
    """What a visitor asks for: the models' names in any order, and the path of a clean sound, if there is one."""

    recording: str
    query: str
    models: tuple[str, ...]
    truth: str | None = None


class Comparing:
    """Compares for any number of visitors.

    Args:
        service: what separates.
        prefer: keeps a vote, ``prefer("compare", values)``; by default nobody does.
    """

    def __init__(self, service: Service, prefer: Prefer | None = None) -> None:
        self.service = service
        self.bench = service.bench
        self.prefer = prefer
        self._order = random.SystemRandom()

    def models(self) -> list[tuple[str, str]]:
        """Title and name of every model that can be used at once."""
        return self.service.shelf.usable()

    def check(self, contest: Contest) -> None:
        """Raises :class:`lass.errors.LassError` with what is missing before anything can start."""
        from lass.queries import check_query

        words = self.service.texts
        if not contest.recording:
            raise AudioError(words.no_recording)
        if not contest.query.strip():
            raise AudioError(words.no_query)
        check_query(contest.query)
        if not 2 <= len(set(contest.models)) <= len(LETTERS):
            raise ModelError(words.pages.compare.how_many.format(most=len(LETTERS)))

    def run(self, contest: Contest, ticket: Ticket | None = None) -> Generator[Stage | Comparison, None, None]:
        """Every model's answer: stages while it goes on, the comparison last. Closing the generator cancels.

        Raises :class:`lass.errors.LassError` for whatever the visitor can mend, :class:`Cancelled` when the ticket
        was called off.
        """
        self.check(contest)
        self.bench.tidy()
        yield from until_called_off(self._run(contest), ticket)

    def vote(self, comparison: Comparison, letter: str | None) -> None:
        """Keep which answer was liked best; no letter means none was better than another."""
        if self.prefer is None:
            return
        named = {entrant.letter: entrant.model for entrant in comparison.entrants}
        values = {
            "query": comparison.query,
            "seconds": round(comparison.seconds, 3),
            "models": named,
            "chosen": named.get(letter or ""),
        }
        self.prefer("compare", values)

    def archive(self, comparison: Comparison) -> Path:
        """Everything as one zip, named after the models: for after the vote.

        Raises :class:`lass.errors.LassError` where the results are gone, or the disk refuses the zip.
        """
        from lass.results import stem

        folder = comparison.folder
        if not folder.is_dir():
            raise AudioError("A result is no longer there; separate again.")
        files: list[Path | None] = [comparison.mixture, comparison.truth, comparison.picture]
        for entrant in comparison.entrants:
            for part, file in (("target", entrant.target), ("residual", entrant.residual)):
                files.append(folder / f"{stem('compared', comparison.query, entrant.model)}-{part}.wav")
                shutil.copyfile(file, str(files[-1]))
        report = folder / "comparison.json"
        report.write_text(json.dumps(facts(comparison), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        return packed(folder / f"{stem('compared', comparison.query, 'models')}.zip", [*files, report])

    def _run(self, contest: Contest) -> Generator[Stage | Comparison, None, None]:
        yield Stage("reading")
        recording = self.bench.read(contest.recording)
        truth = fitting(self.bench.read(contest.truth), recording) if contest.truth else None
        names = list(dict.fromkeys(contest.models))
        self._order.shuffle(names)
        found: list[tuple[Separation, float]] = []
        for letter, name in zip(LETTERS, names, strict=False):
            begun = time.perf_counter()
            steps = self.bench.separations(name, recording.waveform, recording.sample_rate, [contest.query], letter)
            for step in steps:
                if isinstance(step, Stage):
                    yield step
                else:
                    found.append((step, time.perf_counter() - begun))
        yield Stage("drawing")
        yield self._write(contest, recording, truth, names, found)

    def _write(
        self, contest: Contest, recording: Audio, truth: Any, names: Sequence[str],
        found: Sequence[tuple[Separation, float]],
    ) -> Comparison:  # fmt: skip
        from lass import audio
        from lass.plots import panels, save

        rate = recording.sample_rate
        with self.bench.folder() as folder:
            mixture = audio.write(folder / "mixture.wav", recording.waveform, rate)
            clean = None if truth is None else audio.write(folder / "clean-sound.wav", truth, rate)
            entrants = []
            for letter, name, (separation, taken) in zip(LETTERS, names, found, strict=False):
                measured = None if truth is None else scores(truth, separation.target, recording.waveform)
                target = audio.write(folder / f"answer-{letter.lower()}.wav", separation.target, rate)
                residual = audio.write(folder / f"answer-{letter.lower()}-residual.wav", separation.residual, rate)
                title = self.service.shelf.entry(name).title
                entrants.append(Entrant(letter, name, title, target, residual, measured, taken))
            titled = [("Mixture", "", recording.waveform)]
            titled += [(letter, "", separation.target) for letter, (separation, _) in zip(LETTERS, found, strict=False)]
            picture = save(panels(titled, rate), folder / "spectrograms.png")
        return Comparison(contest.query, recording.seconds, mixture, clean, picture, tuple(entrants))


def facts(comparison: Comparison) -> dict[str, Any]:
    """A comparison as plain JSON types, with the names."""
    return {
        "query": comparison.query,
        "seconds": round(comparison.seconds, 3),
        "answers": [
            {
                "letter": entrant.letter,
                "model": entrant.model,
                "seconds_taken": round(entrant.seconds_taken, 3),
                "decibels": None
                if entrant.scores is None
                else {name: round(value, 2) for name, value in vars(entrant.scores).items()},
            }
            for entrant in comparison.entrants
        ],
    }
