"""What an analysis of a study finds: plain records, which the report, the results page and programs read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from lass.listening.design.closing import State
from lass.listening.results.agreement import Alpha, Repeats
from lass.listening.results.comparing import Friedman, Pair
from lass.listening.results.questionnaire import FieldAnswers
from lass.listening.results.screening import Screening, sentences
from lass.listening.results.statistics import RaterMeans, Votes

BUILT_WITH = "stimuli built with lass"
"""Names the version, among the others of an analysis, that built the sounds."""


@dataclass(frozen=True)
class Sample:
    """One sound that was rated: an item as one system renders it. `votes` are those of one question."""

    item: str
    query: str
    system: str
    title: str
    role: str
    votes: Votes


@dataclass(frozen=True)
class System:
    """One system over all its sounds; `role` is "system", "anchor" or "reference"."""

    id: str
    title: str
    role: str
    means: RaterMeans


@dataclass(frozen=True)
class QuestionResults:
    """Everything about one question; `labels` are what 1 to 5 mean."""

    key: str
    text: str
    labels: tuple[str, ...]
    samples: tuple[Sample, ...]
    systems: tuple[System, ...]
    pairs: tuple[Pair, ...]
    friedman: Friedman | None
    alpha: Alpha
    repeats: Repeats
    traps: tuple[Sample, ...]


@dataclass(frozen=True)
class Results:
    """The results of all questions over a set of raters."""

    raters: int
    ratings: int
    questions: tuple[QuestionResults, ...]


@dataclass(frozen=True)
class Width:
    """How much is known so far of one sound or one system: ratings (or raters) and the width of the interval."""

    question: str
    item: str | None
    title: str
    n: int
    width: float | None


@dataclass(frozen=True)
class Counts:
    """How far a study is.

    Attributes:
        begun, consented, finished: sessions.
        raters: sessions with at least one rating that counts.
        answers: answers to a question, latest revisions, practice included; one trial has one per question.
        counted, practice, traps, repeats: of these, what each is.
        changed: answers that were changed at least once.
        unknown: of the answers, those of sounds that are not, or not in these bytes, in the manifest: left out.
        other_studies: sessions that began under another version of the study's file.
    """

    begun: int
    consented: int
    finished: int
    raters: int
    answers: int
    counted: int
    practice: int
    traps: int
    repeats: int
    changed: int
    unknown: int
    other_studies: int


@dataclass(frozen=True)
class Analysis:
    """A study analysed at one moment.

    Attributes:
        slug, title, scale: of the study.
        language: of all texts that people read; the study's own are in its first language where it does not have this.
        state: only a closed study has `results`, `unflagged`, `screening` and `questionnaire`; they are None before.
        analysed, opens, closes, built: ISO times; None where the study sets none.
        study_sha256: of the study's file; manifest_sha256 of the one the audio was built from.
        versions: of this program and of what it computed with.
        systems: name -> model, checkpoint's SHA-256 for every system that has them.
        loudness: LUFS that all sounds were brought to.
        counts: how far the study is.
        widths: ratings and widths of intervals, per sound and question; system_widths per system, over raters.
        results: over all raters; unflagged over those that no rule of `screening` flagged.
        questionnaire: what the raters said of themselves, question by question.
    """

    slug: str
    title: str
    scale: str
    language: str
    state: State
    analysed: str
    opens: str | None
    closes: str | None
    built: str
    study_sha256: str
    manifest_sha256: str
    versions: Mapping[str, str]
    systems: Mapping[str, Mapping[str, str | None]]
    loudness: float
    counts: Counts
    widths: tuple[Width, ...]
    system_widths: tuple[Width, ...]
    results: Results | None
    unflagged: Results | None
    screening: Screening | None
    questionnaire: tuple[FieldAnswers, ...] | None

    def to_dict(self) -> dict[str, Any]:
        """Every number as plain values that JSON knows; None where a value is not defined."""
        values = asdict(self)
        if self.screening is not None:
            values["screening"]["rules"] = self.screening.rules.model_dump()
            values["screening"]["sentences"] = sentences(self.screening.rules, self.language)
        return values
