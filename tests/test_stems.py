"""Stems of several descriptions: they and the rest are the recording, and overlap is shared out."""

from collections.abc import Generator
from pathlib import Path

import numpy as np
import pytest

import lass
from lass import stems
from lass.errors import Cancelled, QueryError
from lass.metrics import sdr
from lass.separation import Progress, Separation, Separator

RATE = 16_000


class Bands:
    """Answers a query like "400-800" with what the recording holds between these hertz."""

    def steps(
        self, waveform: np.ndarray, sample_rate: int, query: str
    ) -> Generator[Progress | Separation, None, None]:
        low, high = (float(edge) for edge in query.split("-"))
        for done in (1, 2):
            yield Progress(done, 2)
        spectrum = np.fft.rfft(waveform, axis=-1)
        hertz = np.fft.rfftfreq(waveform.shape[-1], 1 / sample_rate)
        spectrum[..., (hertz < low) | (hertz >= high)] = 0
        target = np.fft.irfft(spectrum, n=waveform.shape[-1], axis=-1).astype(np.float32)
        yield Separation(target, waveform - target, sample_rate, query, "bands")


@pytest.fixture
def noise(rng: np.random.Generator) -> np.ndarray:
    return rng.normal(0, 0.1, (2, 3 * RATE + 17)).astype(np.float32)


def test_stems_and_rest_are_the_recording(noise: np.ndarray) -> None:
    result = stems.separate_stems(Bands(), noise, RATE, ["200-1500", "1000-3000", "900-1100"])
    assert [stem.query for stem in result.stems] == ["200-1500", "1000-3000", "900-1100"]
    whole = sum(stem.waveform for stem in result.stems) + result.rest
    np.testing.assert_allclose(whole, noise, atol=1e-6)
    assert all(stem.waveform.shape == noise.shape for stem in result.stems)


def test_stems_that_do_not_overlap_stay_what_they_were(noise: np.ndarray) -> None:
    queries = ["200-1000", "2000-3000"]
    result = stems.separate_stems(Bands(), noise, RATE, queries)
    for stem, query in zip(result.stems, queries, strict=True):
        *_, alone = Bands().steps(noise, RATE, query)
        assert isinstance(alone, Separation)
        assert sdr(alone.target, stem.waveform) > 60
    assert result.shared < 1e-6


def test_one_description_alone_is_the_separation_to_the_bit(noise: np.ndarray) -> None:
    result = stems.separate_stems(Bands(), noise, RATE, ["200-1000"])
    *_, alone = Bands().steps(noise, RATE, "200-1000")
    assert isinstance(alone, Separation)
    np.testing.assert_array_equal(result.stems[0].waveform, alone.target)
    np.testing.assert_array_equal(result.rest, alone.residual)
    assert result.shared == 0


def test_what_two_stems_claim_is_shared_and_counted_once(noise: np.ndarray) -> None:
    result = stems.separate_stems(Bands(), noise, RATE, ["200-3000", "200-3001"])
    *_, band = Bands().steps(noise, RATE, "200-3000")
    assert isinstance(band, Separation)
    for stem in result.stems:
        assert np.std(stem.waveform) == pytest.approx(np.std(band.target) / 2, rel=0.02)
    assert np.std(result.rest) == pytest.approx(np.std(band.residual), rel=0.02)
    assert result.shared > 0.01


def test_the_louder_claim_gets_more_of_what_is_contested(noise: np.ndarray) -> None:
    strong, weak = stems.share(noise, [noise, 0.5 * noise], RATE)
    np.testing.assert_allclose(strong + weak, noise, atol=1e-5)
    assert np.std(strong) / np.std(noise) == pytest.approx(0.8, abs=0.01)  # as 1 is to 0.25


def test_the_change_grows_from_nothing_as_claims_begin_to_exceed_the_whole(noise: np.ndarray) -> None:
    change = [
        float(np.abs(stems.share(noise, [0.6 * noise, part * noise], RATE)[0] - 0.6 * noise).max())
        for part in (0.3, 0.4, 0.401, 0.41)
    ]
    assert change[:2] == [0.0, 0.0]
    assert 0 < change[2] < change[3] < 0.02


def test_the_stereo_image_of_a_stem_stays(noise: np.ndarray) -> None:
    left = noise * np.array([[1.0], [0.25]], np.float32)
    first, _ = stems.share(left, [left, left], RATE)
    np.testing.assert_allclose(first[1], first[0] / left[0] * left[1], atol=1e-4)


@pytest.mark.parametrize("samples", [16, 100, 1600, 40_001])
@pytest.mark.parametrize("channels", [0, 1])
def test_any_length_and_silence_go_through(samples: int, channels: int, rng: np.random.Generator) -> None:
    wave = rng.normal(0, 0.1, (channels, samples) if channels else samples).astype(np.float32)
    for recording in (wave, 0 * wave):
        parts = stems.share(recording, [recording, recording], RATE)
        np.testing.assert_allclose(sum(parts), recording, atol=1e-6)
        assert parts[0].shape == recording.shape


def test_queries_are_checked_before_the_work(noise: np.ndarray) -> None:
    assert stems.check_queries([" rain ", "rain", "dog"]) == ["rain", "dog"]
    with pytest.raises(QueryError):
        stems.separate_stems(Bands(), noise, RATE, [])
    with pytest.raises(QueryError, match="at most 8"):
        stems.separate_stems(Bands(), noise, RATE, [f"{low}-2000" for low in range(9)])


def test_progress_counts_over_all_queries_and_cancelling_stops(noise: np.ndarray) -> None:
    seen: list[tuple[int, int]] = []
    stems.separate_stems(Bands(), noise, RATE, ["1-2", "2-3"], progress=lambda *step: seen.append(step))
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]
    with pytest.raises(Cancelled):
        stems.separate_stems(Bands(), noise, RATE, ["1-2", "2-3"], cancelled=lambda: True)


def test_the_front_door_has_it_with_a_real_network(tiny_checkpoint: Path, noise: np.ndarray) -> None:
    separator = lass.load_separator(tiny_checkpoint)
    assert isinstance(separator, Separator)
    result = lass.separate_stems(separator, noise, RATE, ["a dog barking", "rain"])
    np.testing.assert_allclose(sum(stem.waveform for stem in result.stems) + result.rest, noise, atol=1e-5)
    assert [stem.understanding.label for stem in result.stems if stem.understanding] == ["dog bark", "rain"]
