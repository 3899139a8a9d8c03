"""A recording on disk is the one in memory, and refused for the same reasons."""

from pathlib import Path

import numpy as np
import pytest

from lass import audio
from lass.errors import AudioError
from lass.waveforms import Scratch
from tests.audio.recordings import stored, tones


@pytest.mark.parametrize(("container", "codec"), [("WAV", "FLOAT"), ("FLAC", "PCM_16"), ("OGG", "OPUS")])
def test_a_spooled_recording_is_the_one_that_is_read(tmp_path: Path, container: str, codec: str) -> None:
    file = stored(tmp_path / "a", tones(2, 48_000, 3), 48_000, container, codec)
    expected = audio.read(file)
    with Scratch(tmp_path / "room") as scratch:
        found = audio.spool(file, scratch)
        assert (found.sample_rate, found.channels, found.seconds) == (48_000, 2, expected.seconds)
        np.testing.assert_array_equal(found.waveform[..., :], expected.waveform)


def silence(path: Path) -> Path:
    return audio.write(path, np.zeros((2, 48_000), np.float32), 48_000)


def not_a_number(path: Path) -> Path:
    file = audio.write(path, tones(1, 48_000, 2), 48_000)
    content = bytearray(file.read_bytes())
    content[-40:-36] = np.float32(np.nan).tobytes()
    file.write_bytes(content)
    return file


@pytest.mark.parametrize("make", [silence, not_a_number, lambda path: audio.write(path, tones(1, 8_000, 0.05), 8_000)])
def test_what_is_refused_in_memory_is_refused_on_disk(tmp_path: Path, make: object) -> None:
    assert callable(make)
    file = make(tmp_path / "a.wav")
    with pytest.raises(AudioError) as expected:
        audio.read(file)
    with Scratch(tmp_path / "room") as scratch, pytest.raises(AudioError) as found:
        audio.spool(file, scratch)
    assert str(found.value) == str(expected.value)


def test_too_long_a_recording_takes_no_room(tmp_path: Path) -> None:
    file = audio.write(tmp_path / "a.wav", tones(1, 8_000, 3), 8_000)
    with Scratch(tmp_path / "room") as scratch, pytest.raises(AudioError, match="longer than 2 seconds"):
        audio.spool(file, scratch, max_seconds=2)
    assert not (tmp_path / "room").exists()


# Common rates, a ratio without a small kernel, more and fewer samples.
@pytest.mark.parametrize(("old", "new"), [(44_100, 32_000), (32_000, 44_100), (8_000, 16_000), (44_101, 16_000)])
@pytest.mark.parametrize("samples", [100, 65_536, 200_003])
def test_in_blocks_it_is_resampled_alike(old: int, new: int, samples: int, rng: np.random.Generator) -> None:
    waveform = rng.normal(0, 0.1, (2, samples)).astype(np.float32)
    whole = audio.resample(waveform, old, new)
    found = np.concatenate(list(audio.resampled(waveform, old, new)), axis=1)
    assert found.shape == whole.shape
    # The filter by spectrum rings a little beyond its margin wherever a block begins.
    np.testing.assert_allclose(found, whole, rtol=0, atol=1e-6 if old % 100 == 0 else 2e-4)
