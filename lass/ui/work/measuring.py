"""What the Mix & measure page does: a mixture whose truth is known, its separation, and how good that is."""

from __future__ import annotations

import csv
import json
from collections.abc import Generator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from lass.errors import AudioError
from lass.ui.work.scores import Scores, scores
from lass.ui.work.service import Service, packed
from lass.ui.work.wish import Ticket
from lass.ui.work.workbench import Stage, until_called_off

if TYPE_CHECKING:
    from lass.audio import Audio
    from lass.mixtures import Mixture
    from lass.separation import Separation

SWEEP_DB = (-15.0, -10.0, -5.0, 0.0, 5.0, 10.0, 15.0)
"""The ratios of a sweep, in decibels: seven separations, whatever a visitor asks for."""
SWEEP_SECONDS = 15.0
"""A sweep listens to the beginning of the mixture only, so that it ends while somebody still waits."""
SHIPPED_RATE = 32_000

Which = Literal["first", "second"]


@dataclass(frozen=True)
class Shipped:
    """A sound that comes with the application: ``key`` names it, ``query`` asks for it."""

    key: str
    title: str
    query: str


@dataclass(frozen=True)
class Experiment:
    """What a visitor asks for.

    ``first`` and ``second`` are the paths of uploads or the keys of shipped sounds; ``snr_db`` is the level of the
    first over the second; ``offset``, in seconds, is how much later the second begins; ``query`` asks for the sound
    that ``wanted`` names.
    """

    first: str
    second: str
    snr_db: float
    offset: float
    wanted: Which
    query: str
    model: str


@dataclass(frozen=True)
class Mixed:
    """The mixture alone, as a file to listen to."""

    mixture: Path

    @property
    def folder(self) -> Path:
        """Where it lies, and nothing else."""
        return self.mixture.parent


@dataclass(frozen=True)
class Measured:
    """A separated mixture and how close it came to the truth."""

    mixture: Path
    truth: Path
    other: Path
    target: Path
    residual: Path
    picture: Path
    archive: Path
    scores: Scores
    before: float
    gain_db: float

    @property
    def folder(self) -> Path:
        """Where all its files lie."""
        return self.archive.parent


@dataclass(frozen=True)
class Point:
    """One ratio of a sweep, the wanted sound over the other in decibels, and the measures there."""

    ratio_db: float
    scores: Scores


@dataclass(frozen=True)
class Sweep:
    """The measures over a range of ratios, as points, as a picture and as a table."""

    points: tuple[Point, ...]
    picture: Path
    table: Path

    @property
    def folder(self) -> Path:
        """Where both files lie."""
        return self.table.parent


def shipped() -> list[Shipped]:
    """The sounds of the example scenes, each by itself."""
    from lass.scenes import SCENES

    found = []
    for scene in SCENES:
        found.append(Shipped(f"scene:{scene.name}:target", scene.target, scene.query))
        label = ", ".join(scene.backgrounds)
        found.append(Shipped(f"scene:{scene.name}:background", label, label))
    return found


def signed(decibels: float) -> str:
    """A ratio as it is written: with its sign, which a nought has not."""
    return f"{decibels:+g} dB" if decibels else "0 dB"


class Measuring:
    """Mixes and measures for any number of visitors; holds nothing that belongs to one of them."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.bench = service.bench

    def check(self, experiment: Experiment, *, separate: bool = True) -> None:
        """Raises :class:`lass.errors.LassError` with what is missing before anything can start."""
        from lass.queries import check_query

        words = self.service.texts
        if not (experiment.first and experiment.second):
            raise AudioError(words.pages.measure.no_sounds)
        if separate and not experiment.query.strip():
            raise AudioError(words.no_query)
        if separate:
            check_query(experiment.query)

    def mixture(self, experiment: Experiment, ticket: Ticket | None = None) -> Generator[Stage | Mixed, None, None]:
        """Mix, and nothing else: what the experiment asks for is not needed yet. Errors are those of :meth:`run`."""
        self.check(experiment, separate=False)
        yield from until_called_off(self._mixture(experiment), ticket)

    def run(self, experiment: Experiment, ticket: Ticket | None = None) -> Generator[Stage | Measured, None, None]:
        """Mix, separate and measure: stages while it goes on, what was measured last.

        Raises :class:`lass.errors.LassError` for whatever the visitor can mend, :class:`Cancelled` when the ticket
        was called off. So does :meth:`sweep`.
        """
        self.check(experiment)
        yield from until_called_off(self._run(experiment), ticket)

    def sweep(self, experiment: Experiment, ticket: Ticket | None = None) -> Generator[Stage | Sweep, None, None]:
        """The same at every ratio of :data:`SWEEP_DB`, the wanted sound over the other: the measures as a picture."""
        self.check(experiment)
        yield from until_called_off(self._sweep(experiment), ticket)

    def _mixture(self, experiment: Experiment) -> Generator[Stage | Mixed, None, None]:
        from lass import audio

        self.bench.tidy()
        yield Stage("reading")
        mixed = self._mix(experiment)
        with self.bench.folder() as folder:
            file = audio.write(folder / "mixture.wav", mixed.mixture, mixed.sample_rate)
        yield Mixed(file)

    def _run(self, experiment: Experiment) -> Generator[Stage | Measured, None, None]:
        self.bench.tidy()
        yield Stage("reading")
        mixed = self._mix(experiment)
        result: Separation | None = None
        for step in self._separations(experiment, mixed):
            if isinstance(step, Stage):
                yield step
            else:
                result = step
        assert result is not None
        yield Stage("drawing")
        yield self._write(experiment, mixed, result)

    def _sweep(self, experiment: Experiment) -> Generator[Stage | Sweep, None, None]:
        self.bench.tidy()
        yield Stage("reading")
        recordings = self._read(experiment.first), self._read(experiment.second)
        points = []
        for ratio in SWEEP_DB:
            snr = ratio if experiment.wanted == "first" else -ratio
            mixed = self._mix(replace(experiment, snr_db=snr), recordings, SWEEP_SECONDS)
            truth, _ = _parts(experiment, mixed)
            for step in self._separations(experiment, mixed, signed(ratio)):
                if isinstance(step, Stage):
                    yield step
                else:
                    points.append(Point(ratio, scores(truth, step.target, mixed.mixture)))
        yield Stage("drawing")
        yield self._write_sweep(points)

    def _separations(
        self, experiment: Experiment, mixed: Mixture, about: str = ""
    ) -> Generator[Stage | Separation, None, None]:
        model = experiment.model or self.service.shelf.default() or ""
        yield from self.bench.separations(model, mixed.mixture, mixed.sample_rate, [experiment.query], about)

    def _mix(
        self, experiment: Experiment, recordings: tuple[Audio, Audio] | None = None, seconds: float | None = None
    ) -> Mixture:
        from lass.mixtures import mix

        first, second = recordings or (self._read(experiment.first), self._read(experiment.second))
        most, late = self.service.limits.max_seconds, experiment.offset
        if seconds is None and max(first.seconds + max(-late, 0), second.seconds + max(late, 0)) > most:
            raise AudioError(f"The mixture would last longer than {most:g} seconds; choose shorter sounds.")
        return mix(first, second, experiment.snr_db, offset=experiment.offset, seconds=seconds)

    def _read(self, sound: str) -> Audio:
        """An upload, or a sound that ships: nobody else's key names a file."""
        from lass.audio import Audio
        from lass.scenes import SCENES, render

        for scene in SCENES:
            for number, part in enumerate(("target", "background"), start=1):
                if sound == f"scene:{scene.name}:{part}":
                    return Audio(render(scene, SHIPPED_RATE)[number], SHIPPED_RATE)
        return self.bench.read(sound)

    def _write(self, experiment: Experiment, mixed: Mixture, separation: Separation) -> Measured:
        from lass import audio
        from lass.metrics import sdr
        from lass.plots import panels, save

        truth, other = _parts(experiment, mixed)
        measured, before = scores(truth, separation.target, mixed.mixture), sdr(truth, mixed.mixture)
        waveforms = {
            "mixture": mixed.mixture, "truth": truth, "other-sound": other,
            "target": separation.target, "residual": separation.residual,
        }  # fmt: skip
        with self.bench.folder() as folder:
            files = {
                name: audio.write(folder / f"{name}.wav", waveform, mixed.sample_rate)
                for name, waveform in waveforms.items()
            }
            titled = [("Mixture", "", mixed.mixture), ("Truth", "", truth), ("Target", "", separation.target)]
            picture = save(panels(titled, mixed.sample_rate), folder / "spectrograms.png")
            report = folder / "measures.json"
            facts = _facts(experiment, separation.model, measured, before, mixed.gain_db)
            report.write_text(json.dumps(facts, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
            archive = packed(folder / "mixed-and-measured.zip", [*files.values(), picture, report])
        return Measured(
            files["mixture"], files["truth"], files["other-sound"], files["target"], files["residual"],
            picture, archive, measured, before, mixed.gain_db,
        )  # fmt: skip

    def _write_sweep(self, points: list[Point]) -> Sweep:
        from lass.plots import save

        with self.bench.folder() as folder:
            table = folder / "sweep.csv"
            with table.open("w", encoding="utf-8", newline="") as file:
                rows = csv.writer(file)
                rows.writerow(["ratio_db", "sdr_db", "sdri_db", "si_sdr_db"])
                rows.writerows(
                    [point.ratio_db, *(round(value, 3) for value in vars(point.scores).values())] for point in points
                )
            picture = save(sweep_figure(points), folder / "sweep.png")
        return Sweep(tuple(points), picture, table)


def sweep_figure(points: list[Point]) -> Any:
    """SDR after, SI-SDR after, and SDR before the separation, over the ratio: a matplotlib figure."""
    from lass.plots import FAMILY, new_figure

    figure = new_figure(height=2.9)
    axes = figure.add_axes((0.13, 0.17, 0.84, 0.7))
    ratios = [point.ratio_db for point in points]
    lines = (
        ("SDR", [point.scores.sdr for point in points], "#1c7065", "o-"),
        ("SI-SDR", [point.scores.si_sdr for point in points], "#b26a00", "s--"),
        ("SDR of the mixture", [point.scores.sdr - point.scores.sdri for point in points], "#776f64", ":"),
    )
    for label, values, colour, style in lines:
        axes.plot(ratios, values, style, color=colour, label=label, linewidth=1.6, markersize=4)
    axes.set_xticks(ratios)
    axes.grid(True, color="#e6e2db", linewidth=0.6)
    axes.set_xlabel("Wanted sound over the other (dB)", fontsize=8, family=FAMILY)
    axes.set_ylabel("dB", fontsize=8, family=FAMILY)
    axes.tick_params(labelsize=7.5, labelfontfamily=FAMILY)
    axes.legend(prop={"family": FAMILY, "size": 7.5}, frameon=False, loc="lower right")
    return figure


def _parts(experiment: Experiment, mixed: Mixture) -> tuple[Any, Any]:
    """The wanted sound as it is in the mixture, and the other one."""
    return (mixed.first, mixed.second) if experiment.wanted == "first" else (mixed.second, mixed.first)


def _facts(experiment: Experiment, model: str, measured: Scores, before: float, gain_db: float) -> dict[str, Any]:
    return {
        "query": experiment.query,
        "model": model,
        "wanted": experiment.wanted,
        "first_over_second_db": experiment.snr_db,
        "second_begins_later_by_seconds": experiment.offset,
        "turned_down_by_db": round(-gain_db, 2),
        "decibels": {"sdr_of_the_mixture": round(before, 2)}
        | {name: round(value, 2) for name, value in vars(measured).items()},
    }
