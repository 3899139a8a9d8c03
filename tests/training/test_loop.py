"""The training loop: it learns, it goes on exactly where it was killed, and what it writes can be used."""

from __future__ import annotations

import dataclasses
import json
import math
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from safetensors.torch import load_file
from torch import nn

import lass
from lass.errors import LassError
from lass.training.average import Average
from lass.training.recipe import load_recipe
from lass.training.state import difference, facts
from tests.training.small import RATE, sound, trainer, write_collection, write_recipe, write_table

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_collection(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_recipe(tmp_path_factory.mktemp("recipe"))


@pytest.fixture(scope="module")
def finished(data: Path, recipe: Path) -> Path:
    """A run of all twelve steps that nothing interrupted."""
    folder = data / "runs" / "finished"
    trainer(recipe, data, folder).run()
    return folder


def state(folder: Path) -> dict[str, Any]:
    return torch.load(folder / "state.pt", weights_only=True)


def log(folder: Path) -> list[dict[str, Any]]:
    """The log without what depends on the machine's speed."""
    timing = ("audio_per_second", "minutes", "minutes_left")
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    return [{name: value for name, value in line.items() if name not in timing} for line in lines]


def assert_same(first: Any, second: Any, where: str = "state") -> None:
    """Equal to the bit, in depth."""
    if isinstance(first, torch.Tensor):
        assert torch.equal(first, second), where
    elif isinstance(first, dict):
        assert first.keys() == second.keys(), where
        for name in first:
            if name != "seconds":
                assert_same(first[name], second[name], f"{where}.{name}")
    elif isinstance(first, list):
        assert len(first) == len(second), where
        for number, (one, other) in enumerate(zip(first, second, strict=True)):
            assert_same(one, other, f"{where}[{number}]")
    else:
        assert first == second, where


def assert_same_run(folder: Path, other: Path) -> None:
    assert_same(state(folder), state(other))
    for name in ("best", "last"):
        assert_same(load_file(folder / f"{name}.safetensors"), load_file(other / f"{name}.safetensors"), name)
    assert log(folder) == log(other)


def killed_run(data: Path, recipe: Path, folder: Path, how: str) -> None:
    script = f"""
import os, signal, sys
from pathlib import Path
import torch
import yaml
from tests.training.small import trainer
def die():
    os.kill(os.getpid(), signal.SIGKILL)
run = trainer(Path({str(recipe)!r}), Path({str(data)!r}), Path({str(folder)!r}))
{how}
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=False, capture_output=True, timeout=300)
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()


KILLS = {
    # Between two saves, with a validation that will come again after the resumption.
    "between saves": (6, "train = run._train_step\nrun._train_step = lambda b: die() if run.step == 8 else train(b)"),
    "inside a step": (3, "step = run.optimiser.step\nrun.optimiser.step = lambda: die() if run.step == 5 else step()"),
    "while saving": (
        6,
        "save = torch.save\n"
        "def half(state, file):\n"
        "    if state['step'] == 9:\n"
        "        file.write(b'PK half a state'); file.flush(); die()\n"
        "    save(state, file)\n"
        "torch.save = half",
    ),
}


@pytest.mark.parametrize("kind", KILLS)
def test_a_killed_run_ends_as_if_nothing_had_happened(
    data: Path, recipe: Path, finished: Path, kind: str, tmp_path: Path
) -> None:
    saved, how = KILLS[kind]
    folder = tmp_path / "runs" / "killed"
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "cache").symlink_to(finished.parent / "cache")
    killed_run(data, recipe, folder, f"{how}\nrun.run()")
    assert state(folder)["step"] == saved
    again = trainer(recipe, data, folder)
    again.resume()
    assert again.step == saved
    again.run()
    assert_same_run(folder, finished)


def test_stopping_and_going_on_with_other_workers_changes_nothing(data: Path, recipe: Path, finished: Path) -> None:
    folder = data / "runs" / "stopped"
    first = trainer(recipe, data, folder, workers=1)
    first.run(stop=lambda: first.step == 5)
    assert state(folder)["step"] == 5
    second = trainer(recipe, data, folder)
    second.resume()
    second.run()
    assert_same_run(folder, finished)
    before = (folder / "state.pt").read_bytes()
    third = trainer(recipe, data, folder)
    third.resume()
    third.run()
    assert (folder / "state.pt").read_bytes() == before, "a finished run has nothing left to do"


def test_what_dropout_draws_goes_on_where_it_was(data: Path, tmp_path: Path) -> None:
    def dropping(settings: dict[str, Any]) -> None:
        settings["model"]["dual_path"] = {"depth": 2}  # a recurrent network drops between its layers only
        settings["optimisation"]["steps"] = 6

    recipe = write_recipe(tmp_path, dropping)
    straight = trainer(recipe, data, data / "runs" / "straight")
    straight.run()
    first = trainer(recipe, data, data / "runs" / "dropping")
    first.run(stop=lambda: first.step == 3)
    torch.rand(5)  # whoever else draws in between
    second = trainer(recipe, data, first.folder)
    second.resume()
    second.run()
    assert_same_run(second.folder, straight.folder)


def test_a_finished_run_learns_new_words_and_nothing_else(data: Path, finished: Path, tmp_path: Path) -> None:
    shutil.copytree(finished, data / "runs" / "worded")
    more = write_recipe(tmp_path)
    words = yaml.safe_load((tmp_path / "words.yaml").read_text())
    words["hiss"]["train"] += ["a leaking tyre", "a kettle before it sings"]
    (tmp_path / "words.yaml").write_text(yaml.safe_dump(words))
    again = trainer(more, data, data / "runs" / "worded")
    again.resume()
    again.run()
    old, new = (load_file(folder / "last.safetensors") for folder in (finished, again.folder))
    assert {name for name in old if not torch.equal(old[name], new[name])} == {
        "known_sounds", "known_sounds_weights", "known_sounds_bias",
    }  # fmt: skip
    before, after = (
        lass.load_separator(folder / "last.safetensors").understand("the leaking tyre")
        for folder in (finished, again.folder)
    )
    assert before is not None
    assert after is not None
    assert after.label == "hiss"
    assert after.similarity > before.similarity


def test_validation_is_reproducible(data: Path, recipe: Path, finished: Path) -> None:
    run = trainer(recipe, data, finished)
    untrained = run.evaluate()
    run.resume()
    trained = run.evaluate()
    assert trained == run.evaluate()
    assert trained != untrained
    assert round(trained.sdri, 3) == log(finished)[-1]["sdri"]
    other_seed = dataclasses.replace(load_recipe(recipe), seed=99)
    other = trainer(other_seed, data, data / "runs" / "other")
    for batch, same in zip(run.validation, other.validation, strict=True):
        assert torch.equal(batch.mixture, same.mixture), "the mixtures do not depend on the recipe's seed"


def test_validation_asks_in_the_same_words_whatever_the_recipe_asks_in(data: Path, tmp_path: Path) -> None:
    rows = [
        {"file": f"{label}-{fold}.wav", "caption_1": f"{label} of take {fold}", "caption_2": f"take {fold}: {label}"}
        for label in ("hum", "hiss", "whistle")
        for fold in (1, 2, 3)
    ]
    write_table(data / "tones" / "captioned.csv", rows)

    def asking(mean: float) -> list[torch.Tensor]:
        def change(settings: dict[str, Any]) -> None:
            settings["data"]["validation"] = {"folder": "tones/captioned.csv"}
            settings["mixing"]["caption_mean"] = mean

        run = trainer(write_recipe(tmp_path / f"{mean}", change), data, data / "runs" / f"asking-{mean}")
        return [batch.query.pooled for batch in run.validation]

    for one, other in zip(asking(0.0), asking(1.0), strict=True):
        assert torch.equal(one, other)


def test_validation_measures_sdr_improvement(data: Path, recipe: Path) -> None:
    class Scaled(nn.Module):
        """Returns the mixture at a tenth."""

        def forward(self, mixture: torch.Tensor, query: object) -> torch.Tensor:
            return 0.1 * mixture

    run = trainer(recipe, data, data / "runs" / "scaled")
    run.average.model = Scaled()
    gains = []
    for batch in run.validation:
        for mixture, target in zip(batch.mixture[~batch.absent], batch.target[~batch.absent], strict=True):
            mixed, wanted = mixture.double().numpy(), target.double().numpy()
            gains.append(10 * np.log10(np.sum((wanted - mixed) ** 2) / np.sum((wanted - 0.1 * mixed) ** 2)))
    score = run.evaluate()
    assert score.sdri == pytest.approx(np.mean(gains), abs=1e-3)
    assert score.absent_db == pytest.approx(-20, abs=0.01)


def test_it_learns(data: Path, tmp_path: Path) -> None:
    def easier(settings: dict[str, Any]) -> None:
        settings["optimisation"] = {"steps": 120, "batch": 6, "warmup": 10, "rate": 0.01, "ema": 0.9}
        settings["validate_every"] = 60
        settings["mixing"] |= {"absent": 0.1}

    run = trainer(write_recipe(tmp_path, easier), data, data / "runs" / "learning")
    before = run.evaluate()
    run.run()
    after = run.evaluate()
    assert after.sdri > before.sdri + 3
    assert after.sdri > 3
    losses = [line["loss"] for line in log(run.folder) if "loss" in line]
    assert losses[-1] < losses[0] - 2


def test_a_checkpoint_separates(finished: Path) -> None:
    separator = lass.load_separator(finished / "last.safetensors")
    assert (separator.name, separator.sample_rate) == ("small", RATE)
    mixture = sound("hum", 1.5, 0) + sound("hiss", 1.5, 0)
    result = separator.separate(mixture, RATE, "a low hum")
    assert result.target.shape == mixture.shape
    np.testing.assert_allclose(result.target + result.residual, mixture, atol=1e-6)
    assert np.abs(result.target).max() > 1e-4
    assert result.understanding is not None
    assert (result.understanding.label, result.understanding.familiar) == ("hum", True)
    assert separator.levels == (-40.0, -12.0)


def test_recordings_with_captions_alone_can_be_learned_from(data: Path, tmp_path: Path) -> None:
    listed = [
        {"wav": str(data / "tones" / "clips" / f"{label}-{fold}.wav"), "caption": f"the {label} of take {fold}"}
        for label in ("hum", "hiss", "whistle")
        for fold in (1, 2)
    ]
    (tmp_path / "train.json").write_text(json.dumps({"data": listed}))

    def captioned(settings: dict[str, Any]) -> None:
        settings["data"] = {
            "sets": [{"folder": "train.json"}], "validation": {"folder": "train.json"}, "validation_mixtures": 10,
            "captions": "",
        }  # fmt: skip
        settings["optimisation"]["steps"] = 2

    run = trainer(write_recipe(tmp_path, captioned), tmp_path, tmp_path / "runs" / "captioned")
    run.run()
    separator = lass.load_separator(run.folder / "last.safetensors")
    assert separator.understand("a hum") is None, "it knows descriptions, and no list of sounds"


def test_the_average_follows_the_weights() -> None:
    model = nn.Sequential(nn.Linear(1, 1), nn.BatchNorm1d(1))
    average = Average(model, 0.5)
    expected = float(model[0].weight.detach())
    for step, value in enumerate((1.0, 2.0, 3.0, 5.0), start=1):
        with torch.no_grad():
            model[0].weight.fill_(value)
        model[1].running_mean.fill_(value)
        average.update(model)
        decay = min(0.5, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * value
        assert average.model[0].weight.item() == pytest.approx(expected, rel=1e-5)
        assert average.model[1].running_mean.item() == value
    assert not average.model.training
    assert not average.model[0].weight.requires_grad


def test_another_recipe_is_refused_by_the_setting_that_differs(data: Path, recipe: Path, finished: Path) -> None:
    loaded = load_recipe(recipe)
    faster = dataclasses.replace(loaded, optimisation=dataclasses.replace(loaded.optimisation, rate=0.1))
    with pytest.raises(LassError, match=r"another recipe \(optimisation.rate was 0.0015 and is 0.1\); resume with"):
        trainer(faster, data, finished).resume()


def test_recipes_are_compared_setting_by_setting(recipe: Path, tmp_path: Path) -> None:
    loaded = load_recipe(recipe)
    old = json.loads(json.dumps(facts(loaded)))
    assert difference(old, loaded) is None
    # Read from elsewhere, it is the same recipe.
    assert difference(old, dataclasses.replace(loaded, folder=tmp_path)) is None
    del old["mixing"]["equaliser"], old["data"]["sets"][0]["weight"], old["model"]["stem"], old["seed"]
    # A seed of 3 is not the default; the other three are.
    assert difference(old, loaded) == "seed was 0 and is 3"
    old["seed"] = 3
    assert difference(old, loaded) is None
    old["data"]["sets"][0]["folds"] = [1]
    assert difference(old, loaded) == "data.sets.0.folds was [1] and is [1, 2]"
    old["data"]["sets"][0]["folds"] = [1, 2]
    old["mixing"]["vibrato"] = 1.0
    assert difference(old, loaded) == "mixing.vibrato was 1.0 and is None"


def test_a_state_that_names_its_recipe_in_one_piece_still_resumes(data: Path, recipe: Path, finished: Path) -> None:
    folder = data / "runs" / "old"
    folder.mkdir()
    loaded = load_recipe(recipe)
    older = state(finished) | {"recipe": repr(loaded)}
    del older["losses"]
    torch.save(older, folder / "state.pt")
    run = trainer(loaded, data, folder)
    run.resume()
    assert run.step == 12
    torch.save(older | {"recipe": repr(dataclasses.replace(loaded, seed=8))}, folder / "state.pt")
    with pytest.raises(LassError, match="made by another recipe"):
        run.resume()


@pytest.mark.parametrize("content", [b"", b"PK half a state", b"\x80\x02}"])
def test_a_damaged_state_costs_a_sentence(data: Path, recipe: Path, content: bytes) -> None:
    run = trainer(recipe, data, data / "runs" / "damaged")
    with pytest.raises(LassError, match="holds no state to resume; start the run without --resume"):
        trainer(recipe, data, data / "runs" / "new").resume()
    (run.folder / "state.pt").write_bytes(content)
    with pytest.raises(LassError, match=r"state.pt is damaged; remove the folder"):
        run.resume()


@contextmanager
def small_disk(limit: int) -> Iterator[None]:
    """No file may grow beyond ``limit`` bytes: writing fails as on a disk that is full."""
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def test_a_full_disk_costs_a_sentence_and_not_the_state(data: Path, recipe: Path) -> None:
    folder = data / "runs" / "full"
    run = trainer(recipe, data, folder)
    run.run(stop=lambda: run.step == 2)
    before = (folder / "state.pt").read_bytes()
    for write, name in ((run.save, "state.pt"), (lambda: run.export("last"), "last.safetensors")):
        with small_disk(10_000), pytest.raises(LassError) as caught:
            write()
        assert f"{name} cannot be written" in str(caught.value)
        assert "\n" not in str(caught.value)
    assert (folder / "state.pt").read_bytes() == before
    assert [file.name for file in folder.iterdir() if "partial" in file.name] == []


def test_a_run_folder_that_cannot_be_made_costs_a_sentence(data: Path, recipe: Path, tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("a file")
    with pytest.raises(LassError, match=r"cannot be written \(.*\); free some space, or choose another folder\.$"):
        trainer(recipe, data, tmp_path / "runs" / "small")


def test_a_gradient_that_is_not_finite_stops_the_run_and_spares_the_state(data: Path, recipe: Path) -> None:
    folder = data / "runs" / "diverged"
    run = trainer(recipe, data, folder)
    run.run(stop=lambda: run.step == 3)
    before = (folder / "state.pt").read_bytes()
    run.objective.loss = lambda estimate, target: (estimate * math.nan).mean(-1)
    with pytest.raises(LassError, match=r"Step 4 of small gave a gradient that is not finite; lower optimisation.rate"):
        run.run()
    assert (folder / "state.pt").read_bytes() == before


def test_a_network_for_other_queries_is_refused(data: Path, tmp_path: Path) -> None:
    def wider(settings: dict[str, Any]) -> None:
        settings["model"]["condition_size"] = 512

    with pytest.raises(LassError, match="takes queries of 512 values and the encoder gives 384"):
        trainer(write_recipe(tmp_path, wider), data, tmp_path / "run")


def test_fewer_than_no_workers_are_refused(data: Path, recipe: Path) -> None:
    with pytest.raises(LassError, match="There cannot be -1 loader processes; give 0 or more"):
        trainer(recipe, data, data / "runs" / "workers", workers=-1)
