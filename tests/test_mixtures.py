"""Two sounds at a ratio: what a mixture holds is what was asked for."""

import numpy as np
import pytest

from lass.audio import Audio
from lass.errors import AudioError
from lass.metrics import sdr
from lass.mixtures import HIGHEST_SNR, mix

RATE = 8_000


def sound(seconds: float, *, channels: int = 1, rate: int = RATE, level: float = 0.1, seed: int = 0) -> Audio:
    samples = np.random.default_rng(seed).normal(0, level, (channels, round(seconds * rate)))
    return Audio(samples.astype(np.float32), rate)


@pytest.mark.parametrize("snr", [-12.0, 0.0, 7.5])
def test_the_ratio_is_the_one_asked_for_and_the_parts_add_up(snr: float) -> None:
    result = mix(sound(2), sound(3, level=0.01, seed=1), snr)
    np.testing.assert_array_equal(result.first + result.second, result.mixture)
    # The SDR of an untouched mixture is the ratio of target and rest.
    assert sdr(result.first, result.mixture) == pytest.approx(snr, abs=1e-3)
    assert result.mixture.shape == (1, 3 * RATE)


def test_the_first_sound_keeps_its_level() -> None:
    first = sound(2)
    np.testing.assert_array_equal(mix(first, sound(2, seed=1), 6).first, first.waveform)


@pytest.mark.parametrize(
    ("offset", "begins", "length"), [(1.0, (0, 1), 3.0), (-0.5, (0.5, 0), 2.5), (0.0, (0, 0), 2.0)]
)
def test_an_offset_moves_the_second_sound(offset: float, begins: tuple[float, float], length: float) -> None:
    result = mix(sound(2), sound(2, seed=1), 0, offset=offset)
    assert result.mixture.shape[1] == length * RATE
    for part, begin in zip((result.first, result.second), begins, strict=True):
        assert np.flatnonzero(part[0])[0] == pytest.approx(begin * RATE, abs=2)


def test_rates_and_channels_become_those_of_the_finer_recording() -> None:
    result = mix(sound(1, rate=16_000), sound(1, channels=2, seed=1), 0)
    assert result.sample_rate == 16_000
    assert result.mixture.shape == (2, 16_000)
    np.testing.assert_array_equal(result.first[0], result.first[1])


def test_what_would_exceed_full_scale_is_turned_down_as_a_whole() -> None:
    result = mix(sound(1, level=0.6), sound(1, level=0.6, seed=1), 3)
    assert np.abs(result.mixture).max() == pytest.approx(0.9, abs=1e-4)
    assert sdr(result.first, result.mixture) == pytest.approx(3, abs=1e-3)
    assert result.gain_db < 0
    assert mix(sound(1), sound(1, seed=1), 0).gain_db == 0


def test_it_can_be_cut() -> None:
    result = mix(sound(9), sound(9, seed=1), 5, seconds=2)
    assert result.mixture.shape[1] == 2 * RATE
    assert sdr(result.first, result.mixture) == pytest.approx(5, abs=1e-3)


@pytest.mark.parametrize(
    ("first", "second", "snr", "offset", "words"),
    [
        (sound(1, level=0), sound(1), 0, 0, "first sound is silent"),
        (sound(1), sound(1, level=0), 0, 0, "second sound is silent"),
        (sound(1), sound(1), 0, 5, "never meet"),
        (sound(1), sound(1), 0, -5, "never meet"),
        (sound(1), sound(1), 0, float("nan"), "no number"),
        (sound(1), sound(1), HIGHEST_SNR + 1, 0, "cannot be heard"),
        (sound(1), sound(1), float("nan"), 0, "cannot be heard"),
        (sound(1, channels=2), sound(1, channels=3), 0, 0, "do not fit"),
    ],
)
def test_what_cannot_be_mixed_is_one_sentence(
    first: Audio, second: Audio, snr: float, offset: float, words: str
) -> None:
    with pytest.raises(AudioError, match=words):
        mix(first, second, snr, offset=offset)
