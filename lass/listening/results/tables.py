"""The tables of a report as text, in a language: what is published, to the last digit.

Means and points have two digits, percentages one, p-values three. Halves are rounded away from zero, as spreadsheets
and people do, and from the decimal number: 3.125 is 3.13. What is not defined is a dash.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal

from lass.listening.results.findings import Analysis, QuestionResults, Results, Sample, Width
from lass.listening.results.questionnaire import FieldAnswers
from lass.listening.results.screening import Screening, sentences
from lass.listening.results.statistics import SCORES, Interval
from lass.listening.results.words import FALLBACK, say

DASH = "–"
_COUNTS = ("begun", "consented", "finished", "raters", "answers", "counted", "practice", "traps", "repeats", "unknown",
           "changed", "other_studies")  # fmt: skip


@dataclass(frozen=True)
class Table:
    """A table: `header` names the columns, the first `names` cells of a row name it."""

    caption: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    names: int = 1


def decimal(value: float | None, digits: int = 2) -> str:
    """A number with so many digits, halves away from zero; a dash for None."""
    if value is None:
        return DASH
    # repr is the shortest decimal that means this float, so 2.675 is rounded as it is read.
    rounded = Decimal(repr(float(value))).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)
    return f"{abs(rounded) if rounded == 0 else rounded}".replace("-", "\u2212")


def moment(iso: str | None) -> str:
    """A time as people write it, in UTC; a dash for None, and a text that is no ISO time as it is."""
    if iso is None:
        return DASH
    try:
        time = datetime.fromisoformat(iso)
    except ValueError:
        return iso
    return f"{time.astimezone(UTC):%Y-%m-%d, %H:%M} UTC"


def p_value(value: float | None) -> str:
    """Three digits, or that it is below 0.001."""
    return "< 0.001" if value is not None and value < 0.001 else decimal(value, 3)


def span(interval: Interval | None, language: str = FALLBACK) -> str:
    """Both ends of an interval."""
    if interval is None:
        return DASH
    return say(language, "span", low=decimal(interval.low), high=decimal(interval.high))


def header(language: str, *names: str) -> tuple[str, ...]:
    """The names of columns."""
    return tuple(say(language, f"column_{name}") for name in names)


def modes(values: Sequence[int]) -> str:
    """The most frequent scores, ties joined by a comma."""
    return ", ".join(map(str, values)) or DASH


def samples(
    question: QuestionResults, caption: str, chosen: Iterable[Sample] | None = None, language: str = FALLBACK
) -> Table:
    """The table of the sounds: average, most frequent rating, share of votes per score, and the interval."""
    listed = question.samples if chosen is None else tuple(chosen)
    return Table(
        caption,
        (*header(language, "sample", "system", "votes", "average", "interval", "most"),
         *(f"{score} (%)" for score in SCORES), *header(language, "median", "deviation")),
        tuple(
            (one.item, one.title, str(one.votes.n), decimal(one.votes.mean), span(one.votes.interval, language),
             modes(one.votes.modes), *_shares(one.votes.shares), decimal(one.votes.median, 1),
             decimal(one.votes.deviation))
            for one in listed
        ),
        names=2,
    )  # fmt: skip


def systems(question: QuestionResults, caption: str, language: str = FALLBACK) -> Table:
    """The table of the systems, over rater means."""
    return Table(
        caption,
        (*header(language, "system", "raters", "ratings", "mean", "interval", "bootstrap", "median", "deviation",
                 "most"), *(f"{score} (%)" for score in SCORES)),
        tuple(
            (one.title, str(one.means.raters), str(one.means.ratings), decimal(one.means.mean),
             span(one.means.interval, language), span(one.means.bootstrap, language), decimal(one.means.median),
             decimal(one.means.deviation), modes(one.means.pooled.modes), *_shares(one.means.pooled.shares))
            for one in question.systems
        ),
    )  # fmt: skip


def pairs(question: QuestionResults, caption: str, language: str = FALLBACK) -> Table:
    """The table of the paired tests."""
    return Table(
        caption,
        header(language, "system", "against", "shared", "higher", "same", "lower", "difference", "interval", "p",
               "holm", "effect"),
        tuple(
            (one.first, one.second, str(one.raters), str(one.higher), str(one.same), str(one.lower),
             decimal(one.difference), span(one.interval, language), p_value(one.p), p_value(one.adjusted),
             decimal(one.effect))
            for one in question.pairs
        ),
        names=2,
    )  # fmt: skip


def with_and_without(everybody: Results, unflagged: Results, caption: str, language: str = FALLBACK) -> Table:
    """Every system's mean twice: over all raters, and without the flagged ones."""
    return Table(
        caption,
        header(language, "system", "question", "all_raters", "all_mean", "all_interval", "less_raters", "less_mean",
               "less_interval"),
        tuple(
            (one.title, question.key, str(one.means.raters), decimal(one.means.mean),
             span(one.means.interval, language), str(other.means.raters), decimal(other.means.mean),
             span(other.means.interval, language))
            for question, less in zip(everybody.questions, unflagged.questions, strict=True)
            for one, other in zip(question.systems, less.systems, strict=True)
        ),
        names=2,
    )  # fmt: skip


def rules(screening: Screening, caption: str, language: str = FALLBACK) -> Table:
    """The rules with their thresholds, and how many raters each flagged."""
    counts = screening.counts
    return Table(
        caption,
        header(language, "rule", "when", "flagged"),
        tuple(
            (say(language, f"rule_{name}"), words, str(counts[name]))
            for name, words in sentences(screening.rules, language).items()
        ),
    )


def flagged(screening: Screening, caption: str, language: str = FALLBACK) -> Table:
    """Every flagged rater with what was found."""
    return Table(
        caption,
        header(language, "rater", "rule", "found"),
        tuple(
            (rater, say(language, f"rule_{flag.rule}"), flag.found)
            for rater, flags in screening.flags.items()
            for flag in flags
        ),
        names=2,
    )


def choices(fields: Sequence[FieldAnswers], caption: str, language: str = FALLBACK) -> Table:
    """How often every choice of the questionnaire was made; the share is of those who answered."""
    rows = []
    for field in fields:
        for choice, many in field.choices.items():
            rows.append((field.label, choice, str(many), decimal(100 * many / field.answered if many else 0.0, 1)))
        rows.append((field.label, say(language, "questionnaire_none"), str(field.raters - field.answered), DASH))
    return Table(caption, header(language, "question", "answer", "raters", "share"), tuple(rows), names=2)


def numbers(fields: Sequence[FieldAnswers], caption: str, language: str = FALLBACK) -> Table:
    """Mean and range of every number that the questionnaire asks for."""
    found = [(field, field.numbers) for field in fields]
    return Table(
        caption,
        header(language, "question", "answers", "mean", "deviation", "median", "lowest", "highest"),
        tuple(
            (field.label, say(language, "part", many=one.n if one else 0, of=field.raters),
             *(decimal(value) for value in (
                 (one.mean, one.deviation, one.median, one.lowest, one.highest) if one else (None,) * 5)))
            for field, one in found
        ),
    )  # fmt: skip


def widths(rows: Sequence[Width], caption: str, *, of_systems: bool, language: str = FALLBACK) -> Table:
    """How much is known so far, without what it says."""
    names = ("system", "question", "raters") if of_systems else ("sample", "system", "question", "votes")
    return Table(
        caption,
        header(language, *names, "width"),
        tuple(
            (*(() if of_systems else (one.item or DASH,)), one.title, one.question, str(one.n), decimal(one.width))
            for one in rows
        ),
        names=len(names) - 2,
    )


def counts(analysis: Analysis, caption: str, language: str = FALLBACK) -> Table:
    """Sessions and answers, and what became of the latter."""
    return Table(
        caption,
        header(language, "what", "many"),
        tuple((say(language, f"count_{name}"), str(getattr(analysis.counts, name))) for name in _COUNTS),
    )


def models(analysis: Analysis, caption: str, language: str = FALLBACK) -> Table:
    """What every system is."""
    return Table(
        caption,
        header(language, "system", "model", "checkpoint"),
        tuple((name, one["model"] or DASH, one["checkpoint_sha256"] or DASH) for name, one in analysis.systems.items()),
    )


def _shares(values: Sequence[float]) -> tuple[str, ...]:
    return tuple(decimal(value, 1) for value in values) if values else (DASH,) * len(SCORES)
