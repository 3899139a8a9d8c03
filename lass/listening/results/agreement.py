"""Do raters agree with each other, and each with themselves?

Krippendorff's alpha is written out here from K. Krippendorff, "Computing Krippendorff's Alpha-Reliability" (2011):
1 - observed disagreement / expected disagreement, over the coincidences of scores within units, where any rater may
have left out any unit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Alpha:
    """Krippendorff's alpha; `value` is None where nothing can be said: fewer than two raters per unit, one score only.

    Attributes:
        value: 1 for perfect agreement, 0 for what chance gives, below 0 for less than that.
        units: sounds that at least two raters rated.
        ratings: ratings of those.
    """

    value: float | None
    units: int
    ratings: int


@dataclass(frozen=True)
class Repeats:
    """How raters answered when they heard the same sound again; None for what needs at least one such pair.

    Attributes:
        raters, pairs: raters with a repeat, and first and second answers compared.
        same: share of pairs with the same score, in percent.
        within_one: share of pairs at most one point apart, in percent.
        shift: mean of second minus first, in points.
        deviation: within-rater standard deviation of one rating, sqrt(sum of d^2 / (2 pairs)), in points.
    """

    raters: int
    pairs: int
    same: float | None
    within_one: float | None
    shift: float | None
    deviation: float | None


def alpha(scores: ArrayLike, *, metric: str = "ordinal") -> Alpha:
    """Krippendorff's alpha of a table `(raters, units)`, NaN where a rater did not rate a unit.

    Args:
        scores: any numbers; for "ordinal" only their order counts.
        metric: "nominal", "ordinal" or "interval".

    Raises:
        KeyError: there is no such metric.
    """
    table = np.asarray(scores, dtype=np.float64)
    if table.size == 0:
        return Alpha(None, 0, 0)
    values, counts = _counts(table)
    counts = counts[counts.sum(axis=1) >= 2]  # a score that nothing can be compared to says nothing
    units, ratings = len(counts), int(counts.sum())
    if units == 0:
        return Alpha(None, 0, 0)
    sizes = counts.sum(axis=1)
    # Pairs of scores within each unit, each weighed by 1 / (m - 1): the coincidence matrix.
    coincidences = np.einsum("uc,uk,u->ck", counts, counts, 1.0 / (sizes - 1))
    coincidences -= np.diag((counts / (sizes - 1)[:, None]).sum(axis=0))
    marginals = coincidences.sum(axis=1)
    distances = _METRICS[metric](values, marginals)
    expected = float((np.outer(marginals, marginals) * distances).sum()) / (ratings - 1)
    if expected <= 0.0:  # one score only: there was nothing to agree about
        return Alpha(None, units, ratings)
    return Alpha(1.0 - float((coincidences * distances).sum()) / expected, units, ratings)


def repeats(pairs: Iterable[tuple[str, int, int]]) -> Repeats:
    """Compare `(rater, first score, second score)`."""
    rows = list(pairs)
    if not rows:
        return Repeats(0, 0, None, None, None, None)
    apart = np.array([second - first for _, first, second in rows], dtype=np.float64)
    return Repeats(
        raters=len({rater for rater, _, _ in rows}),
        pairs=len(rows),
        same=100.0 * float(np.mean(apart == 0)),
        within_one=100.0 * float(np.mean(np.abs(apart) <= 1)),
        shift=float(apart.mean()),
        deviation=float(np.sqrt((apart**2).sum() / (2 * len(rows)))),
    )


def _counts(table: Floats) -> tuple[Floats, Floats]:
    """The distinct scores in ascending order, and `(units, scores)`: how often each unit got each."""
    values = np.unique(table[~np.isnan(table)])
    columns = [(table == value).sum(axis=0) for value in values]
    counts: Floats = np.array(columns, dtype=np.float64).reshape(len(values), table.shape[1]).T
    return values, counts


def _nominal(values: Floats, marginals: Floats) -> Floats:
    apart: Floats = 1.0 - np.eye(len(values))
    return apart


def _interval(values: Floats, marginals: Floats) -> Floats:
    return np.square(np.subtract.outer(values, values))


def _ordinal(values: Floats, marginals: Floats) -> Floats:
    """(sum of n_g for g from c to k, less (n_c + n_k) / 2) squared: how many scores lie between two."""
    middle = np.cumsum(marginals) - marginals / 2
    return np.square(np.subtract.outer(middle, middle))


_METRICS: dict[str, Callable[[Floats, Floats], Floats]] = {
    "nominal": _nominal,
    "ordinal": _ordinal,
    "interval": _interval,
}
