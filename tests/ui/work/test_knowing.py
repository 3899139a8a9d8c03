"""What the Models & method page is told of models: their cards, their budgets, and the sounds they know."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from lass.checkpoints import ModelEntry
from lass.checkpoints.catalogue import list_models, read_metadata
from lass.errors import ModelError, QueryError
from lass.ui.words.texts import ENGLISH
from lass.ui.work import knowing, shelf
from lass.ui.work.shelf import Shelf
from tests.ui.small import entry, small_service

MODEL = "resunet-compact"


@pytest.fixture(scope="module")
def bundled(tmp_path_factory: pytest.TempPathFactory) -> Shelf:
    """The real bundled models: the sounds they know are part of them."""
    return shelf.catalogue(ENGLISH, device="cpu", cache_dir=tmp_path_factory.mktemp("cache"))


@pytest.fixture
def checkpoint(tmp_path: Path) -> Callable[[str], ModelEntry]:
    """An entry whose file's header holds only what is given, as JSON."""

    def write(header: str) -> ModelEntry:
        path = tmp_path / "model.safetensors"
        save_file({"weight": torch.zeros(1)}, path, metadata={"lass": header})
        return entry(asset=path)

    return write


def test_only_models_that_came_along_list_what_they_know(tmp_path: Path) -> None:
    here, away = entry("here", asset=tmp_path), entry("away", asset=tmp_path, state="to download")
    fetched = entry("fetched", state="downloaded")
    assert knowing.knowing(Shelf(lambda: [here, away, fetched], lambda name: None, ENGLISH)) == [here]


def test_the_known_sounds_are_listed_in_order(bundled: Shelf) -> None:
    labels = knowing.labels(bundled, MODEL)
    assert list(labels) == sorted(set(labels))
    assert {"dog bark", "rain", "siren wailing"} <= set(labels)


def test_words_come_nearest_to_what_they_mean(bundled: Shelf) -> None:
    found = knowing.neighbours(bundled, MODEL, "  a puppy is barking ")
    assert found is not None
    assert found.query == "a puppy is barking"
    assert len(found.nearest) == knowing.MOST
    similarities = [sound.similarity for sound in found.nearest]
    assert similarities == sorted(similarities, reverse=True)
    assert all(-1 <= similarity <= 1 + 1e-6 for similarity in similarities)
    assert (found.meant, found.familiar) == ("dog bark", True)
    assert found.nearest[0].label == "dog bark"


def test_a_known_sound_is_its_own_nearest_and_nonsense_is_far_from_all(bundled: Shelf) -> None:
    rain = knowing.neighbours(bundled, MODEL, "rain falling")
    far = knowing.neighbours(bundled, MODEL, "quarterly tax accounting")
    assert rain is not None
    assert far is not None
    assert rain.nearest[0].similarity > 0.9 > 0.5 > far.nearest[0].similarity
    assert not far.familiar


def test_words_that_are_none_and_models_that_are_none_are_refused(bundled: Shelf) -> None:
    with pytest.raises(QueryError):
        knowing.neighbours(bundled, MODEL, " ")
    with pytest.raises(ModelError):
        knowing.neighbours(bundled, "nobody", "rain")


def test_a_model_that_lists_nothing_has_no_neighbours(tmp_path: Path) -> None:
    shelf = small_service(tmp_path).shelf
    assert knowing.labels(shelf, "half") == ()
    assert knowing.neighbours(shelf, "half", "rain") is None


def test_the_budget_is_what_the_headers_of_all_stages_say() -> None:
    for model in list_models():
        budget = knowing.budget(model)
        if model.asset is None:
            assert budget is None
            continue
        assert budget is not None
        stages = [read_metadata(model.asset)["training"]]
        while start := stages[-1].get("start"):
            stages.append(start["training"])
        assert budget.stages == len(stages) > 1
        assert budget.steps == sum(stage["steps"] for stage in stages)
        assert budget.hours == pytest.approx(sum(stage["seconds"] for stage in stages) / 3600)
        assert budget.devices == ("cpu",)
        assert budget.begun_with == ""


def test_a_start_that_states_no_budget_is_named(checkpoint: Callable[[str], ModelEntry]) -> None:
    first = {"steps": 300, "seconds": 3600, "device": "cuda", "start": {"checkpoint": "audiosep", "training": {}}}
    last = {"steps": 20, "seconds": 1800, "device": "cpu", "start": {"checkpoint": "first", "training": first}}
    budget = knowing.budget(checkpoint(json.dumps({"format": 1, "training": last})))
    assert budget == knowing.Budget(320, 1.5, ("cpu", "cuda"), 2, "audiosep")


@pytest.mark.parametrize(
    "header", ['{"format": 1}', '{"format": 1, "training": null}', '{"format": 1, "training": {"steps": 3}}']
)
def test_a_header_without_a_budget_states_none(checkpoint: Callable[[str], ModelEntry], header: str) -> None:
    assert knowing.budget(checkpoint(header)) is None


def test_a_card_is_shown_without_its_front_matter(tmp_path: Path) -> None:
    model = entry(asset=tmp_path / "model.safetensors")
    assert knowing.card(model) == ""
    card = tmp_path / "README.md"
    card.write_text("---\nlicense: mit\n---\n\n# half\n\nOne --- two.\n", encoding="utf-8")
    assert knowing.card(model) == "# half\n\nOne --- two."
    card.write_text("# half\n", encoding="utf-8")
    assert knowing.card(model) == "# half"
    assert knowing.card(entry()) == ""
