"""How close a separation came to a truth that is known: the three measures of the pages, in decibels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lass.errors import AudioError

if TYPE_CHECKING:
    import numpy as np

    from lass.audio import Audio

SLACK = 0.1
"""Seconds by which a truth and its mixture may differ in length: coders pad what they write."""


@dataclass(frozen=True)
class Scores:
    """SDR, its improvement over the mixture, and SI-SDR, in decibels; see :mod:`lass.metrics`."""

    sdr: float
    sdri: float
    si_sdr: float


def scores(truth: np.ndarray, estimate: np.ndarray, mixture: np.ndarray) -> Scores:
    """The measures of an estimate; all arrays have one shape. NaN where the truth is silent."""
    from lass.metrics import sdr, sdri, si_sdr

    return Scores(sdr(truth, estimate), sdri(truth, estimate, mixture), si_sdr(truth, estimate))


def fitting(truth: Audio, mixture: Audio) -> np.ndarray:
    """An uploaded truth in the shape and at the rate of its mixture.

    A single channel stands for each of the mixture's, and up to :data:`SLACK` is cut or filled with silence.

    Raises:
        AudioError: it lasts longer or shorter than the mixture, has other channels, or is silent.
    """
    import numpy as np

    from lass.audio import resample

    if abs(truth.seconds - mixture.seconds) > SLACK:
        raise AudioError(
            f"The clean sound lasts {truth.seconds:.1f} s and the recording {mixture.seconds:.1f} s; "
            "give the one that was mixed into this recording, uncut."
        )
    if truth.channels not in (1, mixture.channels):
        raise AudioError(
            f"The clean sound has {truth.channels} channels and the recording {mixture.channels}; "
            "give it with one channel or as many as the recording."
        )
    given = resample(truth.waveform, truth.sample_rate, mixture.sample_rate)
    fitted = np.zeros(mixture.waveform.shape, np.float32)
    length = min(given.shape[1], fitted.shape[1])
    fitted[:, :length] = given[:, :length]
    if not fitted.any():
        raise AudioError("The clean sound is silent, so there is nothing to measure against; choose another file.")
    return fitted
