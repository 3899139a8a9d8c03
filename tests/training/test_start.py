"""Starting from another checkpoint: what fits is taken and said, and a resumed run does not need it again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from lass.checkpoints.bundled import load_bundled
from lass.errors import LassError
from lass.training.recipe import load_recipe
from lass.training.start import require_stages, take_over
from tests.training.small import trainer, write_collection, write_recipe


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_collection(tmp_path_factory.mktemp("data"))


@pytest.fixture
def earlier(data: Path, tmp_path: Path) -> Path:
    """The checkpoint of a short run of the same recipe with another seed."""
    run = trainer(write_recipe(tmp_path / "earlier", lambda s: s.update(name="earlier", seed=9)), data,
                  data / "runs" / f"earlier-{tmp_path.name}")  # fmt: skip
    run.run(stop=lambda: run.step == 4)
    return run.folder / "last.safetensors"


def starting(folder: Path, start: Path | str, **model: Any) -> Path:
    def change(settings: dict[str, Any]) -> None:
        settings["start"] = str(start)
        settings["model"] |= model

    return write_recipe(folder, change)


def facts(file: Path) -> dict[str, Any]:
    with safe_open(file, "pt") as opened:
        return dict(json.loads(opened.metadata()["lass"]))


def test_a_run_starts_from_a_checkpoint_and_goes_on_without_it(data: Path, earlier: Path, tmp_path: Path) -> None:
    recipe, folder = starting(tmp_path, earlier), data / "runs" / tmp_path.name
    run = trainer(recipe, data, folder)
    said: list[str] = []
    run.journal.log = said.append
    seen: list[dict[str, torch.Tensor]] = []
    learn = run._train_step

    def spy(batch: Any) -> float:
        seen.append({name: value.clone() for name, value in run.model.state_dict().items()})
        return learn(batch)

    run._train_step = spy  # type: ignore[method-assign]
    run.run(stop=lambda: run.step == 5)
    for name, value in load_bundled(earlier)[0].state_dict().items():
        if not name.endswith("num_batches_tracked"):
            torch.testing.assert_close(seen[0][name], value, msg=name)
    assert said[0].startswith("starting from earlier: ")
    assert "not taken" not in said[0]
    facts_of_earlier = facts(earlier)
    earlier.unlink()
    again = trainer(recipe, data, folder)
    again.resume()
    again.run()
    start = facts(folder / "last.safetensors")["training"]["start"]
    assert start["checkpoint"] == "earlier"
    assert start["training"] == facts_of_earlier["training"]
    assert start["parameters"] == start["of_parameters"] > 0
    with pytest.raises(LassError, match="There is no checkpoint at"):
        trainer(recipe, data, tmp_path / "fresh").run()


def test_what_is_exported_lies_between_the_start_and_what_was_learnt(data: Path, earlier: Path, tmp_path: Path) -> None:
    def change(settings: dict[str, Any]) -> None:
        settings["start"] = str(earlier)
        settings["optimisation"]["start_share"] = 0.25

    run = trainer(write_recipe(tmp_path, change), data, data / "runs" / tmp_path.name)
    run.run(stop=lambda: run.step == 5)
    run.export("last")
    before, learnt = load_bundled(earlier)[0].state_dict(), run.average.model.state_dict()
    for name, value in load_bundled(run.folder / "last.safetensors")[0].state_dict().items():
        if value.is_floating_point():
            expected = 0.25 * before[name] + 0.75 * learnt[name]
            torch.testing.assert_close(value, expected, rtol=1e-3, atol=1e-4, msg=name)
    assert any(not torch.equal(before[name], value) for name, value in learnt.items())


def test_a_resumed_run_keeps_the_share_of_a_start_that_is_gone(data: Path, earlier: Path, tmp_path: Path) -> None:
    def change(settings: dict[str, Any]) -> None:
        settings["start"] = str(earlier)
        settings["optimisation"]["start_share"] = 0.25

    recipe = write_recipe(tmp_path, change)
    straight = trainer(recipe, data, data / "runs" / f"straight-{tmp_path.name}")
    straight.run()
    run = trainer(recipe, data, data / "runs" / tmp_path.name)
    run.run(stop=lambda: run.step == 5)
    earlier.unlink()
    again = trainer(recipe, data, run.folder)
    again.resume()
    again.run()
    expected = load_bundled(straight.folder / "last.safetensors")[0].state_dict()
    for name, value in load_bundled(again.folder / "last.safetensors")[0].state_dict().items():
        assert torch.equal(value, expected[name]), name


def test_a_stage_is_looked_for_in_the_folder_of_runs(data: Path, earlier: Path, tmp_path: Path) -> None:
    runs = tmp_path / "elsewhere"
    (runs / "earlier").mkdir(parents=True)
    earlier.rename(runs / "earlier" / "last.safetensors")
    recipe = starting(tmp_path, "runs/earlier/last.safetensors")
    require_stages(load_recipe(recipe), runs)
    run = trainer(recipe, data, runs / "now")
    run.run(stop=lambda: run.step == 1)
    assert run.started is not None
    assert run.started["checkpoint"] == "earlier"


def test_what_is_to_be_trained_first_is_said_in_order(tmp_path: Path) -> None:
    with pytest.raises(LassError, match=r"with resunet-compact-late, which .* does not hold in full yet") as caught:
        require_stages(load_recipe("resunet-compact"), tmp_path)
    first = [f"python -m lass train resunet-compact-{stage}" for stage in ("base", "middle", "late")]
    assert str(caught.value).endswith(f"--runs run {', then '.join(first)}.")
    (tmp_path / "resunet-compact-middle").mkdir()
    (tmp_path / "resunet-compact-middle" / "state.pt").touch()
    with pytest.raises(LassError) as caught:
        require_stages(load_recipe("resunet-compact"), tmp_path)
    assert str(caught.value).endswith(f"--runs run {first[1]} --resume, then {first[2]}.")
    # Stopped after a validation: there is a checkpoint, but not of the last step.
    card = json.dumps({"format": 1, "training": {"steps": 200}})
    unfinished = tmp_path / "resunet-compact-middle" / "last.safetensors"
    save_file({"weight": torch.zeros(1)}, unfinished, metadata={"lass": card})
    with pytest.raises(LassError) as caught:
        require_stages(load_recipe("resunet-compact-late"), tmp_path)
    assert str(caught.value).endswith(f"--runs run {first[1]} --resume.")
    with pytest.raises(LassError, match=r"goes on with mine, which .* does not hold in full yet"):
        require_stages(load_recipe(starting(tmp_path, "runs/mine/last.safetensors")), tmp_path)
    with pytest.raises(LassError, match=r"small cannot start from nowhere/last\.safetensors\. There is no checkpoint"):
        require_stages(load_recipe(starting(tmp_path, "nowhere/last.safetensors")), tmp_path)
    with pytest.raises(LassError, match=r"small cannot start from resunet-compakt\. .*'?resunet-compact"):
        require_stages(load_recipe(starting(tmp_path, "resunet-compakt")), tmp_path)
    require_stages(load_recipe(starting(tmp_path, "resunet-compact")), tmp_path)
    require_stages(load_recipe("resunet-compact-base"), tmp_path)


def test_nothing_lies_between_networks_of_another_shape(data: Path, earlier: Path, tmp_path: Path) -> None:
    def change(settings: dict[str, Any]) -> None:
        settings["start"] = str(earlier)
        settings["model"]["channels"] = [4, 7]
        settings["optimisation"]["start_share"] = 0.25

    with pytest.raises(LassError, match=r"earlier is not of the recipe's network.*start_share"):
        trainer(write_recipe(tmp_path, change), data, data / "runs" / tmp_path.name).run()


def test_tensors_of_another_shape_keep_their_random_start(data: Path, earlier: Path, tmp_path: Path) -> None:
    run = trainer(starting(tmp_path, earlier, channels=[4, 7]), data, data / "runs" / tmp_path.name)
    before = {name: value.clone() for name, value in run.model.state_dict().items()}
    start = take_over(str(earlier), run.model, run.recipe.model.sample_rate)
    given = load_bundled(earlier)[0].state_dict()
    assert 0 < len(start.left) < start.all_tensors == start.tensors + len(start.left)
    assert 0 < start.parameters < start.all_parameters
    for name, value in run.model.state_dict().items():
        assert torch.equal(value, before[name] if name in start.left else given[name]), name
    assert f"not taken: {start.left[0]}" in start.in_words()


def test_a_checkpoint_of_which_nothing_fits_is_refused(earlier: Path) -> None:
    with pytest.raises(LassError, match="Nothing of the checkpoint earlier fits the recipe's network; start from"):
        take_over(str(earlier), torch.nn.Linear(3, 3), 8000)


def test_a_run_starts_from_a_model_by_its_name(data: Path, tmp_path: Path) -> None:
    with pytest.raises(LassError, match="no-such-model"):
        trainer(starting(tmp_path, "no-such-model"), data, tmp_path / "run").run()
