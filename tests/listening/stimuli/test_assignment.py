"""Who hears what: fair to within one presentation at any time, and the same for ever."""

from collections import Counter, defaultdict
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lass.listening.design.study import Condition, Item, Study
from lass.listening.design.text import Text
from lass.listening.stimuli.assignment import Trial, trials_for
from lass.listening.stimuli.manifest import ROLES_RATED, Clip, Manifest, Role, Stimulus, opaque
from tests.listening.small import small_manifest

SECRET = "0" * 64
HASH = "0" * 64


def designed(
    items: int, conditions: int, *, references: int = 0, traps: int = 0, practice: int = 0, **fields: object
) -> tuple[Study, Manifest]:
    """A study of any shape, without its audio; the first `references` items have a clean reference."""
    query = Text.of("a sound")
    study = Study(
        title=query,
        welcome=query,
        scale="separation",  # type: ignore[arg-type]
        items=tuple(Item(id=f"item{index}", mixture="m.wav", query=query) for index in range(items)),
        conditions=tuple(Condition(id=f"c{index}", model="m") for index in range(conditions)),
        **fields,  # type: ignore[arg-type]
    )
    parts: list[tuple[str, str, Role]] = [
        (item.id, one.id, "system") for item in study.items for one in study.conditions
    ]
    parts += [(item.id, "reference", "reference") for item in study.items[:references]]
    parts += [(item.id, "trap", "trap") for item in study.items[:traps]]
    parts += [(f"practice{index}", "c0", "practice") for index in range(practice)]
    facts = {"file": f"audio/{HASH}.wav", "sha256": HASH, "seconds": 1.0, "gain_db": 0.0, "lufs": -23.0}
    stimuli = tuple(
        Stimulus(id=opaque(SECRET, role, item, condition), item=item, condition=condition, role=role,
                 mixture=opaque(SECRET, "mixture", item), query=query, **facts)  # type: ignore[arg-type]
        for item, condition, role in parts
    )  # fmt: skip
    mixtures = {one.mixture: Clip(item=one.item, **facts) for one in stimuli}  # type: ignore[arg-type]
    manifest = Manifest(
        study_sha256=HASH, built="", version="", secret=SECRET, loudness=-23, stimuli=stimuli, mixtures=mixtures
    )
    return study, manifest


SHAPES = st.fixed_dictionaries(
    {
        "items": st.integers(1, 8),
        "conditions": st.integers(1, 5),
        "references": st.integers(0, 3),
        "traps": st.integers(0, 3),
        "practice": st.integers(0, 2),
        "repeats": st.integers(0, 3),
        "seed": st.integers(0, 2**32),
        "items_per_rater": st.none() | st.integers(1, 30),
    }
)


def heard(trials: tuple[Trial, ...], *kinds: str) -> list[str]:
    return [trial.stimulus for trial in trials if trial.kind in kinds]


@settings(max_examples=40, deadline=None)
@given(shape=SHAPES, raters=st.integers(1, 40))
def test_every_stimulus_is_presented_equally_often_or_once_more(shape: dict, raters: int) -> None:
    study, manifest = designed(**shape)
    counts = Counter({one.id: 0 for one in manifest.stimuli if one.role in ROLES_RATED})
    for place in range(raters):
        counts.update(heard(trials_for(study, manifest, place), "rating"))
        assert max(counts.values()) - min(counts.values()) <= 1


@settings(max_examples=40, deadline=None)
@given(shape=SHAPES, place=st.integers(0, 10_000))
def test_a_rater_hears_what_is_due_and_nothing_twice(shape: dict, place: int) -> None:
    study, manifest = designed(**shape)
    trials = trials_for(study, manifest, place)
    assert [trial.position for trial in trials] == list(range(len(trials)))
    roles = {one.id: one.role for one in manifest.stimuli}
    by_kind = defaultdict(list)
    for trial in trials:
        by_kind[trial.kind].append(trial.stimulus)
    assert by_kind["practice"] == [one.id for one in manifest.stimuli if one.role == "practice"]
    assert [trial.kind for trial in trials[: len(by_kind["practice"])]] == ["practice"] * len(by_kind["practice"])
    rated = [one.id for one in manifest.stimuli if one.role in ROLES_RATED]
    assert len(by_kind["rating"]) == min(study.items_per_rater or len(rated), len(rated))
    assert len(set(by_kind["rating"])) == len(by_kind["rating"])
    assert {roles[one] for one in by_kind["rating"]} <= set(ROLES_RATED)
    assert sorted(by_kind["trap"]) == sorted(one.id for one in manifest.stimuli if one.role == "trap")
    assert set(by_kind["repeat"]) <= set(by_kind["rating"])
    assert len(by_kind["repeat"]) <= study.repeats
    if len(by_kind["rating"]) >= 2 * study.repeats + 2:
        assert len(by_kind["repeat"]) == study.repeats


@settings(max_examples=40, deadline=None)
@given(shape=SHAPES, place=st.integers(0, 10_000))
def test_a_repeat_comes_later_and_never_next(shape: dict, place: int) -> None:
    study, manifest = designed(**shape)
    trials = trials_for(study, manifest, place)
    first = {trial.stimulus: trial.position for trial in trials if trial.kind == "rating"}
    for trial in trials:
        if trial.kind == "repeat":
            assert trial.position >= first[trial.stimulus] + 2


@settings(max_examples=40, deadline=None)
@given(shape=SHAPES, place=st.integers(0, 10_000))
def test_an_item_never_follows_itself_where_that_can_be_avoided(shape: dict, place: int) -> None:
    study, manifest = designed(**{**shape, "repeats": 0})
    order = [manifest.stimulus(one).item for one in heard(trials_for(study, manifest, place), "rating", "trap")]
    if order and Counter(order).most_common(1)[0][1] <= (len(order) + 1) // 2:
        assert all(one != two for one, two in pairwise(order))


@given(shape=SHAPES, place=st.integers(0, 10_000))
@settings(max_examples=20, deadline=None)
def test_the_same_place_gives_the_same_trials(shape: dict, place: int) -> None:
    study, manifest = designed(**shape)
    again = designed(**shape)
    assert trials_for(study, manifest, place) == trials_for(*again, place)


def test_the_order_is_the_same_in_every_version() -> None:
    """Ratings are tied to positions: an order that moved would tie them to other sounds."""
    study, manifest = designed(3, 2, references=1, traps=1, repeats=1, practice=1, seed=5)
    stimuli = [manifest.stimulus(trial.stimulus) for trial in trials_for(study, manifest, 3)]
    assert [f"{one.item}/{one.condition}" for one in stimuli] == [
        "practice0/c0", "item0/c0", "item2/c1", "item0/c1", "item1/c1", "item0/trap", "item2/c0", "item0/reference",
        "item1/c0", "item0/c1",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("items", "conditions", "size"), [(5, 1, None), (4, 3, None), (5, 4, 10), (6, 3, 6), (3, 3, 4)]
)
def test_every_stimulus_is_heard_at_every_position_equally_often(
    items: int, conditions: int, size: int | None
) -> None:
    study, manifest = designed(items, conditions, items_per_rater=size, seed=11)
    count = items * conditions
    table: dict[str, Counter[int]] = defaultdict(Counter)
    for place in range(count):
        for position, stimulus in enumerate(heard(trials_for(study, manifest, place), "rating")):
            table[stimulus][position] += 1
    size = size or count
    # Exact but for swaps that keep an item from following itself.
    assert max(table[one][position] for one in table for position in range(size)) <= 2
    assert sum(table[one][position] == 1 for one in table for position in range(size)) >= 0.9 * count * size


def test_a_rater_hears_every_condition_equally_often_in_a_part_of_the_design() -> None:
    study, manifest = designed(6, 3, items_per_rater=6)
    for place in range(40):
        hand = [manifest.stimulus(one) for one in heard(trials_for(study, manifest, place), "rating")]
        assert Counter(one.condition for one in hand) == {"c0": 2, "c1": 2, "c2": 2}
        assert len({one.item for one in hand}) == 6


def test_raters_hear_different_orders_and_traps_come_at_different_places() -> None:
    study, manifest = designed(5, 3, traps=1, seed=3)
    orders = [trials_for(study, manifest, place) for place in range(30)]
    assert len({tuple(heard(order, "rating")) for order in orders}) == 30
    traps = [trial.position for order in orders for trial in order if trial.kind == "trap"]
    assert len(set(traps)) > 5
    assert min(traps) > 0


def test_two_seeds_give_two_studies() -> None:
    one, other = (designed(5, 3, seed=seed) for seed in (1, 2))
    assert trials_for(*one, 0) != trials_for(*other, 0)


def test_a_place_is_counted_from_zero() -> None:
    study, manifest = designed(2, 2)
    with pytest.raises(ValueError, match="counted from 0"):
        trials_for(study, manifest, -1)


def test_a_built_study_is_dealt(tmp_path: Path) -> None:
    study, manifest = small_manifest(tmp_path, anchor=True, hidden_reference=True, traps=1, repeats=1)
    trials = trials_for(study, manifest, 0)
    assert Counter(trial.kind for trial in trials) == {"practice": 1, "rating": 12, "trap": 1, "repeat": 1}
