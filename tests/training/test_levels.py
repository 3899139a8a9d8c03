"""Levels by energy and by loudness as heard."""

from __future__ import annotations

import numpy as np
import pytest

from lass.training.levels import QUIETEST, level

RATE = 48_000


def tone(hertz: float, seconds: float = 2.0) -> np.ndarray:
    return np.sin(2 * np.pi * hertz * np.arange(int(seconds * RATE)) / RATE).astype(np.float32)


def test_energy_is_the_root_mean_square() -> None:
    assert level(0.5 * tone(1000), RATE, "energy") == pytest.approx(0.5 / np.sqrt(2), rel=1e-4)


def test_loudness_follows_the_standard() -> None:
    # ITU-R BS.1770-4, annex 1: a sine of 0 dBFS at 997 Hz in one channel reads -3.01 LKFS.
    assert 20 * np.log10(level(tone(997), RATE, "lufs")) == pytest.approx(-3.01, abs=0.05)
    # A low tone of the same energy is heard as quieter, a high one as louder.
    low, high = (level(tone(hertz), RATE, "lufs") for hertz in (40, 4000))
    assert low < 0.8 * level(tone(997), RATE, "lufs") < 0.8 * high


def test_silence_within_a_sound_makes_it_no_quieter() -> None:
    paused = np.concatenate([tone(997), np.zeros(6 * RATE, np.float32)])
    assert level(paused, RATE, "energy") == pytest.approx(0.5 * level(tone(997), RATE, "energy"), rel=1e-3)
    # The gate leaves the pause out, but for the blocks that overlap it.
    assert level(paused, RATE, "lufs") == pytest.approx(level(tone(997), RATE, "lufs"), rel=0.1)


@pytest.mark.parametrize("kind", ["energy", "lufs"])
def test_silence_and_clicks_have_a_level_too(kind: str) -> None:
    assert level(np.zeros(RATE, np.float32), RATE, kind) == QUIETEST  # type: ignore[arg-type]
    assert level(tone(500, 0.1), RATE, kind) == pytest.approx(1 / np.sqrt(2), rel=0.01)  # type: ignore[arg-type]
