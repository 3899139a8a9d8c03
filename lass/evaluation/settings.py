"""What a command line needs to say about an evaluation, as one value."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from lass.errors import SettingsError
from lass.evaluation.clips import CAPTIONS_FILE, SAME_SOUND_FILE, folder_list, read_same_sound
from lass.evaluation.lists import WORDINGS, Item, Wording, read_list
from lass.evaluation.measures import open_measures
from lass.evaluation.protocol import Separates, evaluate
from lass.evaluation.report import Report


@dataclass(frozen=True)
class EvaluationSettings:
    """An evaluation, from a list or from a folder of labelled clips: exactly one of `list_csv` and `clips_csv`.

    Attributes:
        audio_dir: the folder of the recordings.
        list_csv: an evaluation list in a layout that `read_list` knows.
        clips_csv: a collection (`file,label,fold`) to make mixtures from.
        folds, count, seed, interferers, captions: of the mixtures made from a collection; see `folder_list`.
        snr_db: of those mixtures, in decibels; several numbers make each mixture at each of them.
        same_sound: YAML file of groups of labels that are never mixed with one another.
        wording: the words to ask in: "label", "train" or "held_out".
        absent: ask for sounds that are not there too.
        sample_rate: hertz to evaluate at; None for the lower of the model's and the recording's.
        metrics: measures beside SDR, SDRi and SI-SDR, see `lass.evaluation.measures`.
        downloads: the folder of fetched checkpoints, for measures that need one of them.
    """

    audio_dir: Path
    list_csv: Path | None = None
    clips_csv: Path | None = None
    folds: tuple[int, ...] | None = None
    count: int = 200
    seed: int = 0
    snr_db: float | tuple[float, ...] = 0.0
    interferers: int = 1
    captions: Path | None = CAPTIONS_FILE
    same_sound: Path | None = SAME_SOUND_FILE
    wording: Wording = "label"
    absent: bool = False
    sample_rate: int | None = None
    metrics: tuple[str, ...] = ()
    downloads: Path | None = None

    def __post_init__(self) -> None:
        if (self.list_csv is None) == (self.clips_csv is None):
            raise SettingsError("An evaluation needs either a list or a collection of clips; give one of the two.")
        if self.wording not in WORDINGS:
            raise SettingsError(f"{self.wording!r} is no wording; choose one of {', '.join(WORDINGS)}.")
        if not self.ratios:
            raise SettingsError("An evaluation needs at least one signal-to-noise ratio; give it in decibels.")

    @property
    def ratios(self) -> tuple[float, ...]:
        """The signal-to-noise ratios, each once."""
        given = (self.snr_db,) if isinstance(self.snr_db, float | int) else self.snr_db
        return tuple(dict.fromkeys(map(float, given)))

    def items(self) -> list[Item]:
        """The rows to evaluate.

        Raises:
            LassError: a list, collection or recording cannot be used.
        """
        if self.list_csv is not None:
            return read_list(self.list_csv, self.audio_dir)
        assert self.clips_csv is not None
        items = folder_list(
            self.clips_csv,
            self.audio_dir,
            folds=self.folds,
            count=self.count,
            seed=self.seed,
            snr_db=self.ratios[0],
            captions=self.captions,
            same_sound=() if self.same_sound is None else read_same_sound(self.same_sound),
            interferers=self.interferers,
        )
        if len(self.ratios) == 1:
            return items
        return [replace(item, id=f"{item.id} at {snr:g} dB", snr_db=snr) for snr in self.ratios for item in items]

    def run(self, separator: Separates, progress: Callable[[int, int], None] | None = None) -> Report:
        """Evaluate a separator as these settings say, and record them; errors as `items` and `evaluate`."""
        report = evaluate(
            separator,
            self.items(),
            wording=self.wording,
            absent=self.absent,
            sample_rate=self.sample_rate,
            measures=open_measures(self.metrics, self.downloads),
            progress=progress,
        )
        # Numbers of the fast mode are told apart from those of the default.
        fast = {"precision": "fast"} if getattr(separator, "precision", None) == "fast" else {}
        return replace(report, settings=self.facts() | fast)

    def facts(self) -> dict[str, Any]:
        """All settings in plain values, as JSON has them: paths are texts, as they were given."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        # The project's own files are the default and lie wherever it is installed; so do downloads.
        for name, default in (("captions", CAPTIONS_FILE), ("same_sound", SAME_SOUND_FILE)):
            if values[name] == default:
                del values[name]
        del values["downloads"]
        return {name: _plain(value) for name, value in values.items()}


def _plain(value: object) -> object:
    if isinstance(value, Path):
        return value.as_posix()
    return list(value) if isinstance(value, tuple) else value
