"""Pieces of HTML of the pages beside Separate; every word in them comes escaped."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from lass.ui.parts.fragments import number
from lass.ui.words.sentences import told
from lass.ui.words.texts import Texts
from lass.ui.work.batching import Batch, Row
from lass.ui.work.comparing import Comparison
from lass.ui.work.measuring import Measured, Sweep, signed
from lass.ui.work.scores import Scores
from lass.ui.work.workbench import Stage


def intro(heading: str, words: str) -> str:
    """The heading of a page, and what it is for."""
    return f'<div class="lass-intro"><h2>{escape(heading)}</h2><p>{escape(words)}</p></div>'


def beside(words: str) -> str:
    """What stands in the place of the results until there are some."""
    return f'<p class="lass-empty">{escape(words)}</p>'


def hint(words: str) -> str:
    """A quiet sentence below a part of a form."""
    return f'<p class="lass-details">{escape(words)}</p>'


def progress(texts: Texts, stage: Stage, separating: str, loading: str) -> str:
    """What happens now, with a bar as soon as the number of windows is known."""
    if stage.name == "separating" and stage.total > 0:
        done = min(stage.done + 1, stage.total)
        sentence = separating.format(about=stage.about, done=done, total=stage.total)
        bar = f'<progress max="{stage.total}" value="{stage.done}" aria-label="{escape(sentence)}"></progress>'
    else:
        sentence = loading.format(about=stage.about) if stage.name == "loading" else getattr(texts, stage.name)
        bar = f'<progress aria-label="{escape(sentence)}"></progress>'
    return f'<div role="status" class="lass-status"><span>{escape(sentence)}</span>{bar}</div>'


def table(head: Sequence[str], rows: Sequence[Sequence[str]], caption: str = "", classes: str = "") -> str:
    """A table whose first column names the row; cells may hold markup of ours, so they come escaped already."""
    top = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in head)
    body = "".join(
        f'<tr><th scope="row">{row[0]}</th>' + "".join(f"<td>{cell}</td>" for cell in row[1:]) + "</tr>" for row in rows
    )
    title = f"<caption>{escape(caption)}</caption>" if caption else ""
    label = escape(caption or head[0])
    return (
        f'<div class="lass-table {escape(classes)}" tabindex="0" role="region" aria-label="{label}">'
        f"<table>{title}<thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def revealed(texts: Texts, comparison: Comparison, letter: str | None) -> str:
    """The names behind the letters, and the measures where the clean sound is known."""
    words, measure = texts.pages.compare, texts.pages.measure
    chosen = next((answer for answer in comparison.entrants if answer.letter == letter), None)
    if chosen is None:
        sentence = words.voted_none
    else:
        sentence = words.voted.format(letter=chosen.letter, title=chosen.title)
    head = [words.answer.format(letter="").strip(), words.model, words.took]
    measured = any(answer.scores is not None for answer in comparison.entrants)
    if measured:
        head += [measure.sdr, measure.sdri, measure.si_sdr]
    rows = []
    for answer in comparison.entrants:
        row = [answer.letter, escape(answer.title), number(texts, f"{answer.seconds_taken:.1f} s")]
        rows.append(row + (_decibels(texts, answer.scores) if answer.scores is not None else []))
    notice = f'<p class="lass-notice lass-heard" role="status">{escape(sentence)}</p>'
    return notice + table(head, rows, words.measures if measured else words.answers)


def measured(texts: Texts, result: Measured) -> str:
    """The three measures, each with a sentence on what it means."""
    words = texts.pages.measure
    values = _decibels(texts, result.scores)
    meanings = (words.sdr_means, words.sdri_means.format(before=_tenths(texts, result.before)), words.si_sdr_means)
    names = (words.sdr, words.sdri, words.si_sdr)
    items = "".join(
        f"<div><dt>{escape(name)}</dt><dd><strong>{value}</strong> {escape(meaning)}</dd></div>"
        for name, value, meaning in zip(names, values, meanings, strict=True)
    )
    down = ""
    if result.gain_db < -0.05:
        sentence = words.turned_down.format(decibels=_tenths(texts, -result.gain_db))
        down = f'<p class="lass-details">{escape(sentence)}</p>'
    return f'<dl class="lass-measures">{items}</dl>{down}'


def sweep_rows(texts: Texts, sweep: Sweep) -> str:
    """The measures at every ratio, as a table."""
    words = texts.pages.measure
    rows = [[number(texts, signed(point.ratio_db)), *_decibels(texts, point.scores)] for point in sweep.points]
    return table([words.ratio, words.sdr, words.sdri, words.si_sdr], rows, words.sweep_heading)


def sweep_alt(texts: Texts, sweep: Sweep) -> str:
    """The picture of a sweep in words."""
    points = "; ".join(
        f"{number(texts, signed(point.ratio_db))}: {_tenths(texts, point.scores.sdr)} / "
        f"{_tenths(texts, point.scores.si_sdr)} dB"
        for point in sweep.points
    )
    return texts.pages.measure.sweep_alt.format(points=points)


def batch_rows(texts: Texts, batch: Batch) -> str:
    """What came of every recording so far."""
    words = texts.pages.batch
    done = sum(not row.problem for row in batch.rows)
    summary = words.summary.format(done=done, total=batch.total)
    rows = [[escape(row.file), escape(row.query), _result(texts, row)] for row in batch.rows]
    head = [words.column_file, words.column_query, words.column_result]
    return f'<p class="lass-details">{escape(summary)}</p>' + table(head, rows, words.results, "lass-batch")


def _result(texts: Texts, row: Row) -> str:
    if row.problem:
        return f'<span class="lass-problem">{escape(told(texts, row.problem))}</span>'
    return escape(texts.pages.batch.found.format(level=number(texts, f"{row.level_db:+.1f}")))


def _decibels(texts: Texts, values: Scores) -> list[str]:
    words = texts.pages.measure
    return [
        f"{_tenths(texts, value)} dB" if math.isfinite(value) else escape(words.not_defined)
        for value in (values.sdr, values.sdri, values.si_sdr)
    ]


def _tenths(texts: Texts, value: float) -> str:
    return number(texts, f"{round(value, 1) + 0.0:.1f}")  # no minus before a nought
