"""Another rate has the same sound at the same time, as exactly as its own band allows."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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


@pytest.mark.parametrize(
    ("old", "new"),
    [(44_100, 48_000), (48_000, 44_100), (44_100, 32_000), (32_000, 44_100), (8_000, 32_000), (192_000, 32_000),
     (11_025, 32_000), (32_000, 11_025), (44_100, 44_101), (44_101, 44_100), (7_919, 16_000), (16_000, 7_919),
     (96_000, 95_999)],
)  # fmt: skip
@pytest.mark.parametrize("part", [0.05, 0.4, 0.85])
def test_a_tone_up_to_85_percent_of_the_band_keeps_its_waveform(old: int, new: int, part: float) -> None:
    pitch = part * min(old, new) / 2
    before, after = (np.sin(2 * np.pi * pitch * np.arange(rate) / rate) for rate in (old, new))
    middle = slice(new // 5, -new // 5)
    assert np.abs(resample(before.astype(np.float32), old, new) - after)[middle].max() < 1e-3  # -60 dB


@pytest.mark.parametrize(("old", "new"), [(48_000, 16_000), (48_000, 16_001), (44_101, 16_000)])
def test_nothing_folds_down(old: int, new: int) -> None:
    high = np.sin(2 * np.pi * 10_000 * np.arange(old) / old).astype(np.float32)
    middle = slice(new // 10, -new // 10)
    assert np.abs(resample(high, old, new)[middle]).max() < 1e-3


@settings(max_examples=40)
@given(
    shape=st.lists(st.integers(1, 3), max_size=2),
    samples=st.integers(0, 3_000),
    old=st.sampled_from([8_000, 11_025, 44_100, 44_101, 48_000]),
    new=st.sampled_from([8_000, 16_000, 32_000, 44_100, 44_101]),
)
def test_the_length_is_exact_whatever_the_shape(shape: list[int], samples: int, old: int, new: int) -> None:
    moved = resample(np.ones((*shape, samples)), old, new)
    assert moved.shape == (*shape, -(-samples * new // old))
    assert moved.dtype == np.float32
    assert np.isfinite(moved).all()


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


@pytest.mark.parametrize("new", [32_000, 44_099])
def test_channels_are_resampled_each_for_itself(new: int, rng: np.random.Generator) -> None:
    waveform = rng.standard_normal((2, 3, 30_000), np.float32)
    moved = resample(waveform, 44_100, new)
    for place in np.ndindex(2, 3):
        np.testing.assert_allclose(moved[place], resample(waveform[place], 44_100, new), atol=1e-5)


def test_long_recordings_at_awkward_rates_have_no_seams() -> None:
    # Not a whole number of periods in any block, so that the ends of one do not happen to fit together.
    before, after = (np.sin(2 * np.pi * 1_000.3 * np.arange(12 * rate) / rate) for rate in (44_100, 44_101))
    moved = resample(before.astype(np.float32), 44_100, 44_101)
    assert np.abs(moved - after)[5_000:-5_000].max() < 1e-3  # -60 dB


def test_awkward_rates_take_little_memory() -> None:
    waveform = tones(1, 44_100, 1)
    tracemalloc.start()
    try:
        for new in (767_999, 44_101, 4_001):
            resample(waveform, 44_100, new)
        assert tracemalloc.get_traced_memory()[1] < 100_000_000
    finally:
        tracemalloc.stop()


def test_the_same_rate_changes_nothing() -> None:
    waveform = tones(2)
    assert resample(waveform, 16_000, 16_000) is waveform


def test_views_and_read_only_arrays() -> None:
    waveform = tones(2)
    waveform.flags.writeable = False
    every = resample(waveform, 16_000, 8_000)
    assert np.array_equal(resample(waveform[::-1], 16_000, 8_000), every[::-1])
