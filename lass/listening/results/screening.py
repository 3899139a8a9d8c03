"""Which raters may not have listened: rules with thresholds, reported with every result and never applied in silence.

A flag is a reason to look, not a verdict. Results are always shown twice, with every rater and without the flagged.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from lass.listening.design.rules import Rules
from lass.listening.design.scales import Scale


@dataclass(frozen=True)
class Flag:
    """A rule that a rater meets, and what was found."""

    rule: str
    found: str


@dataclass(frozen=True)
class Rater:
    """What screening looks at of one rater.

    Attributes:
        name: of the session, in the report.
        scores: question -> stimulus -> score; first hearing of everything that counts, controls included.
        traps: scores of the wrong-source outputs, for the question that traps are about.
        times: (seconds to rate, seconds of the sound), for every trial, from its first answer.
        headphones: "passed", "failed", "skipped" or None.
        notes: what the server flagged while the test ran, one of `ratings.records.FLAGS` each.
    """

    name: str
    scores: Mapping[str, Mapping[str, int]]
    traps: Sequence[int] = ()
    times: Sequence[tuple[float, float]] = ()
    headphones: str | None = None
    notes: Sequence[str] = ()


@dataclass(frozen=True)
class Screening:
    """The rules, and every rater's flags; raters without a flag are not in it."""

    rules: Rules
    raters: int
    flags: Mapping[str, tuple[Flag, ...]] = field(default_factory=dict)

    @property
    def counts(self) -> dict[str, int]:
        """How many raters each rule flagged."""
        return {
            rule: sum(any(flag.rule == rule for flag in flags) for flags in self.flags.values())
            for rule in self.rules.sentences()
        }


def trap_question(scale: Scale) -> str | None:
    """The key of the question that a wrong source must score low on; None for scales of sound quality only.

    A wrong source can sound excellent, so nothing follows from its quality: only the questions on how well the sound
    matches what was asked for make a trap. A study's own scale asks that first.
    """
    if scale.name in ("acr", "sig-bak-ovrl"):
        return None
    return scale.questions[0].key


def screen(raters: Sequence[Rater], rules: Rules | None = None) -> Screening:
    """Apply the rules to every rater, each compared to all others."""
    rules = rules or Rules()
    flags = {}
    for rater in raters:
        others = [other for other in raters if other is not rater]
        found = [
            *_traps(rater, rules), *_variance(rater, rules), *_time(rater, rules), *_headphones(rater),
            *_agreement(rater, others, rules), *(Flag("claims", note) for note in rater.notes),
        ]  # fmt: skip
        if found:
            flags[rater.name] = tuple(found)
    return Screening(rules, len(raters), flags)


def correlation_with_others(rater: Rater, others: Sequence[Rater]) -> tuple[float | None, int]:
    """Spearman's correlation of a rater's scores with the median of the others', and over how many sounds.

    Questions are taken together, each sound once per question. None where one side does not vary.
    """
    own, theirs = [], []
    for question, scores in rater.scores.items():
        for stimulus, score in scores.items():
            heard = [
                other.scores[question][stimulus]
                for other in others
                if stimulus in other.scores.get(question, {})
            ]
            if heard:
                own.append(score)
                theirs.append(float(np.median(heard)))
    if len(set(own)) < 2 or len(set(theirs)) < 2:
        return None, len(own)
    from scipy import stats

    ranks = [stats.rankdata(values) for values in (own, theirs)]
    return float(np.corrcoef(ranks[0], ranks[1])[0, 1]), len(own)


def _traps(rater: Rater, rules: Rules) -> list[Flag]:
    failed = sum(score >= rules.trap_score for score in rater.traps)
    if not failed or failed < rules.trap_share * len(rater.traps):
        return []
    return [Flag("traps", f"{failed} of {len(rater.traps)} rated {rules.trap_score} or higher")]


def _variance(rater: Rater, rules: Rules) -> list[Flag]:
    lists = [list(scores.values()) for scores in rater.scores.values()]
    if not lists or min(map(len, lists)) < max(2, rules.deviation_ratings):
        return []
    widest = max(float(np.std(scores, ddof=1)) for scores in lists)
    return [Flag("variance", f"standard deviation {widest:.2f}")] if widest < rules.least_deviation else []


def _time(rater: Rater, rules: Rules) -> list[Flag]:
    quick = sum(taken < seconds + rules.quick_seconds for taken, seconds in rater.times)
    if not quick or quick <= rules.quick_share * len(rater.times):
        return []
    return [Flag("time", f"{quick} of {len(rater.times)} answers")]


def _headphones(rater: Rater) -> list[Flag]:
    return [Flag("headphones", "failed")] if rater.headphones == "failed" else []


def _agreement(rater: Rater, others: Sequence[Rater], rules: Rules) -> list[Flag]:
    correlation, sounds = correlation_with_others(rater, others)
    if correlation is None or sounds < rules.correlation_ratings or correlation >= rules.least_correlation:
        return []
    return [Flag("agreement", f"correlation {correlation:.2f} over {sounds} ratings")]
