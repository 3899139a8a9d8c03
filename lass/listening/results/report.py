"""The report of a study: one HTML file with everything in it, and its numbers as JSON beside it.

It asks for nothing from anywhere: the style and the pictures are inside. Every text is escaped.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from functools import cache
from pathlib import Path

from lass.listening.results import figures, tables
from lass.listening.results.findings import Analysis, QuestionResults, Results
from lass.listening.results.markup import Html, join, page, tag
from lass.listening.results.questionnaire import FieldAnswers
from lass.listening.results.tables import Table, decimal, moment, p_value

STYLE = Path(__file__).with_name("report.css")
NOT_COMPARABLE = (
    "Mean opinion scores from different studies are not directly comparable: they depend on the sounds, the raters "
    "and what else was in the test."
)
HIDDEN = (
    "The means are hidden while the study is open, and so is everything else that says which system leads: a study "
    "that ends when its numbers please ends on chance."
)
MOST_TEXTS, LONGEST_TEXT = 100, 300
"""Texts of one question of the questionnaire that are listed, and characters of one; the rest is in the JSON file."""

Picture = Callable[[QuestionResults, int], "str | None"]
"""The address of a question's picture: 0 for the votes, 1 for the means; None where there is none."""


def write_report(analysis: Analysis, out: Path | str) -> Path:
    """Write the report to `out` and its numbers to the same name with `.json`; returns the HTML file.

    Raises:
        LassError: the folder cannot be written to.
    """
    from lass.files import whole

    file = Path(out)
    for path, text in ((file.with_suffix(".json"), numbers(analysis)), (file, document(analysis))):
        with whole(path) as target:
            target.write(text.encode())
    return file


def numbers(analysis: Analysis) -> str:
    """Every number of the analysis as JSON; null where a value is not defined."""
    return json.dumps(analysis.to_dict(), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def document(analysis: Analysis) -> str:
    """The whole report as one HTML document."""
    title = f"{analysis.title} – listening test"
    return page(
        title,
        tag("main", body(analysis, embedded), class_="report"),
        # The style is ours and holds no </style>.
        head=tag("style", Html(style())),
    )


@cache
def style() -> str:
    """The style sheet of reports."""
    return STYLE.read_text(encoding="utf-8")


def embedded(question: QuestionResults, number: int) -> str | None:
    """A picture as an address that holds all of it."""
    picture = figures.pictures(question)[number]
    if picture is None:
        return None
    return f"data:image/svg+xml;base64,{base64.b64encode(picture.encode()).decode()}"


def body(analysis: Analysis, picture: Picture) -> Html:
    """The report without its frame."""
    return join(header(analysis), findings(analysis, picture))


def findings(analysis: Analysis, picture: Picture) -> Html:
    """All of the report that follows its header."""
    parts: list[Html | None] = []
    if analysis.results is None or analysis.unflagged is None or analysis.screening is None:
        parts += [_progress(analysis)]
    else:
        parts += [
            _question(question, picture, len(analysis.results.questions) > 1) for question in analysis.results.questions
        ]
        parts += [_screening(analysis, analysis.results, analysis.unflagged), _questionnaire(analysis)]
    parts += [_facts(analysis), _methods(analysis)]
    return join(parts)


def table(content: Table) -> Html:
    """A table that a screen reader can walk through and that scrolls by itself where the screen is narrow."""
    if not content.rows:
        return tag("p", f"{content.caption}: nothing to show.", class_="faint")
    name = f"table-{hashlib.sha256(content.caption.encode()).hexdigest()[:8]}"
    head = tag("thead", tag("tr", [tag("th", column, scope="col") for column in content.header]))
    rows = [
        tag("tr", [_cell("th", cell, scope="row") for cell in row[: content.names]],
            [_cell("td", cell) for cell in row[content.names :]])
        for row in content.rows
    ]  # fmt: skip
    # The name stands outside of what scrolls, or half of it would be out of sight.
    inside = tag("table", head, tag("tbody", rows), aria_labelledby=name)
    return join(
        tag("p", content.caption, class_="caption", id=name),
        tag("div", inside, class_="scroll", tabindex=0, role="region", aria_labelledby=name),
    )


def _cell(name: str, text: str, scope: str | None = None) -> Html:
    # Numbers and short names stay on one line; sentences and hashes may break.
    return tag(name, text, scope=scope, class_="short" if len(text) <= 18 else None)


def header(analysis: Analysis) -> Html:
    """The study's title, its state, and the warning."""
    counts = analysis.counts
    said = {
        "closed": f"Closed on {moment(analysis.closes)}",
        "open": f"Open until {moment(analysis.closes)}" if analysis.closes else "Open, without a closing date",
        "not yet open": f"Opens on {moment(analysis.opens)}",
    }
    return tag(
        "header",
        tag("h1", analysis.title),
        tag("p", f"{said[analysis.state]}. {_many(counts.begun, 'session')} begun, {counts.finished} finished, "
                 f"{_many(counts.counted, 'rating')} by {_many(counts.raters, 'rater')}.", class_="lead"),
        tag("p", NOT_COMPARABLE, class_="note"),
        None if analysis.state == "closed" else tag("p", HIDDEN, class_="note"),
    )  # fmt: skip


def _progress(analysis: Analysis) -> Html:
    return tag(
        "section",
        tag("h2", "How much is known so far"),
        table(tables.widths(analysis.system_widths, "Systems: raters, and points from end to end of the interval",
                            of_systems=True)),
        table(tables.widths(analysis.widths, "Samples: votes, and points from end to end of the interval",
                            of_systems=False)),
        None if analysis.closes else tag(
            "p", "This study has no closing date. Write one into its file (closes: 2030-01-31) to see its results."
        ),
    )  # fmt: skip


def _question(question: QuestionResults, picture: Picture, several: bool) -> Html:
    name = f" ({question.key})" if several else ""
    labels = "; ".join(f"{score} {label}" for score, label in enumerate(question.labels, start=1))
    parts = [
        tag("h2", question.text),
        tag("p", f"{labels}.", class_="faint"),
        table(tables.samples(question, f"Samples{name}")),
        _picture(picture(question, 0), f"Share of the votes for every sample{name}", "The same as in the table above."),
        table(tables.systems(question, f"Systems, over the means of their raters{name}")),
        _picture(picture(question, 1), f"Means with 95 % intervals{name}", "The same as in the table above."),
    ]
    if question.pairs:
        parts += [table(tables.pairs(question, f"Systems compared by the same raters{name}")), _friedman(question)]
    if question.traps:
        caption = f"Wrong-source outputs (traps), in no other table{name}"
        parts.append(table(tables.samples(question, caption, question.traps)))
    parts.append(_agreement(question))
    return tag("section", parts)


def _picture(address: str | None, caption: str, description: str) -> Html | None:
    if address is None:
        return None
    return tag(
        "figure", tag("figcaption", caption), tag("img", src=address, alt=f"{caption}. {description}", loading="lazy")
    )


def _friedman(question: QuestionResults) -> Html | None:
    test = question.friedman
    if test is None:
        return None
    if test.p is None:
        return tag("p", f"Friedman test over {test.systems} systems: not defined, because fewer than two raters rated "
                        "all of them.")  # fmt: skip
    p = p_value(test.p)
    return tag(
        "p",
        f"Friedman test over {test.systems} systems and the {test.raters} raters who rated all of them: "
        f"chi-squared({test.systems - 1}) = {decimal(test.statistic)}, p {p if p.startswith('<') else f'= {p}'}, "
        f"Kendall’s W = {decimal(test.concordance)}.",
    )


def _agreement(question: QuestionResults) -> Html:
    found, again = question.alpha, question.repeats
    sentences = [
        f"Agreement between raters: Krippendorff’s alpha (ordinal) = {decimal(found.value)}, over "
        f"{_many(found.ratings, 'rating')} of {_many(found.units, 'sound')} that at least two raters rated."
        if found.value is not None
        else "Agreement between raters: not defined, because no sound has two ratings or all scores are the same."
    ]
    if again.pairs:
        sentences.append(
            f"Raters with themselves, over {_many(again.pairs, 'sound')} heard twice by {_many(again.raters, 'rater')}:"
            f" the same score in {decimal(again.same, 1)} %, at most one point apart in {decimal(again.within_one, 1)} "
            f"%, second minus first {decimal(again.shift)} points, within-rater standard deviation "
            f"{decimal(again.deviation)} points."
        )
    return join([tag("p", sentence) for sentence in sentences])


def _screening(analysis: Analysis, everybody: Results, unflagged: Results) -> Html:
    screening = analysis.screening
    assert screening is not None
    out = len(screening.flags)
    parts = [
        tag("h2", "Rater screening"),
        tag("p", f"{out} of {_many(screening.raters, 'rater')} met at least one rule. Nobody was left out of the "
                 "tables above; below they are shown once more without the flagged raters."),
        table(tables.rules(screening, "Rules")),
        table(tables.flagged(screening, "Flagged raters")),
        table(tables.with_and_without(everybody, unflagged, "Systems with and without the flagged raters")),
    ]  # fmt: skip
    if out:
        parts += [
            table(tables.samples(question, f"Samples without the flagged raters ({question.key})"))
            for question in unflagged.questions
        ]
    return tag("section", parts)


def _questionnaire(analysis: Analysis) -> Html | None:
    fields = analysis.questionnaire
    if not fields:
        return None
    choices = [field for field in fields if field.kind == "choice"]
    numbers = [field for field in fields if field.kind == "number"]
    return tag(
        "section",
        tag("h2", "What the raters said of themselves"),
        tag("p", f"Answers to the questionnaire by the {_many(fields[0].raters, 'rater')} of the tables above, flagged "
                 "ones included."),
        table(tables.choices(choices, "Choices")) if choices else None,
        table(tables.numbers(numbers, "Numbers")) if numbers else None,
        [_texts(field) for field in fields if field.kind == "text" or field.texts],
    )  # fmt: skip


def _texts(field: FieldAnswers) -> Html:
    shown, more = field.texts[:MOST_TEXTS], len(field.texts) - MOST_TEXTS
    return join(
        tag("h3", field.label),
        tag("p", f"{len(field.texts)} of {_many(field.raters, 'rater')} wrote something, here in alphabetical order.",
            class_="faint"),
        tag("ul", [tag("li", _shortened(text)) for text in shown]) if shown else None,
        tag("p", f"{more} more in the JSON file and in the exports.", class_="faint") if more > 0 else None,
    )  # fmt: skip


def _shortened(text: str) -> str:
    words = " ".join(text.split())
    return words if len(words) <= LONGEST_TEXT else f"{words[:LONGEST_TEXT].rstrip()}…"


def _facts(analysis: Analysis) -> Html:
    facts = {
        "Study": analysis.slug,
        "Scale": analysis.scale,
        "SHA-256 of the study’s file": analysis.study_sha256,
        "SHA-256 of the file the sounds were built from": analysis.manifest_sha256,
        "Sounds built": moment(analysis.built),
        "Loudness of all sounds": f"{decimal(analysis.loudness, 1)} LUFS",
        "Analysed": moment(analysis.analysed),
        **analysis.versions,
    }
    return tag(
        "section",
        tag("h2", "What this rests on"),
        table(tables.counts(analysis, "Counts")),
        table(tables.models(analysis, "Systems")),
        table(Table("Versions", ("What", "Which"), tuple(facts.items()))),
    )


def _methods(analysis: Analysis) -> Html:
    command = f"python -m lass study report {analysis.slug} --out report.html"
    return tag(
        "section",
        tag("h2", "How the numbers were computed"),
        tag("ul", [tag("li", sentence) for sentence in METHODS]),
        tag("p", "The same report, from the same ratings: ", tag("code", command)),
        tag("p", "All numbers in full precision are in the JSON file beside this report.", class_="faint"),
    )


METHODS = (
    "Every answer counts in its latest revision. Practice is left out; wrong-source outputs (traps) and second "
    "hearings (repeats) stand apart. A session that was not finished counts with what it rated.",
    "Samples: n, mean, median, all most frequent scores, sample standard deviation (n − 1), and the share of votes for "
    "each score in per cent of n. Their 95 % interval is the profile-likelihood interval of the mean of a distribution "
    "on 1 to 5, with Student’s t for n degrees of freedom squared as its limit: it never leaves the scale, and has a "
    "width also where all votes are equal. One vote alone says nothing: its interval is the whole scale.",
    "Systems: over the means of their raters, because ratings of one rater are not independent of each other. The 95 % "
    "interval is Student’s t over rater means, cut to the scale; with one rater, or where all rater means are equal, "
    "the bounded interval of the samples. The bootstrap draws raters with replacement, 2,000 times from a fixed seed. "
    "Most frequent rating and shares of votes are of the pooled ratings.",
    "Systems compared: rater means, over raters who rated both. Wilcoxon’s signed-rank test, two-sided; raters without "
    "a preference are left out of the ranks, equal differences share their mean rank; exact up to 13 differences, and "
    "up to 50 without ties; else normal with correction for ties. p (Holm) is corrected over all pairs of the question."
    " The effect is the matched-pairs rank-biserial correlation, from −1 to 1.",
    "Friedman’s test, corrected for ties, over raters who rated every system.",
    "Krippendorff’s alpha with the ordinal metric, over samples, hidden anchor and reference included.",
    "Numbers are rounded half away from zero; – means not defined.",
)


def _many(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
