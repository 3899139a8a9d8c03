"""Comparing runs at equal budgets."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from lass.cli import main
from lass.errors import LassError
from lass.training.compare import compare
from lass.training.recipe import load_recipe
from lass.training.state import facts, save_state
from tests.training.small import write_recipe


def run(folder: Path, name: str, scores: dict[int, float], **optimisation: Any) -> Path:
    """A run's folder as training leaves it, with these SDRi at these steps."""

    def change(settings: dict[str, Any]) -> None:
        settings["name"] = name
        settings["optimisation"] |= optimisation

    place = folder / name
    place.mkdir()
    save_state(place, load_recipe(write_recipe(folder / f"{name}-recipe", change)), {"step": max(scores)})
    lines = [{"step": step, "loss": 1.0, "minutes": step / 10} for step in scores]
    lines += [{"step": step, "sdri": score, "absent_db": -12.0} for step, score in scores.items()]
    (place / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines) + '{"step": 9')
    return place


def test_runs_are_compared_at_their_last_common_step(tmp_path: Path) -> None:
    first = run(tmp_path, "plain", {100: 3.0, 200: 5.0, 300: 7.0})
    second = run(tmp_path, "l1", {100: 2.0, 200: 5.5}, loss={"l1": 1.0}, rate=0.001)
    result = compare([first, second])
    assert result.step == 200
    plain, other = result.runs
    assert (plain.differences, plain.gain, plain.sdri, plain.minutes) == ({}, 0, 5.0, 20)
    assert other.gain == 0.5
    assert other.differences == {
        "optimisation.rate": 0.001, "optimisation.loss.l1": 1.0, "optimisation.loss.sdr": None,
    }  # fmt: skip
    assert compare([first, second], 100).runs[1].gain == -1
    lines = result.to_table().splitlines()
    assert "| plain | – | 5.00 | +0.00 | -12.0 | 20 |" in lines
    assert any(line.startswith("| l1 |") and "optimisation.rate 0.001" in line for line in lines)


def test_a_setting_that_came_later_is_no_difference_at_its_default(tmp_path: Path) -> None:
    first, second = (run(tmp_path, name, {100: 1.0}) for name in ("old", "new"))
    settings = facts(load_recipe(tmp_path / "old-recipe" / "small.yaml"))
    del settings["mixing"]["reverb"], settings["start"]
    torch.save({"recipe": settings, "step": 100}, first / "state.pt")
    assert compare([first, second]).runs[1].differences == {}


def test_what_cannot_be_compared_costs_a_sentence(tmp_path: Path) -> None:
    first, second = run(tmp_path, "one", {100: 1.0}), run(tmp_path, "two", {200: 1.0})
    with pytest.raises(LassError, match="not all validated at any step"):
        compare([first, second])
    with pytest.raises(LassError, match="not all validated at step 100"):
        compare([first, second, first], 100)
    with pytest.raises(LassError, match="give the folders of two or more"):
        compare([first])
    with pytest.raises(LassError, match="holds no run"):
        compare([first, tmp_path / "none"])
    (first / "state.pt").write_bytes(b"half")
    with pytest.raises(LassError, match=r"The state of the run .* cannot be read"):
        compare([first, first])


def test_the_command_line_compares(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folders = [str(run(tmp_path, name, {100: score})) for name, score in (("a", 1.0), ("b", 2.5))]
    assert main(["compare", *folders, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["step"] == 100
    assert [entry["gain"] for entry in document["runs"]] == [0, 1.5]
    assert main(["compare", *folders]) == 0
    assert "| b | – | 2.50 | +1.50 |" in capsys.readouterr().out
