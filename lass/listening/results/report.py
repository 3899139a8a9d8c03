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

from lass.errors import LassError
from lass.listening.results import figures, tables
from lass.listening.results.findings import BUILT_WITH, Analysis, QuestionResults, Results
from lass.listening.results.markup import Html, join, page, tag
from lass.listening.results.questionnaire import FieldAnswers
from lass.listening.results.screening import Screening
from lass.listening.results.tables import Table, decimal, moment, p_value
from lass.listening.results.words import FALLBACK, languages, say

STYLE = Path(__file__).with_name("report.css")
METHODS = 7
"""Sentences on how the numbers were computed."""
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


def check_language(language: str) -> None:
    """Refuse, with LassError, a language that there are no words of a report in."""
    if language not in languages():
        raise LassError(f"There is no report in {language!r:.40}; choose one of {', '.join(languages())}.")


def numbers(analysis: Analysis) -> str:
    """Every number of the analysis as JSON; null where a value is not defined."""
    return json.dumps(analysis.to_dict(), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def document(analysis: Analysis) -> str:
    """The whole report as one HTML document, in the language of the analysis."""

    def embedded(question: QuestionResults, number: int) -> str | None:
        picture = figures.pictures(question, analysis.language)[number]
        if picture is None:
            return None
        return f"data:image/svg+xml;base64,{base64.b64encode(picture.encode()).decode()}"

    return page(
        say(analysis.language, "report_title", title=analysis.title),
        tag("main", header(analysis), findings(analysis, embedded), class_="report"),
        language=analysis.language,
        # The style is ours and holds no </style>.
        head=tag("style", Html(style())),
    )


@cache
def style() -> str:
    """The style sheet of reports."""
    return STYLE.read_text(encoding="utf-8")


def findings(analysis: Analysis, picture: Picture) -> Html:
    """All of the report that follows its header."""
    parts: list[Html | None] = []
    if analysis.results is None or analysis.unflagged is None or analysis.screening is None:
        parts += [_progress(analysis)]
    else:
        several = len(analysis.results.questions) > 1
        parts += [_question(question, picture, several, analysis.language) for question in analysis.results.questions]
        parts += [
            _screening(analysis.screening, analysis.results, analysis.unflagged, analysis.language),
            _questionnaire(analysis),
        ]
    parts += [_facts(analysis), _methods(analysis)]
    return join(parts)


def table(content: Table, language: str = FALLBACK) -> Html:
    """A table that a screen reader can walk through and that scrolls by itself where the screen is narrow."""
    if not content.rows:
        return tag("p", say(language, "nothing", caption=content.caption), class_="faint")
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
    language, counts = analysis.language, analysis.counts
    if analysis.state == "closed":
        state = say(language, "closed_on", date=moment(analysis.closes))
    elif analysis.state == "not yet open":
        state = say(language, "opens_on", date=moment(analysis.opens))
    elif analysis.closes:
        state = say(language, "open_until", date=moment(analysis.closes))
    else:
        state = say(language, "open_for_good")
    so_far = say(
        language, "so_far", state=state, sessions=say(language, "sessions", count=counts.begun),
        finished=counts.finished, ratings=say(language, "ratings", count=counts.counted),
        raters=say(language, "raters", count=counts.raters),
    )  # fmt: skip
    return tag(
        "header",
        tag("h1", analysis.title),
        tag("p", so_far, class_="lead"),
        tag("p", say(language, "not_comparable"), class_="note"),
        None if analysis.state == "closed" else tag("p", say(language, "hidden"), class_="note"),
    )


def _progress(analysis: Analysis) -> Html:
    language = analysis.language
    systems, samples = say(language, "progress_systems"), say(language, "progress_samples")
    return tag(
        "section",
        tag("h2", say(language, "progress_title")),
        table(tables.widths(analysis.system_widths, systems, of_systems=True, language=language), language),
        table(tables.widths(analysis.widths, samples, of_systems=False, language=language), language),
        None if analysis.closes else tag("p", say(language, "progress_no_end")),
    )


def _question(question: QuestionResults, picture: Picture, several: bool, language: str) -> Html:
    def caption(key: str) -> str:
        return say(language, key, question=f" ({question.key})" if several else "")

    labels = "; ".join(f"{score} {label}" for score, label in enumerate(question.labels, start=1))
    parts = [
        tag("h2", question.text),
        tag("p", f"{labels}.", class_="faint"),
        table(tables.samples(question, caption("samples"), language=language), language),
        _picture(picture(question, 0), caption("share_of_votes"), language),
        table(tables.systems(question, caption("systems"), language), language),
        _picture(picture(question, 1), caption("means"), language),
    ]
    if question.pairs:
        parts += [table(tables.pairs(question, caption("pairs"), language), language), _friedman(question, language)]
    if question.traps:
        parts.append(table(tables.samples(question, caption("traps"), question.traps, language), language))
    parts.append(_agreement(question, language))
    return tag("section", parts)


def _picture(address: str | None, caption: str, language: str) -> Html | None:
    if address is None:
        return None
    described = say(language, "picture", caption=caption)
    return tag("figure", tag("figcaption", caption), tag("img", src=address, alt=described, loading="lazy"))


def _friedman(question: QuestionResults, language: str) -> Html | None:
    test = question.friedman
    if test is None:
        return None
    if test.p is None:
        return tag("p", say(language, "friedman_undefined", systems=test.systems))
    p = p_value(test.p)
    return tag(
        "p",
        say(
            language, "friedman", systems=test.systems, raters=test.raters, freedom=test.systems - 1,
            statistic=decimal(test.statistic), p=p if p.startswith("<") else f"= {p}",
            concordance=decimal(test.concordance),
        ),
    )  # fmt: skip


def _agreement(question: QuestionResults, language: str) -> Html:
    found, again = question.alpha, question.repeats
    sentences = [
        say(
            language, "alpha", value=decimal(found.value), ratings=say(language, "ratings", count=found.ratings),
            sounds=say(language, "sounds", count=found.units),
        )
        if found.value is not None
        else say(language, "alpha_undefined")
    ]  # fmt: skip
    if again.pairs:
        sentences.append(
            say(
                language, "repeats", sounds=say(language, "sounds", count=again.pairs),
                raters=say(language, "raters", count=again.raters), same=decimal(again.same, 1),
                within=decimal(again.within_one, 1), shift=decimal(again.shift), deviation=decimal(again.deviation),
            )
        )  # fmt: skip
    return join([tag("p", sentence) for sentence in sentences])


def _screening(screening: Screening, everybody: Results, unflagged: Results, language: str) -> Html:
    out = len(screening.flags)
    text = say(language, "screening_text", flagged=out, raters=say(language, "raters", count=screening.raters))
    systems = say(language, "screening_systems")
    parts = [
        tag("h2", say(language, "screening_title")),
        tag("p", text),
        table(tables.rules(screening, say(language, "screening_rules"), language), language),
        table(tables.flagged(screening, say(language, "screening_flagged"), language), language),
        table(tables.with_and_without(everybody, unflagged, systems, language), language),
    ]
    if out:
        parts += [
            table(
                tables.samples(one, say(language, "screening_samples", question=one.key), language=language), language
            )
            for one in unflagged.questions
        ]
    return tag("section", parts)


def _questionnaire(analysis: Analysis) -> Html | None:
    fields, language = analysis.questionnaire, analysis.language
    if not fields:
        return None
    choices = [field for field in fields if field.kind == "choice"]
    numbers = [field for field in fields if field.kind == "number"]
    raters = say(language, "raters", count=fields[0].raters)
    text = say(language, "questionnaire_text", raters=raters)
    parts = [tag("h2", say(language, "questionnaire_title")), tag("p", text)]
    if choices:
        parts.append(table(tables.choices(choices, say(language, "questionnaire_choices"), language), language))
    if numbers:
        parts.append(table(tables.numbers(numbers, say(language, "questionnaire_numbers"), language), language))
    parts += [_texts(field, language) for field in fields if field.kind == "text" or field.texts]
    return tag("section", parts)


def _texts(field: FieldAnswers, language: str) -> Html:
    shown, more = field.texts[:MOST_TEXTS], len(field.texts) - MOST_TEXTS
    many = say(
        language, "questionnaire_texts", many=len(field.texts), raters=say(language, "raters", count=field.raters)
    )
    return join(
        tag("h3", field.label),
        tag("p", many, class_="faint"),
        tag("ul", [tag("li", _shortened(text)) for text in shown]) if shown else None,
        tag("p", say(language, "questionnaire_more", many=more), class_="faint") if more > 0 else None,
    )


def _shortened(text: str) -> str:
    words = " ".join(text.split())
    return words if len(words) <= LONGEST_TEXT else f"{words[:LONGEST_TEXT].rstrip()}…"


def _facts(analysis: Analysis) -> Html:
    language = analysis.language
    facts = {
        "study": analysis.slug,
        "scale": analysis.scale,
        "study_sha256": analysis.study_sha256,
        "manifest_sha256": analysis.manifest_sha256,
        "built": moment(analysis.built),
        "loudness": f"{decimal(analysis.loudness, 1)} LUFS",
        "analysed": moment(analysis.analysed),
    }
    rows = [(say(language, f"fact_{name}"), text) for name, text in facts.items()]
    builder = {BUILT_WITH: say(language, "fact_builder")}
    rows += [(builder.get(name, name), text) for name, text in analysis.versions.items()]
    return tag(
        "section",
        tag("h2", say(language, "facts_title")),
        table(tables.counts(analysis, say(language, "facts_counts"), language), language),
        table(tables.models(analysis, say(language, "facts_systems"), language), language),
        table(Table(say(language, "facts_versions"), tables.header(language, "what", "which"), tuple(rows)), language),
    )


def _methods(analysis: Analysis) -> Html:
    language = analysis.language
    command = f"python -m lass study report {analysis.slug} --out report.html"
    if language != FALLBACK:
        command += f" --language {language}"
    return tag(
        "section",
        tag("h2", say(language, "methods_title")),
        tag("ul", [tag("li", say(language, f"method_{number}")) for number in range(1, METHODS + 1)]),
        tag("p", say(language, "methods_again"), " ", tag("code", command)),
        tag("p", say(language, "methods_numbers"), class_="faint"),
    )
