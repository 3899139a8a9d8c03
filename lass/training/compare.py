"""Runs beside one another at equal budgets: what differs between their recipes, and what it brought.

Every run is compared with the first one, at the last step that all of them were validated at. Comparing that way is
fair where the runs share data, batch and schedule; a schedule that ends later has not cooled down yet at that step.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from lass.errors import LassError
from lass.training.journal import LOG_FILE
from lass.training.markdown import escaped
from lass.training.recipe import Mixing, Optimisation
from lass.training.state import STATE_FILE

# Of a recipe, but no choice that could help.
_NAMES = ("name", "summary")


@dataclass(frozen=True)
class Compared:
    """One run at the common step.

    Attributes:
        name: of its recipe.
        differences: what its recipe says in other words than the first run's: `setting: value`.
        sdri: SDR improvement on the validation mixtures, in decibels.
        gain: that less the first run's.
        absent_db: level of the answers to absent sounds; None where none were asked for.
        minutes: of training until then.
    """

    name: str
    differences: dict[str, Any]
    sdri: float
    gain: float
    absent_db: float | None
    minutes: float | None


@dataclass(frozen=True)
class Comparison:
    """Runs at their last common step, the first one as the measure of all."""

    step: int
    runs: tuple[Compared, ...]

    def to_json(self) -> str:
        """As JSON."""
        return json.dumps(asdict(self), indent=2)

    def to_table(self) -> str:
        """For people, and for a page in Markdown."""
        lines = [
            f"At step {self.step:,}, SDRi on the validation mixtures in dB:",
            "",
            "| run | what differs from the first | SDRi | gain | absent | minutes |",
            "|---|---|---|---|---|---|",
        ]
        for run in self.runs:
            changes = ", ".join(f"{name} {value}" for name, value in run.differences.items()) or "–"
            absent = "–" if run.absent_db is None else f"{run.absent_db:.1f}"
            minutes = "–" if run.minutes is None else f"{run.minutes:.0f}"
            cells = [escaped(run.name), escaped(changes), f"{run.sdri:.2f}", f"{run.gain:+.2f}", absent, minutes]
            lines.append(f"| {' | '.join(cells)} |")
        return "\n".join(lines)


def compare(folders: Sequence[Path], step: int | None = None) -> Comparison:
    """Compare runs by their folders.

    Args:
        folders: of two runs or more, the first one as the measure.
        step: to compare them at; by default the last one that all were validated at.

    Raises:
        LassError: a folder holds no run, or there is no such step.
    """
    if len(folders) < 2:
        raise LassError("One run cannot be compared; give the folders of two or more.")
    logs = [_log(folder) for folder in folders]
    validated = [{line["step"] for line in log if "sdri" in line} for log in logs]
    common = set.intersection(*validated)
    if not common or (step is not None and step not in common):
        which = "any step" if step is None else f"step {step}"
        raise LassError(f"These runs were not all validated at {which}; let them run on, or choose another step.")
    at = max(common) if step is None else step
    recipes = [_recipe(folder) for folder in folders]
    first = recipes[0]
    scores = [next(line for line in log if line["step"] == at and "sdri" in line) for log in logs]
    runs = []
    for recipe, log, score in zip(recipes, logs, scores, strict=True):
        times = [line["minutes"] for line in log if line["step"] <= at and "minutes" in line]
        runs.append(
            Compared(
                name=str(recipe["name"]),
                differences={
                    name: recipe.get(name)
                    for name in dict.fromkeys([*recipe, *first])
                    if name not in _NAMES and recipe.get(name) != first.get(name)
                },
                sdri=score["sdri"],
                gain=score["sdri"] - scores[0]["sdri"],
                absent_db=score.get("absent_db"),
                minutes=times[-1] if times else None,
            )
        )
    return Comparison(at, tuple(runs))


def _log(folder: Path) -> list[dict[str, Any]]:
    try:
        lines = (folder / LOG_FILE).read_text("utf-8").splitlines()
    except OSError as error:
        raise LassError(f"{folder} holds no run; give the folder of one, for instance runs/NAME.") from error
    found = []
    for line in lines:
        try:
            values = json.loads(line)
        except ValueError:
            continue  # a run that goes on is writing its last line
        if isinstance(values, dict) and "step" in values:
            found.append(values)
    return found


def _recipe(folder: Path) -> dict[str, Any]:
    """All settings of a run's recipe on one level: `{"mixing.snr": [-10, 10], …}`."""
    try:
        settings = torch.load(folder / STATE_FILE, map_location="cpu", weights_only=True, mmap=True)["recipe"]
    except Exception as error:  # torch raises a dozen kinds for a file that is not what it wrote
        raise LassError(f"The state of the run {folder} cannot be read; let it save once, or start it anew.") from error
    if not isinstance(settings, dict):
        raise LassError(f"The run {folder} does not say by which recipe it was made; start it anew.")
    # A run may be older than a setting, which then had its default.
    defaults: dict[str, Any] = {"mixing": asdict(Mixing()), "optimisation": asdict(Optimisation()), "start": ""}
    del defaults["optimisation"]["loss"]  # always given, and each of its weights is a setting here
    return _flat(json.loads(json.dumps(defaults)), "") | _flat(settings, "")


def _flat(values: dict[str, Any], where: str) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in values.items():
        flat |= _flat(value, f"{where}{name}.") if isinstance(value, dict) else {f"{where}{name}": value}
    return flat
