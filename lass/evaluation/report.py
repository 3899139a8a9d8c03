"""What an evaluation found: a row per mixture, means, a table per label, files and a picture."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lass.errors import LassError
from lass.metrics import Summary, summarise

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MEASURES = ("sdr", "sdri", "si_sdr")
_TITLES = {"sdr": "SDR", "sdri": "SDRi", "si_sdr": "SI-SDR"}
_NAN = float("nan")
_MOST_LABELS = 60  # in the picture; more would be unreadable on any screen


@dataclass(frozen=True)
class Row:
    """One mixture measured.

    Attributes:
        id, label, query: which mixture, the class of its source if known, and what was asked.
        sdr, sdri, si_sdr: decibels; NaN where the source was silent or the row failed.
        seconds: duration of the mixture.
        elapsed: seconds the separation took, reading and mixing not counted.
        sample_rate: hertz at which it was measured; 0 where the row failed.
        absent_query: a sound that is not in the mixture, if it was asked for too.
        absent_db: energy of that answer relative to the mixture, in decibels; the lower the better.
        problem: why the row has no scores, in one sentence; None when it has.
    """

    id: str
    label: str | None
    query: str
    sdr: float = _NAN
    sdri: float = _NAN
    si_sdr: float = _NAN
    seconds: float = 0.0
    elapsed: float = 0.0
    sample_rate: int = 0
    absent_query: str | None = None
    absent_db: float | None = None
    problem: str | None = None


@dataclass(frozen=True)
class Report:
    """Scores of one model on one list, in one wording; decibels throughout.

    Means are over rows. A row whose target turns out silent has no score (NaN), a row with a problem neither: both stay
    in the files, are left out of the means, and are counted. `settings` says how to evaluate once more, in plain
    values; empty where that is not known.
    """

    model: str
    wording: str
    rows: tuple[Row, ...]
    settings: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def sdr(self) -> Summary:
        """Signal-to-distortion ratio over all rows."""
        return self._summary("sdr", self.rows)

    @cached_property
    def sdri(self) -> Summary:
        """Improvement of the SDR over the mixture."""
        return self._summary("sdri", self.rows)

    @cached_property
    def si_sdr(self) -> Summary:
        """Scale-invariant SDR."""
        return self._summary("si_sdr", self.rows)

    @cached_property
    def absent(self) -> Summary | None:
        """Level of the answers to absent sounds under the mixture; None where none was asked for."""
        levels = [row.absent_db for row in self.rows if row.absent_db is not None]
        return summarise(levels) if levels else None

    @property
    def problems(self) -> tuple[Row, ...]:
        """Rows that could not be evaluated."""
        return tuple(row for row in self.rows if row.problem is not None)

    @property
    def real_time_factor(self) -> float:
        """Seconds of separation per second of audio; NaN without audio."""
        seconds = sum(row.seconds for row in self.rows)
        return sum(row.elapsed for row in self.rows) / seconds if seconds else _NAN

    def by_label(self) -> dict[str, dict[str, Summary]]:
        """For every label in alphabetical order, the summary of each measure; rows without a label are left out."""
        labels = sorted({row.label for row in self.rows if row.label})
        return {
            label: {
                measure: self._summary(measure, (row for row in self.rows if row.label == label))
                for measure in MEASURES
            }
            for label in labels
        }

    def to_csv(self, path: str | Path | None = None) -> str:
        """All rows as CSV; written to `path` where one is given. An undefined score is an empty cell.

        Raises:
            LassError: the file cannot be written.
        """
        text = io.StringIO()
        writer = csv.DictWriter(text, [column.name for column in fields(Row)], lineterminator="\n")
        writer.writeheader()
        writer.writerows({name: _plain(value) for name, value in asdict(row).items()} for row in self.rows)
        return _written(text.getvalue(), path)

    def summary(self) -> dict[str, Any]:
        """Means in all and per label, without the rows, ready for JSON: an undefined score is None."""
        document = {
            "model": self.model,
            "wording": self.wording,
            "settings": dict(self.settings),
            "mixtures": len(self.rows),
            "problems": len(self.problems),
            "seconds": sum(row.seconds for row in self.rows),
            "sample_rates": sorted({row.sample_rate for row in self.rows if row.sample_rate}),
            "real_time_factor": self.real_time_factor,
            **{measure: asdict(getattr(self, measure)) for measure in MEASURES},
            "absent": None if self.absent is None else asdict(self.absent),
            "labels": {
                label: {measure: asdict(summary) for measure, summary in summaries.items()}
                for label, summaries in self.by_label().items()
            },
        }
        return {name: _plain(value) for name, value in document.items()}

    def to_json(self, path: str | Path | None = None) -> str:
        """The summary and all rows as JSON; written to `path` where one is given. An undefined score is null.

        Raises:
            LassError: the file cannot be written.
        """
        document = {**self.summary(), "rows": [_plain(asdict(row)) for row in self.rows]}
        return _written(json.dumps(document, ensure_ascii=False, indent=2, allow_nan=False) + "\n", path)

    def to_table(self) -> str:
        """Means and deviations, in all and per label, as plain text for a terminal."""
        rates = sorted({row.sample_rate for row in self.rows if row.sample_rate})
        lines = [
            f"{_line(self.model)}, asked by {self.wording}: {len(self.rows)} mixtures, "
            f"{sum(row.seconds for row in self.rows):.0f} s at {', '.join(map(str, rates))} Hz",
            "",
        ]
        summaries = {"all": {measure: getattr(self, measure) for measure in MEASURES}, **self.by_label()}
        width = max(len(_line(name)) for name in summaries)
        lines.append(f"{'dB':<{width}}" + "".join(f"{_TITLES[measure]:>17}" for measure in MEASURES) + f"{'n':>6}")
        for name, measures in summaries.items():
            cells = "".join(f"{_score(measures[measure]):>17}" for measure in MEASURES)
            lines.append(f"{_line(name):<{width}}{cells}{measures['sdr'].count:>6}")
        lines += ["", *self._remarks()]
        return "\n".join(lines) + "\n"

    def figure(self, measure: str = "sdri") -> Figure:
        """Draw the scores: a box (median and quartiles, whiskers at 5 and 95 %) and every mixture as a dot.

        One row per label, or one in all where there are no labels or more than 60.

        Raises:
            LassError: the measure is unknown, or no row has a score.
        """
        # Imported late: matplotlib takes longer to load than a list takes to read.
        from lass.evaluation.figure import boxes

        if measure not in MEASURES:
            raise LassError(f"There is no measure {measure!r}; the measures are {', '.join(MEASURES)}.")
        scores: dict[str, list[float]] = {}
        labels = {row.label for row in self.rows if row.label}
        for row in self.rows:
            score = getattr(row, measure)
            if not math.isnan(score):
                scores.setdefault("all", []).append(score)
                if row.label and len(labels) <= _MOST_LABELS:
                    scores.setdefault(row.label, []).append(score)
        if not scores:
            raise LassError("No row has a score to draw; evaluate a list whose sources are not silent.")
        names = ["all", *sorted(name for name in scores if name != "all")]
        title = f"{self.model}, asked by {self.wording}"
        return boxes({name: scores[name] for name in names}, title=title, axis=f"{_TITLES[measure]} (dB)")

    def _summary(self, measure: str, rows: Iterable[Row]) -> Summary:
        return summarise(getattr(row, measure) for row in rows if row.problem is None)

    def _remarks(self) -> list[str]:
        remarks = [f"separation took {self.real_time_factor:.3f} s per second of audio"]
        if self.absent is not None:
            remarks.append(
                f"asked for an absent sound, the answer has {_score(self.absent)} dB of the mixture's energy"
            )
        if self.sdr.undefined:
            remarks.append(f"no score, because the source is silent: {self.sdr.undefined} of {len(self.rows)} mixtures")
        if self.problems:
            first = self.problems[0]
            remarks.append(f"not evaluated: {len(self.problems)} of {len(self.rows)} mixtures")
            remarks.append(f"  the first is {_line(first.id)}: {_line(first.problem)}")
        return remarks


def _score(summary: Summary) -> str:
    return "-" if summary.count == 0 else f"{summary.mean:.2f} \u00b1 {summary.deviation:.2f}"


def _line(text: str | None) -> str:
    """One printable line, whatever a list calls its rows."""
    return "".join(character if character.isprintable() else " " for character in text or "")


def _plain(value: Any) -> Any:
    """A value for CSV and JSON: NaN becomes None, in depth."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


def _written(text: str, path: str | Path | None) -> str:
    if path is None:
        return text
    try:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text(text, encoding="utf-8")
    except OSError as error:
        raise LassError(f"The report {path} cannot be written ({error.strerror}); choose another place.") from error
    return text
