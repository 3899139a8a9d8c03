"""Two sounds make a mixture whose truth is known: the setting in which a separation can be measured."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lass.audio import Audio, resample
from lass.errors import AudioError

HIGHEST_SNR = 40.0
"""Decibels: beyond it the quieter sound cannot be heard."""
CEILING = 0.9
"""Peak that a mixture is brought down to when it would exceed full scale."""


@dataclass(frozen=True, eq=False)
class Mixture:
    """A mixture and the two sounds in it, float32 ``(channels, samples)`` each: ``mixture`` is their sum.

    ``gain_db`` is what the whole was turned down by, so that it stays within full scale; mostly 0.
    """

    mixture: np.ndarray
    first: np.ndarray
    second: np.ndarray
    sample_rate: int
    gain_db: float


def mix(first: Audio, second: Audio, snr_db: float, *, offset: float = 0.0, seconds: float | None = None) -> Mixture:
    """Two recordings as one, the first ``snr_db`` decibels over the second.

    The ratio is that of their energies in the mixture, each summed over all its samples and channels. The result has
    the higher of the two rates, as many channels as the recording with more of them (a single channel is put on all),
    and lasts from the earlier beginning to the later end. The first recording keeps its level.

    Args:
        first: the sound whose level stays.
        second: the sound that is turned up or down.
        snr_db: decibels, from ``-HIGHEST_SNR`` to ``HIGHEST_SNR``.
        offset: seconds by which the second begins later than the first; earlier where it is negative.
        seconds: cut the mixture to so many; None keeps all.

    Raises:
        AudioError: a sound is silent within the mixture, the ratio or the offset is out of range, or two recordings
            differ in channels and neither has a single one.
    """
    if not np.isfinite(snr_db) or abs(snr_db) > HIGHEST_SNR:
        raise AudioError(
            f"A ratio of {snr_db:g} dB cannot be heard; choose one from {-HIGHEST_SNR:g} to {HIGHEST_SNR:g}."
        )
    rate = max(first.sample_rate, second.sample_rate)
    one, other = _alike(first, rate), _alike(second, rate)
    channels = max(len(one), len(other))
    if min(len(one), len(other)) not in (1, channels):
        raise AudioError(
            f"The sounds have {len(one)} and {len(other)} channels, which do not fit; mix one of them down first."
        )
    one, other = _placed(one, other, _late(offset, one, other, rate), channels, seconds, rate)
    energies = _energy(one), _energy(other)
    if min(energies) <= 0:
        which = "first" if energies[0] <= 0 else "second"
        raise AudioError(f"The {which} sound is silent within the mixture; choose another one or a smaller offset.")
    other = other * np.float32(np.sqrt(energies[0] / energies[1] / 10 ** (snr_db / 10)))
    peak = float(np.abs(one + other).max())
    gain = np.float32(min(1.0, CEILING / peak) if peak > 1 else 1.0)
    one, other = one * gain, other * gain
    return Mixture(one + other, one, other, rate, float(20 * np.log10(gain)))


def _alike(recording: Audio, rate: int) -> np.ndarray:
    return resample(recording.waveform, recording.sample_rate, rate)


def _late(offset: float, one: np.ndarray, other: np.ndarray, rate: int) -> int:
    """The offset in samples; the two have to meet."""
    if not np.isfinite(offset):
        raise AudioError("The offset is no number of seconds; choose 0 to begin both sounds together.")
    late = round(offset * rate)
    if late >= one.shape[1] or -late >= other.shape[1]:
        raise AudioError(f"With an offset of {offset:g} s the two sounds never meet; choose a smaller one.")
    return late


def _placed(
    one: np.ndarray, other: np.ndarray, late: int, channels: int, seconds: float | None, rate: int
) -> tuple[np.ndarray, np.ndarray]:
    """Both in arrays of the mixture's shape."""
    begins = max(-late, 0), max(late, 0)
    length = max(begins[0] + one.shape[1], begins[1] + other.shape[1])
    if seconds is not None:
        length = min(length, round(seconds * rate))
    result = []
    for part, begin in zip((one, other), begins, strict=True):
        whole = np.zeros((channels, length), np.float32)
        count = max(0, min(part.shape[1], length - begin))
        whole[:, begin : begin + count] = part[:, :count]
        result.append(whole)
    return result[0], result[1]


def _energy(waveform: np.ndarray) -> float:
    return float(np.sum(np.square(waveform, dtype=np.float64)))
