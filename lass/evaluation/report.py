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
from lass.evaluation.measures import TITLES
from lass.metrics import Summary, summarise

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MEASURES = ("sdr", "sdri", "si_sdr")
_TITLES = {"sdr": "SDR", "sdri": "SDRi", "si_sdr": "SI-SDR"}
_UNITLESS = ("pesq", "stoi", "clap_audio", "clap_text")
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
        snr_db: power of the source over that of the noise; None for a ready-made mixture.
        mixture_sdr, mixture_si_sdr: what the mixture itself scores, returned as it is: the identity.
        level_db, target_level_db: energy of the answer and of the target relative to the mixture, in decibels.
        likeness, target_likeness: correlation of the answer and of the target with the mixture, -1 to 1.
        more: scores of further measures by name.
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
    snr_db: float | None = None
    mixture_sdr: float = _NAN
    mixture_si_sdr: float = _NAN
    level_db: float = _NAN
    likeness: float = _NAN
    target_level_db: float = _NAN
    target_likeness: float = _NAN
    more: Mapping[str, float] = field(default_factory=dict)

    def score(self, measure: str) -> float:
        """A measure's score; NaN where it was not taken."""
        return float(self.more.get(measure, _NAN)) if measure not in MEASURES else float(getattr(self, measure))

    def facts(self) -> dict[str, Any]:
        """All of the row in one level of plain values."""
        values = {item.name: getattr(self, item.name) for item in fields(self) if item.name != "more"}
        return values | dict(self.more)


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
    def measures(self) -> tuple[str, ...]:
        """The names of all measures taken, the usual three first."""
        more = dict.fromkeys(name for row in self.rows for name in row.more)
        return (*MEASURES, *more)

    @property
    def identity(self) -> dict[str, Summary]:
        """What returning the mixture would score, and how unlike the mixture the answers and the targets are.

        `sdr`, `sdri` (0 by definition) and `si_sdr` of the mixture itself; `level_db` and `likeness` of the answers,
        `target_level_db` and `target_likeness` of the targets, relative to the mixture (whose own are 0 dB and 1).
        """
        rows = [row for row in self.rows if row.problem is None]
        names = ("level_db", "likeness", "target_level_db", "target_likeness")
        return {
            "sdr": summarise(row.mixture_sdr for row in rows),
            "sdri": summarise(0.0 * row.mixture_sdr for row in rows),
            "si_sdr": summarise(row.mixture_si_sdr for row in rows),
            **{name: summarise(getattr(row, name) for row in rows) for name in names},
        }

    def by_ratio(self) -> dict[float, Report]:
        """The report of every signal-to-noise ratio, where mixtures were made at several; empty otherwise."""
        ratios = sorted({row.snr_db for row in self.rows if row.snr_db is not None})
        if not isinstance(self.settings.get("snr_db"), list | tuple) or len(ratios) < 2:
            return {}
        rows = {ratio: tuple(row for row in self.rows if row.snr_db == ratio) for ratio in ratios}
        return {ratio: Report(self.model, self.wording, rows[ratio]) for ratio in ratios}

    @property
    def problems(self) -> tuple[Row, ...]:
        """Rows that could not be evaluated."""
        return tuple(row for row in self.rows if row.problem is not None)

    @property
    def real_time_factor(self) -> float:
        """Seconds of separation per second of audio; NaN without audio."""
        seconds = sum(row.seconds for row in self.rows)
        return sum(row.elapsed for row in self.rows) / seconds if seconds else _NAN

    def means(self) -> dict[str, Summary]:
        """The summary of each measure over all rows."""
        return {measure: self._summary(measure, self.rows) for measure in self.measures}

    def by_label(self) -> dict[str, dict[str, Summary]]:
        """For every label in alphabetical order, the summary of each measure; rows without a label are left out."""
        labels = sorted({row.label for row in self.rows if row.label})
        return {
            label: {
                measure: self._summary(measure, (row for row in self.rows if row.label == label))
                for measure in self.measures
            }
            for label in labels
        }

    def to_csv(self, path: str | Path | None = None) -> str:
        """All rows as CSV; written to `path` where one is given. An undefined score is an empty cell.

        Raises:
            LassError: the file cannot be written.
        """
        text = io.StringIO()
        columns = [column.name for column in fields(Row) if column.name != "more"]
        writer = csv.DictWriter(text, [*columns, *self.measures[len(MEASURES) :]], lineterminator="\n")
        writer.writeheader()
        writer.writerows(_plain(row.facts()) for row in self.rows)
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
            **{measure: asdict(self._summary(measure, self.rows)) for measure in self.measures},
            "absent": None if self.absent is None else asdict(self.absent),
            "identity": {name: asdict(summary) for name, summary in self.identity.items()},
            "ratios": {f"{ratio:g}": _brief(report) for ratio, report in self.by_ratio().items()},
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
        document = {**self.summary(), "rows": [_plain(row.facts()) for row in self.rows]}
        return _written(json.dumps(document, ensure_ascii=False, indent=2, allow_nan=False) + "\n", path)

    def to_table(self) -> str:
        """Means and deviations, in all and per label, as plain text for a terminal."""
        rates = sorted({row.sample_rate for row in self.rows if row.sample_rate})
        lines = [
            f"{_line(self.model)}, asked by {self.wording}: {len(self.rows)} mixtures, "
            f"{sum(row.seconds for row in self.rows):.0f} s at {', '.join(map(str, rates))} Hz",
            "",
        ]
        ratios = {f"at {ratio:g} dB": report.means() for ratio, report in self.by_ratio().items()}
        summaries = {"all": self.means(), **ratios, **self.by_label()}
        width = max(len(_line(name)) for name in summaries)
        titles = "".join(f"{_title(measure):>17}" for measure in self.measures)
        lines.append(f"{'dB':<{width}}{titles}{'n':>6}")
        for name, measures in summaries.items():
            cells = "".join(f"{_score(measures[measure]):>17}" for measure in self.measures)
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

        if measure not in self.measures:
            raise LassError(f"There is no measure {measure!r}; the measures are {', '.join(self.measures)}.")
        scores: dict[str, list[float]] = {}
        labels = {row.label for row in self.rows if row.label}
        for row in self.rows:
            score = row.score(measure)
            if not math.isnan(score):
                scores.setdefault("all", []).append(score)
                if row.label and len(labels) <= _MOST_LABELS:
                    scores.setdefault(row.label, []).append(score)
        if not scores:
            raise LassError("No row has a score to draw; evaluate a list whose sources are not silent.")
        names = ["all", *sorted(name for name in scores if name != "all")]
        title = f"{self.model}, asked by {self.wording}"
        unit = "" if measure in _UNITLESS else " (dB)"
        return boxes({name: scores[name] for name in names}, title=title, axis=f"{_title(measure)}{unit}")

    def _summary(self, measure: str, rows: Iterable[Row]) -> Summary:
        return summarise(row.score(measure) for row in rows if row.problem is None)

    def _remarks(self) -> list[str]:
        remarks = [f"separation took {self.real_time_factor:.3f} s per second of audio"]
        if self.absent is not None:
            remarks.append(
                f"asked for an absent sound, the answer has {_score(self.absent)} dB of the mixture's energy"
            )
        identity = self.identity
        if identity["sdr"].count:
            remarks.append(
                f"returning the mixture itself would score {_score(identity['sdr'])} dB SDR and 0 dB SDRi; the answers "
                f"correlate with the mixture by {_score(identity['likeness'])}, the targets by "
                f"{_score(identity['target_likeness'])}"
            )
        if self.sdr.undefined:
            remarks.append(f"no score, because the source is silent: {self.sdr.undefined} of {len(self.rows)} mixtures")
        if self.problems:
            first = self.problems[0]
            remarks.append(f"not evaluated: {len(self.problems)} of {len(self.rows)} mixtures")
            remarks.append(f"  the first is {_line(first.id)}: {_line(first.problem)}")
        return remarks


def _brief(report: Report) -> dict[str, Any]:
    """The means of one ratio, ready for JSON."""
    return {
        "mixtures": len(report.rows),
        "problems": len(report.problems),
        **{measure: asdict(summary) for measure, summary in report.means().items()},
        "absent": None if report.absent is None else asdict(report.absent),
        "identity": {name: asdict(summary) for name, summary in report.identity.items()},
    }


def _title(measure: str) -> str:
    return _TITLES.get(measure) or TITLES.get(measure, measure)


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
