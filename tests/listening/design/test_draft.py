"""Results become a study: a draft that builds as it is."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from lass.errors import LassError
from lass.listening.design.checking import check_study
from lass.listening.design.draft import add_to_draft
from lass.listening.design.study import load_study
from lass.listening.stimuli.building import build_study
from lass.listening.stimuli.manifest import check

RATE = 16_000
Make = Callable[..., np.ndarray]


@pytest.fixture
def sound(rng: np.random.Generator) -> Make:
    def make(channels: int = 2, seconds: float = 0.5, level: float = 0.1) -> np.ndarray:
        return rng.normal(0, level, (channels, round(seconds * RATE))).astype(np.float32)

    return make


def add(
    folder: Path, mixture: np.ndarray, target: np.ndarray, query: str = "a dog", model: str = "m", **rest: Any
) -> Any:
    return add_to_draft(folder, mixture, target, query, model, RATE, **rest)


def test_one_result_is_a_study_that_builds(tmp_path: Path, sound: Make) -> None:
    mixture, target = sound(), sound()
    added = add(tmp_path / "mine", mixture, target, "a dog barking!", "resunet-compact")
    assert added.new
    assert added.file == tmp_path / "mine" / "study.yaml"
    assert added.condition == "resunet-compact"
    assert added.item.startswith("a-dog-barking-")
    study = check_study(tmp_path / "mine").study
    assert study == added.study
    assert study.slug == "mine"
    assert [one.title for one in study.conditions] == ["resunet-compact"]
    built = build_study(tmp_path / "mine", tmp_path / "built")
    assert [(one.item, one.condition, str(one.query)) for one in built.manifest.stimuli] == [
        (added.item, "resunet-compact", "a dog barking!")
    ]
    assert build_study(tmp_path / "mine", tmp_path / "mine").study.slug == "mine"
    assert check(tmp_path / "mine") == []


def test_models_meet_on_the_items_they_share(tmp_path: Path, sound: Make) -> None:
    first, second = sound(), sound(channels=1)
    for model in ("one", "two"):
        add(tmp_path / "mine", first, sound(), "a dog", model)
    add(tmp_path / "mine", second, sound(channels=1), "a dog", "one")
    add(tmp_path / "mine", first, sound(), "rain", "two")
    study = load_study(tmp_path / "mine")
    assert [one.id for one in study.conditions] == ["one", "two"]
    assert [item.conditions for item in study.items] == [("one", "two"), ("one",), ("two",)]
    manifest = build_study(tmp_path / "mine", tmp_path / "built").manifest
    assert len(manifest.stimuli) == 4
    assert len(manifest.mixtures) == 3


def test_the_same_result_again_replaces_itself(tmp_path: Path, sound: Make) -> None:
    mixture = sound()
    first = add(tmp_path / "mine", mixture, sound())
    before = {file.name: file.read_bytes() for file in (tmp_path / "mine" / "sources").iterdir()}
    second = add(tmp_path / "mine", mixture, sound())
    assert (first.new, second.new) == (True, False)
    assert second.study.items == first.study.items
    after = {file.name: file.read_bytes() for file in (tmp_path / "mine" / "sources").iterdir()}
    assert {name for name in before if before[name] != after[name]} == {f"{first.item}-m.wav"}


def test_a_draft_has_what_controls_need(tmp_path: Path, sound: Make) -> None:
    for query in ("a dog", "rain"):
        mixture = sound()
        add(tmp_path / "mine", mixture, mixture / 2, query, reference=sound())
    file = tmp_path / "mine" / "study.yaml"
    fields = yaml.safe_load(file.read_text())
    fields |= {"anchor": True, "hidden_reference": True, "traps": 2}
    file.write_text(yaml.safe_dump(fields))
    manifest = build_study(file, tmp_path / "built").manifest
    roles = sorted(one.role for one in manifest.stimuli)
    assert roles == sorted(["system", "anchor", "reference", "trap"] * 2)


def test_what_a_person_wrote_stays(tmp_path: Path, sound: Make) -> None:
    add(tmp_path / "mine", sound(), sound())
    file = tmp_path / "mine" / "study.yaml"
    file.write_text(file.read_text().replace("A listening test", "Dogs, mostly") + "minutes: 3\n")
    study = add(tmp_path / "mine", sound(), sound(), "rain").study
    assert str(study.title) == "Dogs, mostly"
    assert study.minutes == 3
    assert len(study.items) == 2
    file.write_text("title: [broken\n")
    with pytest.raises(LassError, match="not valid YAML"):
        add(tmp_path / "mine", sound(), sound())
    assert file.read_text() == "title: [broken\n"


@pytest.mark.parametrize("query", ["../../up", "雨", "🐕", "a\nb", "=1+1", "yes", "1", "x" * 300])
@pytest.mark.parametrize("model", ["/home/me/best model.safetensors", "anchor", "雨", "../..", "mixture"])
def test_hostile_words_stay_inside(tmp_path: Path, sound: Make, query: str, model: str) -> None:
    added = add(tmp_path / "mine", sound(), sound(), query, model)
    study = load_study(tmp_path / "mine")
    assert str(study.items[0].query) == " ".join(query.split()) or query == "a\nb"
    assert {path.name for path in tmp_path.iterdir()} == {"mine"}
    names = {path.relative_to(tmp_path / "mine").parts[0] for path in (tmp_path / "mine").rglob("*")}
    assert names == {"study.yaml", "sources", ".draft.lock"}
    assert len(list((tmp_path / "mine" / "sources").iterdir())) == 3
    assert added.item == study.items[0].id


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"target": np.zeros((2, 8000), np.float32)}, "silent"),
        ({"mixture": np.zeros((2, 8000), np.float32)}, "silent"),
        ({"target": np.ones((2, 4000), np.float32)}, "unequal"),
        ({"target": np.ones((1, 8000), np.float32)}, "unequal"),
        ({"mixture": np.ones((6, 8000), np.float32), "target": np.ones((6, 8000), np.float32)}, "channels|silent"),
        ({"query": " "}, "description"),
    ],
)
def test_what_cannot_be_rated_is_refused(tmp_path: Path, sound: Make, change: dict[str, Any], said: str) -> None:
    arguments = {"mixture": sound(), "target": sound(), "query": "a dog", **change}
    with pytest.raises(LassError, match=said):
        add(tmp_path / "mine", **arguments)
    assert not (tmp_path / "mine" / "study.yaml").exists()


def test_a_recording_that_is_too_long_to_compare(tmp_path: Path) -> None:
    long = np.random.default_rng(1).normal(0, 0.1, (1, 121 * 8_000)).astype(np.float32)
    with pytest.raises(LassError, match="longer than 120 s"):
        add_to_draft(tmp_path / "mine", long, long / 2, "a dog", "m", 8_000)


def test_a_folder_that_cannot_name_a_study(tmp_path: Path, sound: Make) -> None:
    with pytest.raises(LassError, match="cannot name a study"):
        add(tmp_path / "My draft", sound(), sound())
    (tmp_path / "file").write_text("x")
    with pytest.raises(LassError, match="cannot be written"):
        add(tmp_path / "file", sound(), sound())
