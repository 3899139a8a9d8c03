"""A picture of scores: a box and dots for every name, under each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lass.plots import FAMILY, fit, new_figure, printable

_ROW_INCHES, _TOP_INCHES, _BOTTOM_INCHES = 0.26, 0.3, 0.45
_POINTS = 7.5
_EDGE, _NAMES_SHARE = 0.03, 0.42  # of the width: free margin, most that the names may take
_BOX, _LINE, _DOT = "#bcd3ea", "#1f3b57", "#3d7ab8"


def boxes(scores: Mapping[str, Sequence[float]], *, title: str, axis: str) -> Figure:
    """Draw a box and the single scores for every name, the first on top, on an Agg canvas 960 pixels wide.

    The box spans the quartiles, its line is the median, the diamond the mean; whiskers reach from 5 to 95 %.
    """
    height = _TOP_INCHES + _BOTTOM_INCHES + _ROW_INCHES * len(scores)
    figure = new_figure(height=height)
    width = figure.get_window_extent().width
    heading = figure.text(_EDGE, 1 - 0.2 / height, "", fontsize=8.5, family=FAMILY, fontweight="bold", parse_math=False)
    fit(heading, "", printable(title), room=(1 - 2 * _EDGE) * width)
    names, longest = _names(figure, scores, room=_NAMES_SHARE * width)
    left = _EDGE + longest / width + 0.02
    bottom, top = _BOTTOM_INCHES / height, 1 - _TOP_INCHES / height
    axes = figure.add_axes((left, bottom, 1 - _EDGE - left, top - bottom))
    axes.use_sticky_edges = False
    axes.margins(x=0.03)
    axes.grid(axis="x", color="0.9", linewidth=0.6, zorder=0)
    axes.axvline(0.0, color="0.5", linewidth=0.8, zorder=1)
    for place, values in enumerate(scores.values()):
        _box(axes, np.asarray(values, dtype=np.float64), place)
    axes.set_ylim(len(scores) - 0.5, -0.5)
    axes.set_yticks(range(len(scores)), names, fontsize=_POINTS, family=FAMILY, parse_math=False)
    axes.tick_params(axis="y", length=0)
    axes.tick_params(axis="x", labelsize=_POINTS, labelfontfamily=FAMILY, length=2.5, pad=2)
    axes.set_xlabel(axis, fontsize=_POINTS, family=FAMILY, labelpad=2)
    return figure


def _box(axes: Axes, values: np.ndarray, place: int) -> None:
    low, first, median, third, high = np.percentile(values, [5, 25, 50, 75, 95])
    axes.barh(place, third - first, left=first, height=0.62, color=_BOX, edgecolor=_LINE, linewidth=0.7, zorder=2)
    axes.plot([low, first], [place, place], color=_LINE, linewidth=0.8, zorder=2)
    axes.plot([third, high], [place, place], color=_LINE, linewidth=0.8, zorder=2)
    axes.plot([median, median], [place - 0.31, place + 0.31], color=_LINE, linewidth=1.6, zorder=4)
    # The golden ratio spreads dots evenly over the height of the row, the same way in every picture.
    heights = place + 0.5 * ((np.arange(len(values)) * 0.618034) % 1.0 - 0.5)
    axes.scatter(values, heights, s=2.5, color=_DOT, alpha=0.5, linewidths=0, zorder=3)
    axes.scatter([values.mean()], [place], s=16, marker="D", color="white", edgecolors=_LINE, linewidths=0.9, zorder=5)


def _names(figure: Figure, scores: Mapping[str, Sequence[float]], *, room: float) -> tuple[list[str], float]:
    """The names with their counts, each cut to the room in pixels, and the width of the longest."""
    measure = figure.text(0, 0, "", fontsize=_POINTS, family=FAMILY, parse_math=False)
    names, longest = [], 0.0
    for name, values in scores.items():
        fit(measure, f"({len(values)})  ", printable(name) or "?", room=room)
        longest = max(longest, measure.get_window_extent().width)
        count, _, shown = measure.get_text().partition("  ")
        names.append(f"{shown}  {count}")
    measure.remove()
    return names, longest
