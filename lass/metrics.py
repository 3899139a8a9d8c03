"""How close an estimate is to its reference, in decibels: SDR, its improvement over the mixture, and SI-SDR.

Every function takes arrays of one shape, `(samples,)` or `(channels, samples)`, and computes in float64. The
channels of a recording are measured together, over all their samples: the ratio of the summed energies, not a
mean of ratios. No mean is removed.

What silence and perfection score, so that a mean over many recordings stays meaningful:

======================================  ==================================================================
case                                    score
======================================  ==================================================================
silent reference                        NaN from every measure: nothing was asked for, so no ratio exists.
                                        `summarise` leaves such rows out of the mean and counts them.
silent estimate                         SDR 0 dB, exactly (all of the reference is the error); SI-SDR
                                        -100 dB (nothing of the reference is there at any gain).
perfect estimate                        +100 dB, `LIMIT_DB`, instead of infinity.
estimate orthogonal to the reference    SI-SDR -100 dB.
mixture equal to the reference          SDRi = SDR - 100 dB: there was nothing to improve.
======================================  ==================================================================

Silent means that the energy, summed in float64, is zero. All scores lie within plus and minus `LIMIT_DB`;
100 dB is beyond what 16-bit audio can tell apart, so the limit touches no measured separation. SDRi, a
difference of two, may reach 200 dB.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lass.errors import AudioError

LIMIT_DB = 100.0
"""Decibels: a perfect estimate scores this, and a hopeless one its negative."""


@dataclass(frozen=True)
class Summary:
    """Scores of many recordings as one: what to print instead of a bare mean.

    `mean` and `deviation` (decibels; of the population, as numpy's `std`) run over the `count` defined
    scores; `undefined` counts the NaN ones, whose reference was silent. With none defined both are NaN.
    """

    mean: float
    deviation: float
    count: int
    undefined: int


def sdr(reference: ArrayLike, estimate: ArrayLike) -> float:
    """Signal-to-distortion ratio in dB: 10 log10(||s||^2 / ||s - e||^2), s the reference and e the estimate.

    The plain ratio of the DCASE 2024 Task 9 evaluation, gain errors counted; not the BSS Eval measure with
    its filter of 512 taps. NaN where the reference is silent.

    Raises:
        AudioError: the shapes differ, or an input is empty or not finite.
    """
    target, guess = _matching(reference, estimate)
    return _ratio_db(_energy(target), _energy(target - guess), silent=_energy(target) == 0.0)


def sdri(reference: ArrayLike, estimate: ArrayLike, mixture: ArrayLike) -> float:
    """Improvement of the SDR in dB: SDR(reference, estimate) - SDR(reference, mixture).

    NaN where the reference is silent.

    Raises:
        AudioError: the shapes differ, or an input is empty or not finite.
    """
    return sdr(reference, estimate) - sdr(reference, mixture)


def si_sdr(reference: ArrayLike, estimate: ArrayLike) -> float:
    """Scale-invariant SDR in dB: 10 log10(||a s||^2 / ||e - a s||^2), a = <e, s> / ||s||^2; no mean removal.

    Le Roux, Wisdom, Erdogan, Hershey: "SDR - half-baked or well done?", ICASSP 2019, equation 5. NaN where
    the reference is silent.

    Raises:
        AudioError: the shapes differ, or an input is empty or not finite.
    """
    target, guess = _matching(reference, estimate)
    reference_energy = _energy(target)
    if reference_energy == 0.0:
        return float("nan")
    projection = (np.dot(guess, target) / reference_energy) * target
    return _ratio_db(_energy(projection), _energy(guess - projection), silent=False)


def level_db(waveform: ArrayLike, relative_to: ArrayLike) -> float:
    """Energy of a waveform in dB relative to another's, within plus and minus `LIMIT_DB`.

    Negative when it is quieter. The measure for a query of a sound that is not in the mixture: the lower the
    output lies under the mixture, the better. A silent waveform lies `LIMIT_DB` under anything; against a
    silent one the level is NaN.

    Raises:
        AudioError: the shapes differ, or an input is empty or not finite.
    """
    other, own = _matching(relative_to, waveform)
    return _ratio_db(_energy(own), _energy(other), silent=_energy(other) == 0.0)


def summarise(scores: Iterable[float]) -> Summary:
    """Mean and deviation over the defined scores, with the number of NaN ones (silent references)."""
    values = np.asarray(list(scores), dtype=np.float64)
    defined = values[~np.isnan(values)]
    missing = int(values.size - defined.size)
    if defined.size == 0:
        return Summary(mean=float("nan"), deviation=float("nan"), count=0, undefined=missing)
    return Summary(
        mean=float(defined.mean()), deviation=float(defined.std()), count=int(defined.size), undefined=missing
    )


def _matching(reference: ArrayLike, estimate: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    first, second = np.asarray(reference, dtype=np.float64), np.asarray(estimate, dtype=np.float64)
    if first.shape != second.shape:
        raise AudioError(
            f"Recordings of different shapes cannot be compared: {first.shape} against {second.shape}; "
            "give both the same number of channels and samples."
        )
    if first.size == 0:
        raise AudioError("A recording without samples cannot be measured; give one that lasts longer.")
    if not (np.isfinite(first).all() and np.isfinite(second).all()):
        raise AudioError("A recording holds values that are not numbers and cannot be measured; check how it was made.")
    return first.ravel(), second.ravel()


def _energy(waveform: NDArray[np.float64]) -> float:
    return float(np.dot(waveform, waveform))


def _ratio_db(wanted: float, unwanted: float, *, silent: bool) -> float:
    if silent:
        return float("nan")
    if unwanted == 0.0 and wanted > 0.0:
        return LIMIT_DB
    if wanted == 0.0:
        return -LIMIT_DB
    # Two logarithms, because the quotient of two extreme energies can leave the range of float64.
    return float(np.clip(10.0 * (np.log10(wanted) - np.log10(unwanted)), -LIMIT_DB, LIMIT_DB))
