"""Every rule of screening at its threshold, and that raters who do well meet none."""

import numpy as np
import pytest

from lass.listening.design.rules import Rules
from lass.listening.design.scales import PRESETS
from lass.listening.ratings.records import CLAIMED_TOO_MUCH
from lass.listening.results.screening import Rater, correlation_with_others, screen, sentences, trap_question

SOUNDS = [f"sound{number}" for number in range(10)]


def rater(name: str, scores: list[int], **more: object) -> Rater:
    return Rater(name, {"rating": dict(zip(SOUNDS, scores, strict=False))}, **more)  # type: ignore[arg-type]


def flagged(one: Rater, *others: Rater, rules: Rules | None = None) -> list[str]:
    return [flag.rule for flag in screen([one, *others], rules).flags.get(one.name, ())]


GOOD = [1, 2, 3, 4, 5, 1, 2, 3, 4, 5]


def test_raters_who_listen_meet_no_rule() -> None:
    raters = [rater(f"r{n}", GOOD, traps=[1, 2], times=[(9.0, 5.0)] * 10, headphones="passed") for n in range(5)]
    result = screen(raters)
    assert result.flags == {}
    assert result.raters == 5
    assert set(result.counts.values()) == {0}
    assert set(result.counts) == set(sentences(result.rules))


@pytest.mark.parametrize(
    ("traps", "expected"),
    [((), []), ((3,), []), ((4,), ["traps"]), ((5, 1), ["traps"]), ((5, 1, 1), []), ((5, 4, 1), ["traps"])],
)
def test_traps(traps: tuple[int, ...], expected: list[str]) -> None:
    assert flagged(rater("x", GOOD, traps=traps)) == expected


@pytest.mark.parametrize(
    ("scores", "expected"),
    [([4] * 5, ["variance"]), ([4] * 4, []), ([4, 4, 4, 4, 5], []), ([3] * 10, ["variance"])],
)
def test_scores_that_do_not_vary(scores: list[int], expected: list[str]) -> None:
    assert flagged(rater("x", scores)) == expected


def test_one_question_that_varies_is_enough() -> None:
    same, varied = dict(zip(SOUNDS, [4] * 10, strict=True)), dict(zip(SOUNDS, GOOD, strict=True))
    assert flagged(Rater("x", {"rel": same, "ovl": varied})) == []
    assert flagged(Rater("x", {"rel": same, "ovl": same})) == ["variance"]


@pytest.mark.parametrize(
    ("times", "expected"),
    [([(5.4, 5.0)] * 6 + [(9.0, 5.0)] * 4, ["time"]), ([(5.4, 5.0)] * 5 + [(9.0, 5.0)] * 5, []),
     ([(5.5, 5.0)] * 10, []), ([], [])],
)  # fmt: skip
def test_answers_that_come_too_soon(times: list[tuple[float, float]], expected: list[str]) -> None:
    assert flagged(rater("x", GOOD, times=times)) == expected


@pytest.mark.parametrize(
    ("headphones", "expected"), [("failed", ["headphones"]), ("passed", []), ("skipped", []), (None, [])]
)
def test_headphones(headphones: str | None, expected: list[str]) -> None:
    assert flagged(rater("x", GOOD, headphones=headphones)) == expected


def test_a_rater_against_all_others() -> None:
    others = [rater(f"r{n}", GOOD) for n in range(4)]
    contrary = rater("x", [6 - score for score in GOOD])
    assert flagged(contrary, *others) == ["agreement"]
    correlation, sounds = correlation_with_others(contrary, others)
    assert (correlation, sounds) == (pytest.approx(-1.0), 10)
    few = Rules(correlation_ratings=11)
    assert flagged(contrary, *others, rules=few) == []
    assert flagged(rater("x", [6 - score for score in GOOD[:7]]), *others) == []  # too few sounds to say
    assert correlation_with_others(contrary, []) == (None, 0)


def test_spearman_with_ties_agrees_with_scipy(rng: np.random.Generator) -> None:
    from scipy import stats

    one, *others = [rater(f"r{n}", rng.integers(1, 6, size=10).tolist()) for n in range(6)]
    medians = np.median([list(other.scores["rating"].values()) for other in others], axis=0)
    expected = stats.spearmanr(list(one.scores["rating"].values()), medians).statistic
    assert correlation_with_others(one, others)[0] == pytest.approx(expected)


def test_what_the_server_noted_is_passed_on() -> None:
    result = screen([rater("x", GOOD, notes=(CLAIMED_TOO_MUCH,))])
    assert [(flag.rule, flag.found) for flag in result.flags["x"]] == [("claims", CLAIMED_TOO_MUCH)]
    assert result.counts["claims"] == 1


def test_a_rater_can_meet_several_rules_and_counts_say_so() -> None:
    bad = rater("x", [5] * 10, traps=[5], headphones="failed")
    result = screen([bad, rater("y", GOOD, traps=[5])])
    assert [flag.rule for flag in result.flags["x"]] == ["traps", "variance", "headphones"]
    assert result.counts["traps"] == 2
    assert result.counts["variance"] == 1


def test_a_threshold_that_changes_changes_its_sentence() -> None:
    rules = Rules(trap_score=3, least_deviation=0.5)
    assert "rated 3 or higher" in sentences(rules)["traps"]
    assert "below 0.5 points" in sentences(rules)["variance"]
    assert flagged(rater("x", GOOD, traps=[3]), rules=rules) == ["traps"]


@pytest.mark.parametrize(
    ("preset", "key"), [("separation", "rating"), ("rel-ovl", "rel"), ("acr", None), ("sig-bak-ovrl", None)]
)
def test_traps_are_about_the_match_not_the_quality(preset: str, key: str | None) -> None:
    assert trap_question(PRESETS[preset]) == key
