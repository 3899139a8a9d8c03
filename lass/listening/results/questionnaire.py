"""What the raters said of themselves: the answers to a study's questionnaire, counted.

Texts stand in alphabetical order and without the participant, so that the answers to several questions cannot be put
together to find out who somebody is; the exports, which go to the organiser alone, have one row for each participant.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from lass.listening.design.study import Field, Study
from lass.listening.design.text import Text
from lass.listening.presentation import stored
from lass.listening.ratings.records import SessionRecord


@dataclass(frozen=True)
class Numbers:
    """Answers that are numbers; `deviation` is the sample standard deviation, None for one answer."""

    n: int
    mean: float
    deviation: float | None
    median: float
    lowest: float
    highest: float


@dataclass(frozen=True)
class FieldAnswers:
    """The answers to one question of the questionnaire.

    Attributes:
        key, label, kind: of the question; one that the study's file does not have any more is a text named by its key.
        raters: how many could have answered; answered: how many did.
        choices: for a choice, how often each was made: the study's in its order, then such as it does not offer now.
        numbers: for a number; None where nobody gave one.
        texts: for a text, all answers, sorted; for a number, those that are none.
    """

    key: str
    label: str
    kind: Literal["choice", "number", "text"]
    raters: int
    answered: int
    choices: Mapping[str, int]
    numbers: Numbers | None
    texts: tuple[str, ...]


def field_keys(study: Study, sessions: Iterable[SessionRecord]) -> list[str]:
    """The questions that were answered or can be: the study's, then those of earlier versions of its file."""
    keys = [field.key for field in study.questionnaire]
    return keys + sorted({key for session in sessions for key in session.answers} - set(keys))


def answers_of(study: Study, sessions: Sequence[SessionRecord], language: str) -> tuple[FieldAnswers, ...]:
    """What the raters of these sessions answered, question by question, in a language."""
    fields = {field.key: field for field in study.questionnaire}
    return tuple(
        _answers(
            study, fields.get(key) or Field.model_construct(key=key, label=Text.of(key)), len(sessions),
            [session.answers[key] for session in sessions if session.answers.get(key)], language,
        )
        for key in field_keys(study, sessions)
    )  # fmt: skip


def _answers(study: Study, field: Field, raters: int, given: Sequence[str], language: str) -> FieldAnswers:
    choices: dict[str, int] = {}
    values: list[float] = []
    texts: Sequence[str] = given
    if field.kind == "choice":
        choices, texts = _choices(study, field, given, language), ()
    elif field.kind == "number":
        read = [_number(text) for text in given]
        values = [number for number in read if number is not None]
        texts = [text for text, number in zip(given, read, strict=True) if number is None]
    return FieldAnswers(
        key=field.key,
        label=field.label.in_language(language),
        kind=field.kind,
        raters=raters,
        answered=len(given),
        choices=choices,
        numbers=_numbers(values) if values else None,
        texts=tuple(sorted(texts, key=lambda text: (text.casefold(), text))),
    )


def _choices(study: Study, field: Field, given: Sequence[str], language: str) -> dict[str, int]:
    counts = Counter(given)
    choices: dict[str, int] = {}
    for choice in field.choices:
        label = choice.in_language(language)
        choices[label] = choices.get(label, 0) + counts.pop(stored(study, choice), 0)
    # What is left was offered by an earlier version of the file, perhaps in the words of another language.
    for value, many in sorted(counts.items()):
        choices[value] = choices.get(value, 0) + many
    return choices


def _number(text: str) -> float | None:
    """A number as it was saved; None for what was an answer to another kind of question."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _numbers(values: Sequence[float]) -> Numbers:
    return Numbers(
        n=len(values),
        mean=float(np.mean(values)),
        deviation=float(np.std(values, ddof=1)) if len(values) > 1 else None,
        median=float(np.median(values)),
        lowest=min(values),
        highest=max(values),
    )
