"""The tables of a report as text: what is published, to the last digit.

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
from lass.listening.results.screening import Screening
from lass.listening.results.statistics import SCORES, Interval

DASH = "–"


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


def span(interval: Interval | None) -> str:
    """Both ends of an interval."""
    return DASH if interval is None else f"{decimal(interval.low)} to {decimal(interval.high)}"


def modes(values: Sequence[int]) -> str:
    """The most frequent scores, ties joined by a comma."""
    return ", ".join(map(str, values)) or DASH


def samples(question: QuestionResults, caption: str, chosen: Iterable[Sample] | None = None) -> Table:
    """The table of the sounds: average, most frequent rating, share of votes per score, and the interval."""
    listed = question.samples if chosen is None else tuple(chosen)
    return Table(
        caption,
        ("Sample", "System", "Votes", "Average rating", "95 % interval", "Most frequent rating",
         *(f"{score} (%)" for score in SCORES), "Median", "Standard deviation"),
        tuple(
            (one.item, one.title, str(one.votes.n), decimal(one.votes.mean), span(one.votes.interval),
             modes(one.votes.modes), *_shares(one.votes.shares), decimal(one.votes.median, 1),
             decimal(one.votes.deviation))
            for one in listed
        ),
        names=2,
    )  # fmt: skip


def systems(question: QuestionResults, caption: str) -> Table:
    """The table of the systems, over rater means."""
    return Table(
        caption,
        ("System", "Raters", "Ratings", "Mean", "95 % interval", "95 % bootstrap", "Median", "Standard deviation",
         "Most frequent rating", *(f"{score} (%)" for score in SCORES)),
        tuple(
            (one.title, str(one.means.raters), str(one.means.ratings), decimal(one.means.mean),
             span(one.means.interval), span(one.means.bootstrap), decimal(one.means.median),
             decimal(one.means.deviation), modes(one.means.pooled.modes), *_shares(one.means.pooled.shares))
            for one in question.systems
        ),
    )  # fmt: skip


def pairs(question: QuestionResults, caption: str) -> Table:
    """The table of the paired tests."""
    return Table(
        caption,
        ("System", "Against", "Raters of both", "Higher", "Same", "Lower", "Mean difference", "95 % interval", "p",
         "p (Holm)", "Effect"),
        tuple(
            (one.first, one.second, str(one.raters), str(one.higher), str(one.same), str(one.lower),
             decimal(one.difference), span(one.interval), p_value(one.p), p_value(one.adjusted), decimal(one.effect))
            for one in question.pairs
        ),
        names=2,
    )  # fmt: skip


def with_and_without(everybody: Results, unflagged: Results, caption: str) -> Table:
    """Every system's mean twice: over all raters, and without the flagged ones."""
    return Table(
        caption,
        ("System", "Question", "All: raters", "All: mean", "All: 95 % interval", "Without flagged: raters",
         "Without flagged: mean", "Without flagged: 95 % interval"),
        tuple(
            (one.title, question.key, str(one.means.raters), decimal(one.means.mean), span(one.means.interval),
             str(other.means.raters), decimal(other.means.mean), span(other.means.interval))
            for question, less in zip(everybody.questions, unflagged.questions, strict=True)
            for one, other in zip(question.systems, less.systems, strict=True)
        ),
        names=2,
    )  # fmt: skip


def rules(screening: Screening, caption: str) -> Table:
    """The rules with their thresholds, and how many raters each flagged."""
    counts = screening.counts
    return Table(
        caption,
        ("Rule", "A rater is flagged when", "Raters flagged"),
        tuple((name, words, str(counts[name])) for name, words in screening.rules.sentences().items()),
    )


def flagged(screening: Screening, caption: str) -> Table:
    """Every flagged rater with what was found."""
    return Table(
        caption,
        ("Rater", "Rule", "Found"),
        tuple((rater, flag.rule, flag.found) for rater, flags in screening.flags.items() for flag in flags),
        names=2,
    )


def choices(fields: Sequence[FieldAnswers], caption: str) -> Table:
    """How often every choice of the questionnaire was made; the share is of those who answered."""
    rows = []
    for field in fields:
        for choice, many in field.choices.items():
            rows.append((field.label, choice, str(many), decimal(100 * many / field.answered if many else 0.0, 1)))
        rows.append((field.label, "(no answer)", str(field.raters - field.answered), DASH))
    return Table(caption, ("Question", "Answer", "Raters", "Share of the answers (%)"), tuple(rows), names=2)


def numbers(fields: Sequence[FieldAnswers], caption: str) -> Table:
    """Mean and range of every number that the questionnaire asks for."""
    found = [(field, field.numbers) for field in fields]
    return Table(
        caption,
        ("Question", "Answers", "Mean", "Standard deviation", "Median", "Lowest", "Highest"),
        tuple(
            (field.label, f"{one.n if one else 0} of {field.raters}",
             *(decimal(value) for value in (
                 (one.mean, one.deviation, one.median, one.lowest, one.highest) if one else (None,) * 5)))
            for field, one in found
        ),
    )  # fmt: skip


def widths(rows: Sequence[Width], caption: str, *, of_systems: bool) -> Table:
    """How much is known so far, without what it says."""
    first, count = (("System",), "Raters") if of_systems else (("Sample", "System"), "Votes")
    return Table(
        caption,
        (*first, "Question", count, "Width of the 95 % interval"),
        tuple(
            (*(() if of_systems else (one.item or DASH,)), one.title, one.question, str(one.n), decimal(one.width))
            for one in rows
        ),
        names=len(first),
    )


def counts(analysis: Analysis, caption: str) -> Table:
    """Sessions and answers, and what became of the latter."""
    found = analysis.counts
    lines = {
        "Sessions begun": found.begun,
        "Sessions that consented": found.consented,
        "Sessions finished": found.finished,
        "Raters: sessions with at least one rating that counts, finished or not": found.raters,
        "Answers, each in its latest revision": found.answers,
        "of these: ratings that count": found.counted,
        "of these: practice, left out": found.practice,
        "of these: wrong-source outputs (traps), apart": found.traps,
        "of these: second hearings (repeats), apart": found.repeats,
        "of these: of sounds that this build of the study does not have, left out": found.unknown,
        "Answers that were changed at least once": found.changed,
        "Sessions that began under another version of the study's file": found.other_studies,
    }
    return Table(caption, ("What", "How many"), tuple((what, str(many)) for what, many in lines.items()))


def models(analysis: Analysis, caption: str) -> Table:
    """What every system is."""
    return Table(
        caption,
        ("System", "Model", "Checkpoint (SHA-256)"),
        tuple((name, one["model"] or DASH, one["checkpoint_sha256"] or DASH) for name, one in analysis.systems.items()),
    )


def _shares(values: Sequence[float]) -> tuple[str, ...]:
    return tuple(decimal(value, 1) for value in values) if values else (DASH,) * len(SCORES)
