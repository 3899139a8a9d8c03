"""A part of a recording is separated, and the rest stays as it is."""

from pathlib import Path

import numpy as np
import pytest

from lass import region
from lass.errors import AudioError
from lass.region import Region
from lass.separation import Progress, Separation, Stream, Streamed
from lass.waveforms import Scratch, Waveform, difference

RATE = 16_000
SECONDS = 20


class Quieter:
    """The target is a quarter of whatever it hears; it remembers how much that was."""

    def __init__(self) -> None:
        self.heard = 0

    def stream(self, waveform: Waveform, sample_rate: int, query: str, scratch: Scratch) -> Stream:
        self.heard = waveform.shape[-1]
        yield Progress(1, 1)
        target = waveform[..., :] * np.float32(0.25)
        yield Streamed(target, difference(waveform, target), sample_rate, query, "quieter")


@pytest.fixture
def tone() -> np.ndarray:
    time = np.arange(SECONDS * RATE) / RATE
    return (0.5 * np.sin(2 * np.pi * 100 * time))[None].astype(np.float32)


def separated(waveform: np.ndarray, part: Region, listener: Quieter | None = None) -> Separation:
    """What a region's separation gives, in memory; the listener uses no room on any disk."""
    *_, result = region.stream(listener or Quieter(), waveform, RATE, "tone", Scratch(Path("no folder")), part)
    assert isinstance(result, Streamed)
    return Separation(result.target[..., :], result.residual[..., :], RATE, result.query, result.model)


def test_only_the_region_changes_and_the_parts_add_up(tone: np.ndarray) -> None:
    result = separated(tone, Region(5, 9))
    np.testing.assert_allclose(result.target + result.residual, tone, atol=1e-6)
    inside = slice(5 * RATE, 9 * RATE)
    outside = np.ones(tone.shape[1], bool)
    outside[inside] = False
    np.testing.assert_array_equal(result.target[:, outside], tone[:, outside])
    assert not result.residual[:, outside].any()
    middle = slice(6 * RATE, 8 * RATE)
    assert np.std(result.target[:, middle]) == pytest.approx(np.std(tone[:, middle]) / 4, rel=1e-3)


def test_removing_leaves_the_recording_without_the_sound(tone: np.ndarray) -> None:
    part = Region(5, 9)
    first, last = region.heard(tone.shape[1], RATE, part)
    target = tone[:, first:last] * np.float32(0.25)
    piece = Separation(target, tone[:, first:last] - target, RATE, "tone", "quieter")
    result = region.removing(tone, piece, part)
    np.testing.assert_allclose(result.target + result.residual, tone, atol=1e-6)
    middle = slice(6 * RATE, 8 * RATE)
    assert np.std(result.residual[:, middle]) == pytest.approx(np.std(tone[:, middle]) * 0.75, rel=1e-3)
    assert not result.target[:, : 5 * RATE].any()


def test_nothing_clicks_at_the_edges(tone: np.ndarray) -> None:
    # Off the zero crossings, where a hard cut would jump by 0.37.
    result = separated(tone, Region(5.0025, 9.0025))
    steepest = np.abs(np.diff(tone)).max()
    assert np.abs(np.diff(result.target)).max() < 1.1 * steepest
    assert np.abs(np.diff(result.residual)).max() < 1.1 * steepest


def test_the_network_hears_the_region_and_its_surroundings_only(tone: np.ndarray) -> None:
    listener = Quieter()
    separated(tone, Region(5, 9), listener)
    assert listener.heard == (4 + 2 * region.CONTEXT) * RATE
    separated(tone, Region(1, 2), listener)
    assert listener.heard == (2 + region.CONTEXT) * RATE


def test_an_open_region_reaches_to_the_ends_without_a_fade(tone: np.ndarray) -> None:
    assert Region().whole
    assert Region(0, None).whole
    assert not Region(None, 3).whole
    np.testing.assert_allclose(separated(tone, Region()).target, tone / 4, atol=1e-6)
    np.testing.assert_allclose(separated(tone, Region(10, 99)).target[:, -RATE:], tone[:, -RATE:] / 4, atol=1e-6)


@pytest.mark.parametrize(
    ("start", "end"), [(25, None), (5, 4), (5, 5.01), (-1, 3), (float("nan"), 3), (1, float("inf") * -1)]
)
def test_a_region_that_the_recording_does_not_have_is_one_sentence(
    tone: np.ndarray, start: float, end: float | None
) -> None:
    with pytest.raises(AudioError, match=r"The part"):
        separated(tone, Region(start, end))


@pytest.mark.parametrize("ends", [(-3, None), (-3, 2), (0, -2), (None, -2), (3, -2)])
def test_an_end_before_the_recording_is_called_that(tone: np.ndarray, ends: tuple[float | None, float | None]) -> None:
    with pytest.raises(AudioError, match="no such beginning or end"):
        separated(tone, Region(*ends))
