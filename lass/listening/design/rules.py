"""The thresholds of rater screening: a study file may set them, and every report shows them."""

from pydantic import Field, StrictInt

from lass.listening.design.text import Frozen, Number


class Rules(Frozen):
    """When a rater is flagged; ``lass.listening.results.screening.sentences`` says it in words.

    Attributes:
        trap_score: a wrong-source output rated this or higher is a failed trap.
        trap_share: share of a rater's traps that must fail for the flag.
        least_deviation: standard deviation of a rater's scores, in points, below which they are all but the same; for
            every question, and over at least `deviation_ratings` ratings each.
        quick_seconds: an answer sooner than the length of the sound and this long after the trial was shown is quick.
        quick_share: the flag comes when more than this share of a rater's answers is quick.
        least_correlation: Spearman correlation of a rater's scores with the median of all other raters', below which
            they disagree; over at least `correlation_ratings` sounds that others rated too.
    """

    trap_score: StrictInt = Field(default=4, ge=2, le=5)
    trap_share: Number = Field(default=0.5, ge=0, le=1)
    least_deviation: Number = Field(default=0.2, ge=0, le=2)
    deviation_ratings: StrictInt = Field(default=5, ge=2, le=1_000)
    quick_seconds: Number = Field(default=0.5, ge=0, le=60)
    quick_share: Number = Field(default=0.5, ge=0, le=1)
    least_correlation: Number = Field(default=0.1, ge=-1, le=1)
    correlation_ratings: StrictInt = Field(default=8, ge=3, le=1_000)


__all__ = ["Rules"]
