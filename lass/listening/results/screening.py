"""Which raters may not have listened: rules with thresholds, reported with every result and never applied in silence.

A flag is a reason to look, not a verdict. Results are always shown twice, with every rater and without the flagged.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from lass.listening.design.rules import Rules
from lass.listening.design.scales import Scale
from lass.listening.ratings.records import CLAIMED_TOO_MUCH
from lass.listening.results.words import FALLBACK, say

RULES = ("traps", "variance", "time", "headphones", "agreement", "claims")
"""The names that flags give the rules, in the order of the tables."""


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
            for rule in RULES
        }


def sentences(rules: Rules, language: str = FALLBACK) -> dict[str, str]:
    """Every rule with its thresholds in words, by its name."""
    values: dict[str, dict[str, object]] = {
        "traps": {"share": _percent(rules.trap_share), "score": rules.trap_score},
        "variance": {"ratings": rules.deviation_ratings, "deviation": f"{rules.least_deviation:g}"},
        "time": {"share": _percent(rules.quick_share), "seconds": f"{rules.quick_seconds:g}"},
        "agreement": {"ratings": rules.correlation_ratings, "correlation": f"{rules.least_correlation:g}"},
    }
    return {rule: say(language, f"when_{rule}", **values.get(rule, {})) for rule in RULES}


def in_words(note: str, language: str) -> str:
    """What the server noted of a session, in a language."""
    return say(language, "note_claimed") if note == CLAIMED_TOO_MUCH else note


def trap_question(scale: Scale) -> str | None:
    """The key of the question that a wrong source must score low on; None for scales of sound quality only.

    A wrong source can sound excellent, so nothing follows from its quality: only the questions on how well the sound
    matches what was asked for make a trap. A study's own scale asks that first.
    """
    if scale.name in ("acr", "sig-bak-ovrl"):
        return None
    return scale.questions[0].key


def screen(raters: Sequence[Rater], rules: Rules | None = None, language: str = FALLBACK) -> Screening:
    """Apply the rules to every rater, each compared to all others; what is found is said in a language."""
    rules = rules or Rules()
    flags = {}
    for rater in raters:
        others = [other for other in raters if other is not rater]
        found = [
            *_traps(rater, rules, language), *_variance(rater, rules, language), *_time(rater, rules, language),
            *_headphones(rater, language), *_agreement(rater, others, rules, language),
            *(Flag("claims", in_words(note, language)) for note in rater.notes),
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


def _traps(rater: Rater, rules: Rules, language: str) -> list[Flag]:
    failed = sum(score >= rules.trap_score for score in rater.traps)
    if not failed or failed < rules.trap_share * len(rater.traps):
        return []
    found = say(language, "found_traps", many=failed, of=len(rater.traps), score=rules.trap_score)
    return [Flag("traps", found)]


def _variance(rater: Rater, rules: Rules, language: str) -> list[Flag]:
    lists = [list(scores.values()) for scores in rater.scores.values()]
    if not lists or min(map(len, lists)) < max(2, rules.deviation_ratings):
        return []
    widest = max(float(np.std(scores, ddof=1)) for scores in lists)
    if widest >= rules.least_deviation:
        return []
    return [Flag("variance", say(language, "found_variance", deviation=f"{widest:.2f}"))]


def _time(rater: Rater, rules: Rules, language: str) -> list[Flag]:
    quick = sum(taken < seconds + rules.quick_seconds for taken, seconds in rater.times)
    if not quick or quick <= rules.quick_share * len(rater.times):
        return []
    return [Flag("time", say(language, "found_time", many=quick, of=len(rater.times)))]


def _headphones(rater: Rater, language: str) -> list[Flag]:
    return [Flag("headphones", say(language, "headphones_failed"))] if rater.headphones == "failed" else []


def _agreement(rater: Rater, others: Sequence[Rater], rules: Rules, language: str) -> list[Flag]:
    correlation, sounds = correlation_with_others(rater, others)
    if correlation is None or sounds < rules.correlation_ratings or correlation >= rules.least_correlation:
        return []
    return [Flag("agreement", say(language, "found_agreement", correlation=f"{correlation:.2f}", ratings=sounds))]


def _percent(share: float) -> str:
    return f"{100 * share:g}"
