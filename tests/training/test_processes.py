"""Training on several devices ends where training on one does, but for rounding."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from lass.errors import LassError
from lass.training.processes import Processes
from lass.training.recipe import load_recipe
from tests.training.small import encoder, trainer, write_collection, write_recipe

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = """
import sys
from pathlib import Path
from lass.training.loop import Trainer
from lass.training.processes import join, leave
from lass.training.recipe import load_recipe
from tests.training.small import encoder
rank, recipe, data, folder, meeting = int(sys.argv[1]), *map(Path, sys.argv[2:])
for stop, resume in ((3, False), (6, True)):
    processes = join(rank, 2, device="cpu", address=f"file://{meeting}-{stop}")
    run = Trainer(load_recipe(recipe), encoder(), data, folder, "cpu", 0, print, processes=processes)
    if resume:
        run.resume()
    run.run(stop=lambda: run.step == stop)
    leave(processes)
"""

# The second process waits for longer than a message between the two may take.
SLOW = """
import sys, time
from datetime import timedelta
from torch.distributed import distributed_c10d
from lass.training.processes import join, leave
processes = join(int(sys.argv[1]), 2, device="cpu", address=f"file://{sys.argv[2]}")
distributed_c10d._set_pg_timeout(timedelta(seconds=2))
with processes.in_turn():
    time.sleep(5 if processes.first else 0)
print("both are there")
leave(processes)
"""


def two(script: str, *arguments: object) -> list[str]:
    """What two processes printed that both ran to their ends, each told its rank first."""
    environment = os.environ | {"GLOO_SOCKET_IFNAME": "lo", "OMP_NUM_THREADS": "1"}
    started = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(rank), *map(str, arguments)],
            cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )
        for rank in range(2)
    ]  # fmt: skip
    said = [process.communicate(timeout=300)[0] for process in started]
    assert [process.returncode for process in started] == [0, 0], "\n".join(said)
    return said


def recipe(folder: Path) -> Path:
    def change(settings: dict[str, Any]) -> None:
        settings["optimisation"] = {"steps": 6, "batch": 4, "warmup": 0, "rate": 1e-3, "schedule": "constant"}
        settings["validate_every"] = 3

    return write_recipe(folder, change)


def test_two_processes_learn_what_one_learns_and_resume(tmp_path: Path) -> None:
    data, file = write_collection(tmp_path / "data"), recipe(tmp_path)
    alone = trainer(file, data, tmp_path / "runs" / "alone")
    alone.run()
    folder = tmp_path / "runs" / "two"
    said = two(SCRIPT, file, data, folder, tmp_path / "meeting")
    assert "loss" not in said[1]
    one, both = (torch.load(tmp_path / "runs" / name / "state.pt", weights_only=True) for name in ("alone", "two"))
    assert both["step"] == 6
    assert len(both["generators"]) == 2
    # Where a gradient is rounding alone, as that of a bias before a norm, Adam takes whole steps along it all the same;
    # so the weights are compared by their statistics and by the gradients' means, which the optimiser keeps.
    for name, value in one["model"].items():
        if "running" in name:
            torch.testing.assert_close(both["model"][name], value, atol=2e-3, rtol=5e-3, msg=name)
    moments = [torch.cat([state["exp_avg"].flatten() for state in run["optimiser"]["state"].values()])
               for run in (one, both)]  # fmt: skip
    assert float((moments[0] - moments[1]).norm() / moments[0].norm()) < 0.01
    assert both["losses"] == pytest.approx(one["losses"], abs=2e-3)
    logs = [(tmp_path / "runs" / name / "log.jsonl").read_text().splitlines() for name in ("alone", "two")]
    assert len(logs[0]) == len(logs[1]) == 2, "the first process alone writes the log"
    for line, other in zip(*logs, strict=True):
        assert json.loads(line)["sdri"] == pytest.approx(json.loads(other)["sdri"], abs=0.01)


def test_the_others_wait_for_what_the_first_prepares_however_long_it_takes(tmp_path: Path) -> None:
    assert all("both are there" in said for said in two(SLOW, tmp_path / "meeting"))


def test_a_batch_that_cannot_be_split_is_refused(tmp_path: Path) -> None:
    from lass.training.loop import Trainer

    file = recipe(tmp_path)
    with pytest.raises(LassError, match="Batches of 4 cannot be split over 3 processes; start as many as divide it"):
        Trainer(load_recipe(file), encoder(), tmp_path, tmp_path / "run", "cpu", 0, print, processes=Processes(0, 3))


def test_half_precision_without_cuda_is_refused(tmp_path: Path) -> None:
    file = write_recipe(tmp_path, lambda settings: settings["optimisation"].update(precision="float16"))
    with pytest.raises(LassError, match=r"Half precision \(float16\) needs a CUDA device; set optimisation.precision"):
        trainer(file, tmp_path, tmp_path / "run")
