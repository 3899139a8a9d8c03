"""The card's numbers: every evaluation of a model, and the command that prints it again."""

import json
import shlex
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from lass.errors import LassError
from lass.training.collection import list_of
from lass.training.markdown import escaped
from lass.training.recipe import Recipe, SourceSet

EVALUATION_FILE = "evaluation.json"
_MEASURES = (("SDR", "sdr"), ("SDRi", "sdri"), ("SI-SDR", "si_sdr"))
_NONE = "–"
_COLUMNS = (
    "evaluation", "recordings", "sounds", "ratio", "asked by", "mixtures", "SDR", "SDRi", "SI-SDR", "absent", "level",
    "likeness",
)  # fmt: skip
_FURTHER = {
    "pesq": "PESQ", "stoi": "STOI", "bss_sdr": "BSS SDR", "sir": "SIR", "sar": "SAR", "isr": "ISR",
    "clap_audio": "CLAPScore", "clap_text": "CLAPScore with the query",
}  # fmt: skip
# Settings of an evaluation that are options of the command line under another name.
_OPTIONS = {
    "clips_csv": "--clips", "list_csv": "--list", "audio_dir": "--audio", "folds": "--fold", "count": "--count",
    "seed": "--seed", "snr_db": "--snr", "interferers": "--interferers", "wording": "--wording", "absent": "--absent",
    "metrics": "--metrics", "precision": "--precision",
}  # fmt: skip
_PATHS = ("clips_csv", "list_csv", "audio_dir")
_OF_CLIPS = ("count", "seed", "snr_db", "interferers")
_IDENTITY = "*the mixture itself*"
_TARGET = "*the target itself*"


@dataclass(frozen=True)
class Evaluation:
    """An ``evaluation.json``; its folder's name is its own."""

    name: str
    report: dict[str, Any]

    @property
    def settings(self) -> dict[str, Any]:
        """How it was made."""
        return dict(self.report["settings"])


def read_evaluations(folder: Path, model: str) -> list[Evaluation]:
    """Every ``NAME/evaluation.json`` of a folder, by name.

    Raises:
        LassError: there is none, one cannot be read, does not say how it was made, or is of another model.
    """
    found = []
    for file in sorted(folder.glob(f"*/{EVALUATION_FILE}")):
        again = f"evaluate once more with --out {file.parent}"
        try:
            report = json.loads(file.read_text("utf-8"))
            whole = isinstance(report["settings"], dict) and {name for _, name in _MEASURES} <= report.keys()
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise LassError(f"{file} is not the report of an evaluation; {again}.") from error
        if not whole or not report["settings"]:
            raise LassError(f"{file} does not say how it was made; {again}.")
        if report.get("model") != model:
            raise LassError(f"{file} measured the model {report.get('model')!r}, not {model!r}; {again}, or remove it.")
        found.append(Evaluation(file.parent.name, report))
    if not found:
        raise LassError(
            f"{folder} holds no evaluation for the card; run `python -m lass evaluate --model {model} … "
            f"--out {folder}/NAME` first."
        )
    return found


def score_tables(evaluations: list[Evaluation], recipe: Recipe, data: Path) -> str:
    """The section of the card: a line for every evaluation, a table by sound, and the commands."""
    lines = [
        "## How well it separates",
        "",
        "Means and standard deviations over mixtures, in decibels. SDRi is the improvement of the SDR over the "
        "mixture; *absent* is the level, relative to the mixture, of the answer to a query for a sound that is not "
        "there. *Level* and *likeness* are the answer's own: its energy relative to the mixture's, and its correlation "
        "with the mixture. A model that returns the mixture has the row of the mixture itself; one that separates is "
        "near the target's level and likeness.",
        "",
        f"| {' | '.join(_COLUMNS)} |",
        "|---" * len(_COLUMNS) + "|",
    ]
    known: set[tuple[str, ...]] = set()
    for evaluation in evaluations:
        settings = evaluation.settings
        for ratio, report in _by_ratio(evaluation):
            place = [_recordings(settings, recipe, data), _sounds(settings), ratio]
            asked = escaped(str(evaluation.report.get("wording", ""))).replace("\\_", "-")
            identity = report.get("identity") or {}
            cells = [escaped(evaluation.name), *place, asked, _mixtures(report)]
            cells += [_score(report[measure]) for _, measure in _MEASURES] + [_score(report.get("absent"))]
            cells += [_score(identity.get(name)) for name in ("level_db", "likeness")]
            lines.append(f"| {' | '.join(cells)} |")
            if identity and (*place, _mixtures(report)) not in known:
                known.add((*place, _mixtures(report)))
                lines += _references(place, _mixtures(report), identity)
    lines += ["", *_further(evaluations), *_watched(evaluations, recipe, data), *_by_sound(evaluations)]
    lines += ["Each number is printed again by its command, with the recordings in `data/`:", ""]
    for evaluation in evaluations:
        lines += [f"- {escaped(evaluation.name)}:", "", f"      {command(evaluation, recipe.name, data)}", ""]
    return "\n".join(lines).rstrip()


def _by_ratio(evaluation: Evaluation) -> list[tuple[str, dict[str, Any]]]:
    """The report of each signal-to-noise ratio of an evaluation, in words; the whole report where there is one."""
    report, settings = evaluation.report, evaluation.settings
    if not settings.get("clips_csv"):
        return [("of the list", report)]
    if report.get("ratios"):
        return [(_decibels(float(ratio)), part) for ratio, part in report["ratios"].items()]
    given = settings.get("snr_db", 0.0)
    return [(_decibels(float(given[0] if isinstance(given, list) else given)), report)]


def _decibels(ratio: float) -> str:
    return f"{ratio:+g} dB" if ratio else "0 dB"


def _sounds(settings: dict[str, Any]) -> str:
    return str(1 + int(settings.get("interferers", 1))) if settings.get("clips_csv") else _NONE


def _references(place: list[str], mixtures: str, identity: dict[str, Any]) -> list[str]:
    """What the mixture scores as an answer, and how much of the mixture the target is."""
    scores = [_score(identity.get("sdr")), "0.00", _score(identity.get("si_sdr")), "0.00", "0.00", "1.00"]
    wanted = [*[_NONE] * 4, _score(identity.get("target_level_db")), _score(identity.get("target_likeness"))]
    return [
        f"| {' | '.join([_IDENTITY, *place, _NONE, mixtures, *scores])} |",
        f"| {' | '.join([_TARGET, *place, _NONE, mixtures, *wanted])} |",
    ]


def command(evaluation: Evaluation, model: str, data: Path) -> str:
    """The command line that makes an evaluation again, with the recordings below ``data/``."""
    settings = evaluation.settings
    parts = ["python", "-m", "lass", "evaluate", "--model", model]
    for name, option in _OPTIONS.items():
        value = settings.get(name)
        if value is None or value is False or (name in _OF_CLIPS and not settings.get("clips_csv")):
            continue
        if value is True:
            parts.append(option)
        elif name in _PATHS:
            parts += [option, _place(str(value), data)]
        else:
            if name == "interferers" and value == 1:
                continue
            for item in value if isinstance(value, list) else [value]:
                parts += [option, f"{item:g}" if isinstance(item, float) else str(item)]
    return shlex.join(parts)


def _place(path: str, data: Path) -> str:
    """Where a file lies below the recordings, without the machine it lay on."""
    try:
        return str(PurePosixPath("data") / Path(path).resolve().relative_to(data.resolve()).as_posix())
    except ValueError:
        return Path(path).name


def _recorded_in(source: SourceSet, data: Path) -> Path | None:
    """The folder of a set's list; None for generated sounds."""
    return None if source.generated or not source.folder else list_of(source, data).parent.resolve()


def _overlap(settings: dict[str, Any], recipe: Recipe, data: Path) -> tuple[set[int] | None, list[set[int]]]:
    """The folds evaluated (None for all), and those of each training set on the same list (empty for all)."""
    folder = Path(str(settings["clips_csv"])).resolve().parent
    trained = [set(source.folds) for source in recipe.data.sets if _recorded_in(source, data) == folder]
    return (set(settings["folds"]) if settings.get("folds") else None), trained


def _recordings(settings: dict[str, Any], recipe: Recipe, data: Path) -> str:
    if not settings.get("clips_csv"):
        return escaped(Path(str(settings.get("list_csv", ""))).name)
    folder = Path(str(settings["clips_csv"])).parent.name
    folds, trained = _overlap(settings, recipe, data)
    where = escaped(folder) + (f", fold {', '.join(map(str, sorted(folds)))}" if folds else "")
    if not trained:
        return f"{where}: another collection"
    if any(not of_set or (folds is not None and folds <= of_set) for of_set in trained):
        return f"{where}: met in training"
    if folds is not None and not any(folds & of_set for of_set in trained):
        return f"{where}: held out"
    return f"{where}: in part met in training"


def _watched(evaluations: list[Evaluation], recipe: Recipe, data: Path) -> list[str]:
    """Whether the choice of the recipe may have leaned on what is reported."""
    validation = recipe.data.validation
    for evaluation in evaluations:
        settings = evaluation.settings
        if not settings.get("clips_csv"):
            continue
        same = _recorded_in(validation, data) == Path(str(settings["clips_csv"])).resolve().parent
        folds = set(settings.get("folds") or validation.folds)
        if same and (not validation.folds or folds & set(validation.folds)):
            return [
                "Training was watched on recordings that are measured here, and its recipe was chosen on them; the "
                "weights are the last ones of the run, not those that scored best.",
                "",
            ]
    return []


def _further(evaluations: list[Evaluation]) -> list[str]:
    """A table of the measures that some evaluations have beside the usual ones."""
    taken = [name for name in _FURTHER if any(evaluation.report.get(name) for evaluation in evaluations)]
    if not taken:
        return []
    lines = ["Further measures:", "", f"| evaluation | {' | '.join(_FURTHER[name] for name in taken)} |"]
    lines.append("|---" * (1 + len(taken)) + "|")
    for evaluation in evaluations:
        if any(evaluation.report.get(name) for name in taken):
            cells = [_score(evaluation.report.get(name)) for name in taken]
            lines.append(f"| {escaped(evaluation.name)} | {' | '.join(cells)} |")
    return [*lines, ""]


def _by_sound(evaluations: list[Evaluation]) -> list[str]:
    tables = [(evaluation.name, evaluation.report.get("labels") or {}) for evaluation in evaluations]
    labels = sorted({label for _, table in tables for label in table})
    columns = [(name, table) for name, table in tables if table]
    if not labels:
        return []
    lines = ["SDRi by sound:", "", f"| sound | {' | '.join(escaped(name) for name, _ in columns)} |"]
    lines.append("|---" * (1 + len(columns)) + "|")
    for label in labels:
        cells = [_score((table.get(label) or {}).get("sdri")) for _, table in columns]
        lines.append(f"| {escaped(label)} | {' | '.join(cells)} |")
    return [*lines, ""]


def _mixtures(report: dict[str, Any]) -> str:
    problems = int(report.get("problems") or 0)
    return str(report.get("mixtures", _NONE)) + (f" ({problems} not evaluated)" if problems else "")


def _score(summary: dict[str, Any] | None) -> str:
    if not summary or summary.get("mean") is None:
        return _NONE
    return f"{summary['mean']:.2f} ± {summary['deviation']:.2f}"
