"""Numbers against hand-made ones, published ones, other programs' and simulations."""

import itertools
import math
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lass.errors import LassError
from lass.listening.results.agreement import alpha, repeats
from lass.listening.results.comparing import compare, friedman, holm
from lass.listening.results.statistics import (
    bootstrap_interval,
    bounded_interval,
    describe,
    describe_system,
    mean_interval,
    rater_means,
)

SCORES = st.lists(st.integers(1, 5), min_size=1, max_size=80)


# --- One sound


def test_votes_are_described_as_by_hand() -> None:
    votes = describe([1, 3, 3, 5, 5])
    assert (votes.n, votes.mean, votes.median, votes.modes) == (5, 3.4, 3.0, (3, 5))
    assert votes.votes == (1, 0, 2, 0, 2)
    assert votes.shares == (20.0, 0.0, 40.0, 0.0, 40.0)
    assert votes.deviation == pytest.approx(math.sqrt((2.4**2 + 2 * 0.4**2 + 2 * 1.6**2) / 4))


def test_nobody_one_rater_and_all_fives_are_defined() -> None:
    nobody = describe([])
    assert (nobody.n, nobody.mean, nobody.modes, nobody.shares, nobody.interval) == (0, None, (), (), None)
    assert nobody.votes == (0, 0, 0, 0, 0)
    alone = describe([4])
    assert (alone.mean, alone.modes, alone.deviation) == (4.0, (4,), None)
    assert alone.interval is not None
    assert (alone.interval.low, alone.interval.high) == (1.0, 5.0)  # one vote says next to nothing
    fives = describe([5] * 10)
    assert (fives.deviation, fives.modes, fives.shares) == (0.0, (5,), (0.0, 0.0, 0.0, 0.0, 100.0))
    assert fives.interval is not None
    # The likelihood of a share p of fives, the rest ones: 20 log p = -t(0.975, 10)^2, with t = 2.228139.
    assert fives.interval.low == pytest.approx(1 + 4 * math.exp(-(2.2281388519649385**2) / 20), abs=1e-9)
    assert fives.interval.high == 5.0
    ones = describe([1] * 10).interval
    assert ones is not None
    assert (ones.low, ones.high) == (1.0, pytest.approx(6 - fives.interval.low))


@pytest.mark.parametrize("scores", [[0], [6], [3.5], [3, float("nan")], [True, 7]])
def test_what_is_no_score_is_refused(scores: list[float]) -> None:
    with pytest.raises(LassError, match="whole number from 1 to 5"):
        describe(scores)


@given(SCORES)
@settings(max_examples=60)
def test_percentages_sum_to_100_and_intervals_stay_on_the_scale(scores: list[int]) -> None:
    votes = describe(scores)
    assert sum(votes.shares) == pytest.approx(100.0)
    assert sum(votes.votes) == votes.n == len(scores)
    assert all(scores.count(mode) == max(votes.votes) for mode in votes.modes)
    assert votes.interval is not None
    assert votes.mean is not None
    assert 1.0 <= votes.interval.low <= votes.mean <= votes.interval.high <= 5.0
    assert votes.interval.width > 0


@given(SCORES, st.randoms())
@settings(max_examples=30)
def test_order_does_not_matter(scores: list[int], random: Random) -> None:
    names = [f"r{index % 7}" for index in range(len(scores))]
    shuffled = list(zip(scores, names, strict=True))
    random.shuffle(shuffled)
    mixed, mixed_names = zip(*shuffled, strict=True)
    assert describe(mixed) == describe(scores)
    one, two = describe_system(scores, names), describe_system(mixed, mixed_names)
    assert one.mean == pytest.approx(two.mean)
    assert one.interval == two.interval
    assert one.bootstrap == two.bootstrap


@given(SCORES)
@settings(max_examples=30)
def test_turning_the_scale_round_turns_the_interval_round(scores: list[int]) -> None:
    there, back = bounded_interval(scores), bounded_interval([6 - score for score in scores])
    assert there is not None
    assert back is not None
    assert there.low == pytest.approx(6 - back.high, abs=1e-6)
    assert there.high == pytest.approx(6 - back.low, abs=1e-6)


def test_the_bounded_interval_holds_the_truth_as_often_as_it_says(rng: np.random.Generator) -> None:
    shapes = {
        "around the middle": [0.05, 0.15, 0.3, 0.3, 0.2],
        "mostly fives": [0, 0, 0.02, 0.08, 0.9],
        "few outliers": [0.02, 0, 0, 0.08, 0.9],
        "two camps": [0.4, 0.1, 0, 0.1, 0.4],
    }
    for name, shape in shapes.items():
        truth = float(np.dot(shape, range(1, 6)))
        for n, draws in ((1, 20), (5, 150), (20, 150)):
            intervals = [
                describe(np.repeat(range(1, 6), counts)).interval for counts in rng.multinomial(n, shape, size=draws)
            ]
            held = np.mean([one is not None and one.low <= truth <= one.high for one in intervals])
            assert held >= 0.9, f"{name}, n = {n}: {held:.1%}"


# --- One system


def test_a_system_rests_on_the_means_of_its_raters() -> None:
    scores, raters = [5, 5, 5, 5, 1, 3], ["a", "a", "a", "a", "b", "c"]
    system = describe_system(scores, raters)
    assert (system.raters, system.ratings, system.mean, system.median) == (3, 6, 3.0, 3.0)
    assert system.deviation == 2.0
    assert system.pooled.mean == 4.0
    assert system.interval is not None
    # 3 +- t(0.975, 2) 2 / sqrt(3) leaves the scale on both sides.
    assert (system.interval.low, system.interval.high, system.interval.method) == (1.0, 5.0, "t")
    np.testing.assert_array_equal(rater_means(scores, raters), [1.0, 3.0, 5.0])


def test_the_t_interval_is_the_textbook_one() -> None:
    interval = mean_interval([3.0, 3.5, 4.0, 2.5, 3.0])
    assert interval is not None
    half = 2.7764451051977987 * math.sqrt(0.325 / 5)  # t(0.975, 4)
    assert (interval.low, interval.high) == (pytest.approx(3.2 - half), pytest.approx(3.2 + half))


def test_systems_with_no_one_or_equal_raters_are_defined() -> None:
    nobody = describe_system([], [])
    assert (nobody.raters, nobody.mean, nobody.interval, nobody.bootstrap) == (0, None, None, None)
    alone = describe_system([4, 5], ["a", "a"])
    assert (alone.mean, alone.deviation, alone.bootstrap) == (4.5, None, None)
    assert alone.interval is not None
    assert (alone.interval.method, alone.interval.width) == ("bounded", 4.0)
    equal = describe_system([5] * 6, list("abcdef"))
    assert (equal.mean, equal.deviation) == (5.0, 0.0)
    assert equal.interval is not None
    assert equal.interval.method == "bounded"
    assert 1 < equal.interval.low < equal.interval.high == 5.0
    with pytest.raises(LassError, match="one rater for every score"):
        describe_system([5, 4], ["a"])


def test_intervals_over_raters_hold_where_naive_ones_do_not() -> None:
    """70 raters whose taste differs by 0.7: pooled ratings pretend to know more than they do."""
    for items, naive_expected in ((5, 0.88), (20, 0.58)):
        generator = np.random.default_rng(1)
        levels = generator.normal(0, 1.0, items)
        levels -= levels.mean()

        def rate(raters: int, generator: np.random.Generator = generator, levels: np.ndarray = levels) -> np.ndarray:
            heard = 3.3 + levels + generator.normal(0, 0.7, (raters, 1))
            return np.clip(np.rint(heard + generator.normal(0, 0.8, (raters, len(levels)))), 1, 5)

        truth = float(rate(20_000).mean())
        naive = clustered = resampled = 0
        rounds = 400
        for _ in range(rounds):
            scores = rate(70)
            half = 1.96 * scores.std(ddof=1) / math.sqrt(scores.size)
            naive += bool(abs(scores.mean() - truth) <= half)
            means = rater_means(scores, np.repeat(np.arange(70), items))
            interval, bootstrap = mean_interval(means), bootstrap_interval(means, resamples=400)
            assert interval is not None
            assert bootstrap is not None
            clustered += interval.low <= truth <= interval.high
            resampled += bootstrap.low <= truth <= bootstrap.high
        assert naive / rounds == pytest.approx(naive_expected, abs=0.05)
        assert 0.92 <= clustered / rounds <= 0.98
        assert 0.91 <= resampled / rounds <= 0.98


# --- Between systems


def test_holm_against_known_values() -> None:
    adjusted = holm([0.01, 0.04, 0.03, 0.005])
    assert adjusted == pytest.approx([0.03, 0.06, 0.06, 0.02])  # R: p.adjust(c(.01, .04, .03, .005), "holm")
    assert holm([0.5, None, 0.9]) == [1.0, None, 1.0]
    assert holm([]) == []


def means(**systems: list[float]) -> dict[str, dict[str, float]]:
    return {name: {f"r{place}": mean for place, mean in enumerate(own)} for name, own in systems.items()}


def test_a_pair_is_compared_over_its_shared_raters() -> None:
    # Differences 1, 2, 0, -1, 3 and a rater who heard one system only.
    (pair,) = compare(means(a=[4, 5, 3, 2, 5, 5], b=[3, 3, 3, 3, 2]))
    assert (pair.raters, pair.higher, pair.same, pair.lower, pair.difference) == (5, 3, 1, 1, 1.0)
    # Ranks without the zero: 1 -> 1.5, 2 -> 3, -1 -> 1.5, 3 -> 4; W+ = 8.5, W- = 1.5.
    assert pair.effect == pytest.approx(0.7)
    # Of the 16 ways to sign the ranks {1.5, 1.5, 3, 4}, 4 have |W+ - W-| >= 7.
    totals = [sum(sign * rank for sign, rank in zip(signs, (1.5, 1.5, 3, 4), strict=True))
              for signs in itertools.product((1, -1), repeat=4)]  # fmt: skip
    assert pair.p == pytest.approx(sum(abs(total) >= 7 for total in totals) / 16)
    assert pair.adjusted == pair.p


def test_wilcoxon_agrees_with_scipy_on_both_sides_of_the_exact_range(rng: np.random.Generator) -> None:
    from scipy import stats

    few = np.array([0.1, 0.2, -0.3, 0.4, 0.5, 0.6, -0.7, 0.8])  # no ties: scipy is exact
    (pair,) = compare({"a": {str(i): 3 + d for i, d in enumerate(few)}, "b": {str(i): 3.0 for i in range(len(few))}})
    assert pair.p == pytest.approx(stats.wilcoxon(few, method="exact").pvalue)
    many = rng.integers(-2, 4, size=60) / 2
    (pair,) = compare({"a": {str(i): 3 + d for i, d in enumerate(many)}, "b": {str(i): 3.0 for i in range(60)}})
    assert pair.p == pytest.approx(stats.wilcoxon(many[many != 0], method="asymptotic").pvalue)


def test_pairs_without_raters_preference_or_spread_are_defined() -> None:
    (nobody,) = compare({"a": {"x": 3.0}, "b": {"y": 4.0}})
    assert (nobody.raters, nobody.p, nobody.adjusted, nobody.difference) == (0, None, None, None)
    (equal,) = compare(means(a=[3, 4], b=[3, 4]))
    assert (equal.p, equal.effect, equal.interval) == (1.0, 0.0, None)
    (one,) = compare(means(a=[5], b=[1]))
    assert (one.p, one.effect, one.interval) == (1.0, 1.0, None)


def test_pairs_are_corrected_over_each_other() -> None:
    rows = [0.5, 1.0, 1.5, 0.5, 1.0, 2.0, 0.5, 1.0]
    pairs = compare(means(a=[3 + row for row in rows], b=[3.0] * 8, c=[3.0, 3.5] * 4))
    assert [(pair.first, pair.second) for pair in pairs] == [("a", "b"), ("a", "c"), ("b", "c")]
    assert pairs[0].p == pytest.approx(2 / 256)
    assert pairs[0].adjusted == pytest.approx(3 * 2 / 256)


def test_friedman_uses_raters_who_heard_everything() -> None:
    table = means(a=[1, 1, 1, 1], b=[2, 2, 2, 3], c=[3, 3, 3, 2, 5])
    result = friedman(table)
    assert result is not None
    # Rank sums 4, 9, 11: 12 / (4 * 3 * 4) * (16 + 81 + 121) - 3 * 4 * 4 = 6.5.
    assert (result.raters, result.statistic) == (4, pytest.approx(6.5))
    assert result.p == pytest.approx(math.exp(-6.5 / 2))  # chi-squared with two degrees of freedom
    assert result.concordance == pytest.approx(6.5 / 8)
    assert friedman(means(a=[1], b=[2])) is None
    lonely, flat = friedman(means(a=[1], b=[2], c=[3])), friedman(means(a=[3, 4], b=[3, 4], c=[3, 4]))
    assert lonely is not None
    assert (lonely.raters, lonely.p) == (1, None)
    assert flat is not None
    assert (flat.p, flat.concordance) == (1.0, 0.0)


# --- Agreement

NONE = math.nan
PUBLISHED = np.array([  # K. Krippendorff, Computing Krippendorff's Alpha-Reliability, 2011, section C
    [1, 2, 3, 3, 2, 1, 4, 1, 2, NONE, NONE, NONE],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, NONE, 3],
    [NONE, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, NONE],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, NONE],
])  # fmt: skip


@pytest.mark.parametrize(("metric", "published"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849)])
def test_alpha_of_the_published_example(metric: str, published: float) -> None:
    result = alpha(PUBLISHED, metric=metric)
    assert result.value == pytest.approx(published, abs=5e-4)
    assert (result.units, result.ratings) == (11, 40)


def test_alpha_does_not_depend_on_the_order_of_raters_or_units(rng: np.random.Generator) -> None:
    mixed = rng.permutation(rng.permutation(PUBLISHED, axis=0), axis=1)
    assert alpha(mixed).value == pytest.approx(alpha(PUBLISHED).value)


def test_alpha_at_its_ends() -> None:
    assert alpha([[1, 2, 3], [1, 2, 3]]).value == 1.0
    opposed = alpha([[1, 5], [5, 1]]).value  # observed disagreement 1, expected 2/3
    assert opposed == pytest.approx(-0.5)
    assert alpha([[3, 3], [3, 3]]).value is None
    assert alpha([[3, 4]]).value is None
    assert alpha(np.empty((0, 4))).value is None
    assert alpha(np.full((2, 2), NONE)).value is None


def test_repeats_by_hand() -> None:
    result = repeats([("a", 3, 3), ("a", 4, 5), ("b", 5, 2)])
    assert (result.raters, result.pairs) == (2, 3)
    assert (result.same, result.within_one) == (pytest.approx(100 / 3), pytest.approx(200 / 3))
    assert result.shift == pytest.approx(-2 / 3)
    assert result.deviation == pytest.approx(math.sqrt(10 / 6))
    assert repeats([]).same is None
