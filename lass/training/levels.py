"""How loud a source is, for mixing: its energy, or its loudness as people hear it."""

import warnings
from functools import lru_cache
from typing import Any, Literal

import numpy as np

Loudness = Literal["energy", "lufs"]
# Below this a crop counts as silent, and stays so.
QUIETEST = 1e-5


def rms(sound: np.ndarray) -> float:
    """The root mean square, relative to full scale."""
    return float(np.sqrt(np.mean(np.square(sound, dtype=np.float64))))


def level(sound: np.ndarray, sample_rate: int, kind: Loudness) -> float:
    """What to divide a sound by to bring it to level 1; at least :data:`QUIETEST`.

    Args:
        sound: float ``(samples,)``.
        sample_rate: hertz.
        kind: ``energy`` is the root mean square; ``lufs`` the integrated loudness of ITU-R BS.1770-4 (K-weighted, in
            gated blocks of 0.4 s) as an amplitude. What the gate leaves nothing of is measured by its energy.
    """
    if kind == "lufs" and len(sound) >= 0.4 * sample_rate:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            # Silent blocks have no logarithm, which is no news here.
            warnings.simplefilter("ignore")
            loudness = float(_meter(sample_rate).integrated_loudness(sound.astype(np.float64)))
        if np.isfinite(loudness):
            return max(float(10 ** (loudness / 20)), QUIETEST)
    return max(rms(sound), QUIETEST)


@lru_cache(maxsize=4)
def _meter(sample_rate: int) -> Any:
    import pyloudnorm  # only where a recipe asks for it

    return pyloudnorm.Meter(sample_rate)
