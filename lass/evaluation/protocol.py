"""The evaluation protocol: make each mixture, ask for its source, measure what comes back.

Mixing follows DCASE 2024 Task 9: the noise is cut or repeated to the length of the source, scaled to the
signal-to-noise ratio by power over that whole length, and where the mixture's peak passes 1, source and mixture are
both scaled by 0.9 / peak. Recordings are mixed down to one channel first.

The sample rate of an item is the lower of the model's and its source's, unless another is asked for: a 32 kHz
model is measured on 16 kHz recordings at 16 kHz, and a 16 kHz model is not blamed for what lies above 8 kHz.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from lass import audio
from lass.errors import AudioError, LassError, QueryError
from lass.evaluation.lists import Item, Wording
from lass.evaluation.measures import Answer, Measure
from lass.evaluation.report import Report, Row
from lass.metrics import level_db, sdr, sdri, si_sdr

PEAK_AFTER_SCALING = 0.9
"""Peak given to a mixture that would pass 1."""

Mono = NDArray[np.float32]


class Separates(Protocol):
    """What `evaluate` needs of a separator: `lass.separation.Separator` has it."""

    name: str
    sample_rate: int

    def separate(self, waveform: Any, sample_rate: int, query: str) -> Any:
        """Return an object whose `target` has the shape of `waveform`, which is `(samples,)` here."""


def mix(item: Item, sample_rate: int | None = None) -> tuple[Mono, Mono]:
    """Make an item's mixture and the target in it.

    Several noises are brought to equal power and added, and their sum is what the ratio is about. Where source or
    noise is silent there is no ratio, and they are added as they are. A ready-made mixture is taken unscaled; it
    and the source are cut to the shorter of the two.

    Args:
        item: a row of a list.
        sample_rate: hertz to resample everything to before mixing; None for the source's own.

    Returns:
        Mixture and target, float32 `(samples,)`, of one length.

    Raises:
        AudioError: a recording cannot be read.
        LassError: the item has neither noise nor mixture.
    """
    source = audio.read(item.source)
    return _mix(item, source, sample_rate or source.sample_rate)


def evaluate(
    separator: Separates,
    items: Sequence[Item],
    *,
    wording: Wording = "label",
    absent: bool = False,
    sample_rate: int | None = None,
    measures: Sequence[Measure] = (),
    progress: Callable[[int, int], None] | None = None,
) -> Report:
    """Separate every item and measure SDR, SDRi and SI-SDR against its source.

    A recording that cannot be read, is silent throughout or too short, or a caption that is too long, costs its
    row only: the row says why, and the means leave it out and count it.

    Args:
        separator: what to measure.
        items: rows of `read_list` or `folder_list`.
        wording: the words to ask in.
        absent: also ask for the item's absent sound, where it has one, and measure how far the answer lies under
            the mixture. Doubles the time.
        sample_rate: hertz to evaluate at; None for the rule at the top of this file.
        measures: further ones, of `lass.evaluation.measures`.
        progress: called with items done and items in all, after each. What it raises ends the evaluation.

    Raises:
        LassError: there is nothing to evaluate, an item has no such wording, or no recording could be used.
    """
    if not items:
        raise LassError("There is nothing to evaluate; give a list with at least one row.")
    queries = [item.query(wording) for item in items]
    # Before the first separation, so that a missing wording does not show after an hour.
    absences = [item.absent.query(wording) if absent and item.absent else None for item in items]
    rows = []
    for done, (item, query, other) in enumerate(zip(items, queries, absences, strict=True), start=1):
        try:
            rows.append(_measure(separator, item, query, other, sample_rate, measures))
        except (AudioError, QueryError) as error:
            rows.append(Row(id=item.id, label=item.label, query=query, snr_db=item.snr_db, problem=str(error)))
        if progress is not None:
            progress(done, len(items))
    if all(row.problem is not None for row in rows):
        raise LassError(f"Not one row could be evaluated; the first says: {rows[0].problem}")
    return Report(model=separator.name, wording=wording, rows=tuple(rows))


def _measure(
    separator: Separates,
    item: Item,
    query: str,
    absent: str | None,
    sample_rate: int | None,
    measures: Sequence[Measure],
) -> Row:
    source = audio.read(item.source)
    rate = sample_rate or min(separator.sample_rate, source.sample_rate)
    mixture, target = _mix(item, source, rate)
    started = time.perf_counter()
    estimate = _separated(separator, mixture, rate, query)
    elapsed = time.perf_counter() - started
    answer = Answer(target, estimate, mixture, rate, query)
    more = {name: score for measure in measures for name, score in measure(answer).items()}
    return Row(
        id=item.id,
        label=item.label,
        query=query,
        sdr=sdr(target, estimate),
        sdri=sdri(target, estimate, mixture),
        si_sdr=si_sdr(target, estimate),
        snr_db=item.snr_db,
        mixture_sdr=sdr(target, mixture),
        mixture_si_sdr=si_sdr(target, mixture),
        level_db=level_db(estimate, mixture),
        likeness=_likeness(estimate, mixture),
        target_level_db=level_db(target, mixture),
        target_likeness=_likeness(target, mixture),
        more=more,
        seconds=len(mixture) / rate,
        elapsed=elapsed,
        sample_rate=rate,
        absent_query=absent,
        absent_db=None if absent is None else level_db(_separated(separator, mixture, rate, absent), mixture),
    )


def _likeness(waveform: Mono, mixture: Mono) -> float:
    """The correlation of two waveforms, from -1 to 1, without removing means; NaN where one is silent."""
    lengths = float(np.linalg.norm(waveform.astype(np.float64))) * float(np.linalg.norm(mixture.astype(np.float64)))
    return float(np.vdot(waveform.astype(np.float64), mixture.astype(np.float64))) / lengths if lengths else math.nan


def _separated(separator: Separates, mixture: Mono, sample_rate: int, query: str) -> Mono:
    # A copy, so that a separator which works in place cannot change what it is measured against.
    estimate = separator.separate(mixture.copy(), sample_rate, query).target
    return np.asarray(estimate, dtype=np.float32).reshape(mixture.shape)


def _mix(item: Item, source: audio.Audio, sample_rate: int) -> tuple[Mono, Mono]:
    target = _mono(source, sample_rate)
    if item.mixture is not None:
        given = _mono(audio.read(item.mixture), sample_rate)
        length = min(len(given), len(target))
        return given[:length], target[:length]
    if not item.noises:
        raise LassError(f"Row {item.id} of the list has neither noise nor mixture; give it one of them.")
    # From the start and repeated as often as need be: the same mixture every time.
    noises = [np.resize(_mono(audio.read(path), sample_rate), len(target)) for path in item.noises]
    mixture = target + _scaled(noises, target, 0.0 if item.snr_db is None else item.snr_db)
    peak = float(np.abs(mixture).max())
    if peak > 1.0:
        scale = np.float32(PEAK_AFTER_SCALING / peak)
        return mixture * scale, target * scale
    return mixture, target


def _scaled(noises: Sequence[Mono], target: Mono, snr_db: float) -> Mono:
    """The sum of the noises, at equal power each, with the power that the ratio to the target asks for."""
    if len(noises) > 1:
        noises = [noise / np.float32(np.sqrt(_power(noise)) or 1.0) for noise in noises]
    noise: Mono = np.sum(noises, axis=0, dtype=np.float32)
    wanted, present = _power(target), _power(noise)
    if wanted == 0.0 or present == 0.0:
        return noise
    return noise * np.float32(np.sqrt(wanted / present / 10.0 ** (snr_db / 10.0)))


def _mono(recording: audio.Audio, sample_rate: int) -> Mono:
    mono = recording.waveform.mean(axis=0, dtype=np.float32)
    return audio.resample(mono, recording.sample_rate, sample_rate)


def _power(waveform: Mono) -> float:
    return float(np.mean(np.square(waveform, dtype=np.float64)))
