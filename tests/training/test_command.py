"""``lass train`` as it is typed: nobody's work is written over, and Ctrl-C keeps what was learnt."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import pytest

from lass.checkpoints.bundled import load_bundled
from lass.cli import main
from lass.files import locked
from lass.training.loop import Trainer
from lass.training.processes import Processes
from lass.training.recipe import load_recipe
from tests.training.small import trainer, write_collection, write_recipe

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_collection(tmp_path_factory.mktemp("data"))


def train(recipe: Path, data: Path, runs: Path, *more: str) -> int:
    words = ["train", str(recipe), "--data", str(data), "--runs", str(runs), "--device", "cpu", *more]
    return main(words)


@pytest.mark.parametrize("asked", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_stopped_goes_on_as_if_it_had_not_been(
    asked: signal.Signals,
    data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    recipe = write_recipe(tmp_path)
    straight = trainer(load_recipe(recipe), data, data / "runs" / f"straight-{tmp_path.name}")
    straight.run()
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    learn = Trainer._train_step

    def stopped(run: Trainer, batch: object) -> float:
        # Between two saves, in the middle of a step.
        if run.step == 4:
            signal.raise_signal(asked)
        return learn(run, batch)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "_train_step", stopped)
        assert train(recipe, data, tmp_path / "runs") == 1
    assert "small is stopped after step 5; go on with --resume" in capsys.readouterr().err
    assert {number: signal.getsignal(number) for number in handlers} == handlers
    assert train(recipe, data, tmp_path / "runs") == 1
    assert "holds a run already; continue it with --resume" in capsys.readouterr().err
    assert train(recipe, data, tmp_path / "runs", "--resume") == 0
    expected = load_bundled(straight.folder / "last.safetensors")[0].state_dict()
    for name, value in load_bundled(tmp_path / "runs" / "small" / "last.safetensors")[0].state_dict().items():
        assert value.equal(expected[name]), name


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no groups of processes to signal")
def test_what_ends_the_whole_group_saves_as_well(data: Path, tmp_path: Path) -> None:
    recipe = write_recipe(tmp_path, lambda settings: settings["optimisation"].update(steps=100_000))
    run = subprocess.Popen(
        [sys.executable, "-m", "lass", "train", str(recipe), "--data", str(data), "--runs", str(tmp_path / "runs"),
         "--device", "cpu", "--workers", "1"],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    assert run.stdout is not None
    for line in run.stdout:
        if "step 20 " in line:
            break
    os.killpg(run.pid, signal.SIGTERM)
    _, said = run.communicate(timeout=120)
    assert run.returncode == 1
    assert said.startswith("lass: small is stopped after step "), said
    assert (tmp_path / "runs" / "small" / "state.pt").exists()


def test_what_cannot_be_resumed_is_refused_before_anything_is_heard(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(write_recipe(tmp_path), tmp_path / "no data", tmp_path / "runs", "--resume") == 1
    assert "holds no state to resume; start the run without --resume" in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()


def test_one_of_several_processes_ends_at_once(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def signalled(_run: Trainer, _stop: object) -> None:
        signal.raise_signal(signal.SIGINT)
        pytest.fail("the signal was swallowed")

    monkeypatch.setattr(Processes, "share_norms", lambda *_: None)
    monkeypatch.setattr(Processes, "in_turn", lambda _: nullcontext())
    monkeypatch.setattr("lass.training.processes.join", lambda *_, **__: Processes(0, 2))
    monkeypatch.setattr(Trainer, "run", signalled)
    recipe = write_recipe(tmp_path, lambda settings: settings["optimisation"].update(batch=4))
    assert train(recipe, data, tmp_path / "runs") == 1
    assert capsys.readouterr().err == "lass: stopped.\n"


def test_checkpoints_that_were_kept_are_not_written_over(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = tmp_path / "small" / "last.safetensors"
    kept.parent.mkdir()
    kept.write_bytes(b"what somebody trained")
    assert train(write_recipe(tmp_path), data, tmp_path) == 1
    assert "holds checkpoints of an earlier run; move them away to start anew" in capsys.readouterr().err
    assert kept.read_bytes() == b"what somebody trained"


def test_two_do_not_train_in_one_folder(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with locked(tmp_path / "small", "the other one"):
        assert train(write_recipe(tmp_path), data, tmp_path) == 1
    assert "is being trained in already; wait until that is done, or stop it" in capsys.readouterr().err
    assert train(write_recipe(tmp_path), data, tmp_path) == 0


def test_a_stage_that_is_missing_is_asked_for_before_anything_is_heard(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", "resunetpp-compact-middle", "--data", str(tmp_path), "--runs", str(tmp_path / "runs")]) == 1
    said = capsys.readouterr().err
    assert "run python -m lass train resunetpp-compact-base" in said
    assert not (tmp_path / "runs").exists()
