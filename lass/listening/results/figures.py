"""Two pictures of a question's results: how the votes fell for every sound, and every system's mean with its interval.

Drawn with matplotlib's object interface, never pyplot, so several can be drawn at once. As SVG they are text: small,
sharp on paper, and without anything that a browser would fetch.
"""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from lass.listening.results.findings import QuestionResults, Sample, System
from lass.listening.results.statistics import HIGHEST, LOWEST, SCORES
from lass.listening.results.words import FALLBACK, say
from lass.plots import FAMILY, fit, new_figure, printable

SCORE_COLOURS = ("#a6611a", "#dfc27d", "#e9e9e9", "#80cdc1", "#018571")
"""From 1 to 5: brown to teal over grey. Told apart with every kind of colour vision, and the numbers stand in them."""
_ON_DARK = {1, 5}  # scores whose number is written in white
_LINE, _CONTROL, _GRID = "#1f3b57", "#767676", "0.9"
_POINTS, _SMALL = 8.0, 7.0
_ROW, _TOP, _BOTTOM, _EDGE = 0.4, 0.26, 0.42, 0.03  # inches, inches, inches, share of the width
_BAR = 0.2  # under the middle of its row, of the row's height: the name stands over it
_LEAST_NUMBERED = 5.0  # per cent: the number would not fit into a narrower bar
_RANDOM_NAME = re.compile(r'id="([a-zA-Z]+[0-9a-f]{10})"')
MOST_ROWS = 60
"""Rows of one picture; more would be a wall. The tables have every sound."""


def votes(question: QuestionResults, language: str = FALLBACK) -> Figure | None:
    """Bars of 100 %, a sound each, cut at the shares of the scores from 1 to 5; None where nobody rated anything."""
    samples = [sample for sample in question.samples if sample.votes.n][:MOST_ROWS]
    if not samples:
        return None
    many = len({sample.system for sample in question.samples}) > 1
    counts = [say(language, "votes", count=one.votes.n) for one in samples]
    axes = _rows([_sample_name(one, many) for one in samples], counts)
    for place, sample in enumerate(samples):
        _bar(axes, place, sample)
    axes.set_xlim(0, 100)
    axes.set_xlabel(say(language, "axis_votes"), fontsize=_POINTS, family=FAMILY, labelpad=2)
    _score_legend(axes)
    return _figure_of(axes)


def means(question: QuestionResults, language: str = FALLBACK) -> Figure | None:
    """A dot for every system's mean over raters with its 95 % interval; None where nobody rated anything."""
    systems = [system for system in question.systems if system.means.raters]
    if not systems:
        return None
    axes = _rows([system.title for system in systems], [_mean(system, language) for system in systems])
    axes.grid(axis="x", color=_GRID, linewidth=0.6, zorder=0)
    for place, system in enumerate(systems):
        _dot(axes, place, system)
    axes.set_xlim(LOWEST - 0.05, HIGHEST + 0.05)
    axes.set_xticks(SCORES)
    axes.set_xlabel(say(language, "axis_means"), fontsize=_POINTS, family=FAMILY, labelpad=2)
    return _figure_of(axes)


def svg(figure: Figure) -> str:
    """The picture as an SVG document: letters as outlines, no date, nothing fetched."""
    out = io.StringIO()
    figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    return _numbered(out.getvalue())


def _numbered(text: str) -> str:
    """An SVG whose random names are numbers instead, so that the same votes give the same bytes."""
    names = dict.fromkeys(_RANDOM_NAME.findall(text))
    for number, name in enumerate(names):
        text = text.replace(name, f"n{number}-{len(names)}")
    return text


@lru_cache(maxsize=64)
def pictures(question: QuestionResults, language: str = FALLBACK) -> tuple[str | None, str | None]:
    """`votes` and `means` of a question as SVG; remembered, because drawing takes longer than serving."""
    shares, systems = votes(question, language), means(question, language)
    return None if shares is None else svg(shares), None if systems is None else svg(systems)


def _sample_name(sample: Sample, many: bool) -> str:
    return f"{sample.item} – {sample.title}" if many else sample.item


def _mean(system: System, language: str) -> str:
    return f"{system.means.mean:.2f}, {say(language, 'raters', count=system.means.raters)}"


def _rows(names: Sequence[str], details: Sequence[str]) -> Axes:
    """Axes with a row for every entry, the first on top; its name stands over it, cut to leave room for the detail."""
    height = _TOP + _BOTTOM + _ROW * len(names)
    figure = new_figure(height=height)
    figure.patch.set_facecolor("white")
    axes = figure.add_axes((_EDGE, _BOTTOM / height, 1 - 2 * _EDGE, 1 - (_TOP + _BOTTOM) / height))
    room = axes.get_window_extent().width
    for place, (name, detail) in enumerate(zip(names, details, strict=True)):
        over: dict[str, Any] = {"y": place - 0.09, "va": "bottom", "fontsize": _POINTS, "family": FAMILY}
        over["parse_math"] = False
        across = axes.get_yaxis_transform()
        taken = axes.text(1, s=detail, ha="right", color="0.35", transform=across, **over).get_window_extent().width
        fit(axes.text(0, s="", transform=across, **over), "", printable(name) or "?", room=0.97 * room - taken)
    axes.set_ylim(len(names) - 0.5, -0.6)
    axes.set_yticks([])
    axes.tick_params(axis="x", labelsize=_SMALL, labelfontfamily=FAMILY, length=2.5, pad=2)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    return axes


def _bar(axes: Axes, place: int, sample: Sample) -> None:
    begin = 0.0
    for score, share, colour in zip(SCORES, sample.votes.shares, SCORE_COLOURS, strict=True):
        if not share:
            continue
        axes.barh(place + _BAR, share, left=begin, height=0.5, color=colour, edgecolor="white", linewidth=0.6)
        if share >= _LEAST_NUMBERED:
            axes.text(
                begin + share / 2, place + _BAR, f"{share:.0f}", ha="center", va="center", fontsize=_SMALL,
                family=FAMILY, color="white" if score in _ON_DARK else "black",
            )  # fmt: skip
        begin += share


def _dot(axes: Axes, place: int, system: System) -> None:
    colour = _LINE if system.role == "system" else _CONTROL
    interval = system.means.interval
    assert system.means.mean is not None  # it has raters
    if interval is not None:
        axes.plot([interval.low, interval.high], [place + _BAR] * 2, color=colour, linewidth=1.6, zorder=2)
        for end in (interval.low, interval.high):
            axes.plot([end, end], [place + _BAR - 0.12, place + _BAR + 0.12], color=colour, linewidth=1.2, zorder=2)
    marker = "o" if system.role == "system" else "D"
    axes.plot([system.means.mean], [place + _BAR], marker=marker, markersize=5, color=colour, zorder=3)


def _score_legend(axes: Axes) -> None:
    """The five colours with their scores, over the bars."""
    handles = [Rectangle((0, 0), 1, 1, color=colour) for colour in SCORE_COLOURS]
    axes.legend(
        handles, [str(score) for score in SCORES], loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=len(SCORES),
        frameon=False, prop={"family": FAMILY, "size": _SMALL}, handlelength=1.1, handleheight=0.9, columnspacing=1.2,
        borderpad=0.2, borderaxespad=0.1,
    )  # fmt: skip


def _figure_of(axes: Axes) -> Figure:
    figure = axes.figure
    assert isinstance(figure, Figure)
    return figure
