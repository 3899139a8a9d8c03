"""How loud a sound is, and what brings all sounds of a study to one loudness without clipping any.

Loudness is that of ITU-R BS.1770-4 in LUFS, as pyloudnorm measures it; peaks are those of the wave between its samples,
estimated at four times the rate, as that recommendation's Annex 2 proposes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

BLOCK = 0.4
"""Seconds of the measure's gating block; a shorter sound is measured as if it were repeated."""
SILENCE = -70.0
"""LUFS of the measure's absolute gate: what is below counts as silent."""
CEILING = -1.0
"""Decibels relative to full scale that no peak may exceed."""
DEEPEST = 12.0
"""Decibels by which the loudness of a whole study may be lowered for the sake of its peaks."""
_OVERSAMPLING = 4


@dataclass(frozen=True)
class Level:
    """Loudness in LUFS, ``SILENCE`` where there is none, and the highest peak in decibels relative to full scale."""

    lufs: float
    peak: float

    @property
    def silent(self) -> bool:
        """Whether there is nothing that a gain could make audible."""
        return self.lufs <= SILENCE

    @property
    def loudest(self) -> float:
        """The loudness at which the highest peak reaches the ceiling."""
        return self.lufs + CEILING - self.peak


def measure(waveform: np.ndarray, sample_rate: int) -> Level:
    """The level of ``(channels, samples)``, one or two channels."""
    from pyloudnorm import Meter
    from scipy.signal import resample_poly

    samples = np.asarray(waveform, np.float64).T
    shortest = int(np.ceil(BLOCK * sample_rate)) + 1
    # pyloudnorm measures no less than a block.
    repeated = np.tile(samples, (-(-shortest // len(samples)), 1)) if len(samples) < shortest else samples
    with np.errstate(divide="ignore"):
        lufs = float(Meter(sample_rate, block_size=BLOCK).integrated_loudness(repeated))
    highest = max(float(np.abs(samples).max()), float(np.abs(resample_poly(samples, _OVERSAMPLING, 1, axis=0)).max()))
    peak = 20 * np.log10(max(highest, 1e-10))
    return Level(max(SILENCE, lufs) if np.isfinite(lufs) else SILENCE, float(peak))


def common_loudness(wanted: float, levels: Sequence[Level]) -> float:
    """The loudness that all sounds can have without clipping: the wanted one, or a lower one if a peak needs it.

    It is lowered by ``DEEPEST`` decibels at most: one click must not make a whole study inaudible.
    """
    possible = min((level.loudest for level in levels if not level.silent), default=wanted)
    return max(min(wanted, possible), wanted - DEEPEST)


def gain_db(level: Level, loudness: float) -> float:
    """The gain that brings a sound to a loudness, or as near to it as its peaks allow; none for silence."""
    return 0.0 if level.silent else min(loudness, level.loudest) - level.lufs


__all__ = ["Level", "common_loudness", "gain_db", "measure"]
