import numpy as np
import pytest

from lass.audio import resample
from tests.audio.recordings import pitches, tones


@pytest.mark.parametrize("old", [8_000, 11_025, 16_000, 22_050, 44_100, 44_101, 48_000, 96_000, 192_000])
@pytest.mark.parametrize("new", [16_000, 32_000, 44_100])
def test_length_pitch_and_level(old: int, new: int) -> None:
    waveform = tones(2, old, 0.5)[:, :-3]
    moved = resample(waveform, old, new)
    assert moved.dtype == np.float32
    assert moved.shape == (2, -(-waveform.shape[1] * new // old))
    assert pitches(moved, new) == pytest.approx([500, 800], abs=3)
    middle = slice(new // 10, -new // 10)
    assert np.sqrt(np.square(moved[:, middle]).mean()) == pytest.approx(0.3 / np.sqrt(2), rel=0.01)


@pytest.mark.parametrize(("old", "new"), [(48_000, 16_000), (44_101, 16_000)])
def test_nothing_folds_down(old: int, new: int) -> None:
    high = np.sin(2 * np.pi * 11_000 * np.arange(old) / old).astype(np.float32)
    middle = slice(new // 10, -new // 10)
    assert np.abs(resample(high, old, new)[middle]).max() < 0.01


@pytest.mark.parametrize(("old", "new"), [(16_000, 48_000), (22_255, 32_000)])
def test_there_and_back(old: int, new: int) -> None:
    waveform = tones(2, old)
    back = resample(resample(waveform, old, new), new, old)[:, : waveform.shape[1]]
    middle = slice(old // 10, -old // 10)
    np.testing.assert_allclose(back[:, middle], waveform[:, middle], atol=0.005)


def test_leading_axes_and_levels_stay() -> None:
    waveform = np.stack([tones(2), 50 * tones(2)])
    moved = resample(waveform, 16_000, 8_000)
    assert moved.shape == (2, 2, 4_000)
    np.testing.assert_allclose(moved[1], 50 * moved[0], rtol=1e-4, atol=1e-4)


def test_the_same_rate_changes_nothing() -> None:
    waveform = tones(2)
    assert np.array_equal(resample(waveform, 16_000, 16_000), waveform)


def test_views_and_read_only_arrays() -> None:
    waveform = tones(2)
    waveform.flags.writeable = False
    every = resample(waveform, 16_000, 8_000)
    assert np.array_equal(resample(waveform[::-1], 16_000, 8_000), every[::-1])
