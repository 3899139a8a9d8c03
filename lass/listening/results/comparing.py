"""Is one system rated higher than another by the same raters?

Everything here is paired: a rater's mean score of one system against the same rater's mean of another. Raters are
independent of each other, their ratings are not, so a rater counts once.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from lass.listening.results.statistics import CONFIDENCE, Interval, t_quantile

_TIE = 1e-9  # rater means closer than this are the same: they differ by rounding only


@dataclass(frozen=True)
class Pair:
    """Two systems, compared over the raters who rated both; None for what no such rater leaves undefined.

    Attributes:
        first, second: the systems.
        raters: raters who rated both.
        higher, same, lower: raters whose mean for `first` is above, equal to, below that for `second`.
        difference: mean of the raters' differences, first minus second, in points.
        interval: 95 % t interval of that difference; None for one rater or equal differences.
        p: of the two-sided Wilcoxon signed-rank test; 1 where no rater prefers either.
        adjusted: p after Holm's correction over all pairs of the question.
        effect: matched-pairs rank-biserial correlation, (W+ - W-) / (W+ + W-): 1 where every rater who has a
            preference prefers the first, -1 the second, 0 where they balance.
    """

    first: str
    second: str
    raters: int
    higher: int
    same: int
    lower: int
    difference: float | None
    interval: Interval | None
    p: float | None
    adjusted: float | None
    effect: float | None


@dataclass(frozen=True)
class Friedman:
    """The Friedman test over more than two systems; `p` is None with fewer than two raters who rated all of them.

    Attributes:
        systems, raters: how many, raters who rated every system only.
        statistic: chi-squared, corrected for ties, with systems - 1 degrees of freedom.
        concordance: Kendall's W, statistic / (raters (systems - 1)): 0 no agreement on the order, 1 full agreement.
    """

    systems: int
    raters: int
    statistic: float | None
    p: float | None
    concordance: float | None


Means = Mapping[str, Mapping[str, float]]
"""System -> rater -> the rater's mean score of it."""


def compare(means: Means) -> tuple[Pair, ...]:
    """Compare every pair of systems, in the order given, with Holm's correction over all pairs that have a p."""
    pairs = [_pair(first, second, means) for first, second in itertools.combinations(means, 2)]
    adjusted = holm([pair.p for pair in pairs])
    return tuple(
        Pair(**{**pair.__dict__, "adjusted": value}) for pair, value in zip(pairs, adjusted, strict=True)
    )


def holm(values: Sequence[float | None]) -> list[float | None]:
    """P-values after Holm's step-down correction, in the order given; None stays None and does not count.

    The k-th smallest of m is multiplied by m - k + 1, never falls below a smaller one, and is at most 1 (S. Holm,
    Scandinavian Journal of Statistics 6, 1979).
    """
    known = sorted((value, place) for place, value in enumerate(values) if value is not None)
    adjusted: list[float | None] = [None] * len(values)
    highest = 0.0
    for step, (value, place) in enumerate(known):
        highest = max(highest, min(1.0, value * (len(known) - step)))
        adjusted[place] = highest
    return adjusted


def friedman(means: Means) -> Friedman | None:
    """The Friedman test over the raters who rated every system; None for fewer than three systems."""
    if len(means) < 3:
        return None
    shared = sorted(set.intersection(*(set(raters) for raters in means.values())))
    systems, raters = len(means), len(shared)
    if raters < 2:
        return Friedman(systems, raters, None, None, None)
    table = np.round([[scores[rater] for rater in shared] for scores in means.values()], 9)
    if all(len(set(column)) == 1 for column in table.T.tolist()):  # nobody prefers anything
        return Friedman(systems, raters, 0.0, 1.0, 0.0)
    from scipy import stats

    result = stats.friedmanchisquare(*table)
    statistic = float(result.statistic)
    return Friedman(systems, raters, statistic, float(result.pvalue), statistic / (raters * (systems - 1)))


def _pair(first: str, second: str, means: Means) -> Pair:
    shared = sorted(set(means[first]) & set(means[second]))
    apart = np.round(np.array([means[first][rater] - means[second][rater] for rater in shared], dtype=np.float64), 9)
    if not len(apart):
        return Pair(first, second, 0, 0, 0, 0, None, None, None, None, None)
    p, effect = _signed_rank(apart)
    return Pair(
        first=first,
        second=second,
        raters=len(apart),
        higher=int((apart > _TIE).sum()),
        same=int((np.abs(apart) <= _TIE).sum()),
        lower=int((apart < -_TIE).sum()),
        difference=float(apart.mean()),
        interval=_difference_interval(apart),
        p=p,
        adjusted=None,
        effect=effect,
    )


def _signed_rank(apart: np.ndarray) -> tuple[float, float]:
    """The p-value and the effect size of the Wilcoxon signed-rank test.

    Raters without a preference (differences of zero) are left out of the ranks, as Wilcoxon did, and equal
    differences share their mean rank. Up to 13 differences the distribution is exact over all signs, ties included;
    beyond, and without ties up to 50, exact; else normal with the correction for ties.
    """
    nonzero = apart[np.abs(apart) > _TIE]
    if not len(nonzero):
        return 1.0, 0.0
    from scipy import stats

    ranks = stats.rankdata(np.abs(nonzero))
    effect = float((ranks * np.sign(nonzero)).sum() / ranks.sum())
    if len(nonzero) <= 13:
        return _exact(ranks, nonzero), effect
    return float(stats.wilcoxon(nonzero, zero_method="wilcox", method="auto").pvalue), effect


def _exact(ranks: np.ndarray, differences: np.ndarray) -> float:
    """Share of all 2^n ways to give the ranks a sign that lie at least as far from balance as the one observed."""
    signs = 1 - 2 * ((np.arange(2 ** len(ranks))[:, None] >> np.arange(len(ranks))) & 1)
    observed = abs(float((ranks * np.sign(differences)).sum()))
    return float(np.mean(np.abs(signs @ ranks) >= observed - _TIE))


def _difference_interval(apart: np.ndarray) -> Interval | None:
    n = len(apart)
    if n < 2 or float(apart.std()) < _TIE:
        return None
    half = t_quantile(CONFIDENCE, n - 1) * float(apart.std(ddof=1)) / math.sqrt(n)
    middle = float(apart.mean())
    return Interval(middle - half, middle + half, "t")
