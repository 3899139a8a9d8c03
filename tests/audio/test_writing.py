"""What is written is read back bit for bit, and appears whole or not at all."""

import os
import resource
import stat
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from lass import audio
from lass.audio.writing import header
from lass.errors import AudioError
from tests.audio.recordings import one_sentence, tones

SAMPLES = st.floats(-audio.LOUDEST, audio.LOUDEST, width=32)


@given(
    waveform=arrays.arrays(np.float32, st.tuples(st.integers(1, 6), st.integers(401, 900)), elements=SAMPLES),
    rate=st.integers(audio.LOWEST_RATE, 4_009),
)
def test_read_back_bit_for_bit(tmp_path_factory: pytest.TempPathFactory, waveform: np.ndarray, rate: int) -> None:
    waveform[:, 0], waveform[:, 1] = 3.7, -1e-40  # past full scale, and a number too small to be normal
    path = audio.write(tmp_path_factory.getbasetemp() / "a.wav", waveform, rate)
    recording = audio.read(path)
    assert recording.sample_rate == rate
    assert recording.waveform.tobytes() == waveform.tobytes()


def test_others_can_read_it(tmp_path: Path) -> None:
    for channels in (1, 2, 6):
        path = audio.write(tmp_path / "a.wav", tones(channels), 16_000)
        info = soundfile.info(path)
        assert (info.format, info.subtype, info.frames, info.channels) == ("WAV", "FLOAT", 8_000, channels)
        assert np.array_equal(soundfile.read(path, dtype="float32", always_2d=True)[0].T, tones(channels))


def test_longer_than_a_block_and_in_any_order_of_memory(tmp_path: Path) -> None:
    for rate in (44_100, 192_000):
        waveform = np.asfortranarray(tones(3, rate, 2)[::-1])
        recording = audio.read(audio.write(tmp_path / "a.wav", waveform, rate))
        assert recording.sample_rate == rate
        assert np.array_equal(recording.waveform, waveform)


def test_one_channel_may_come_without_its_axis(tmp_path: Path) -> None:
    waveform = tones()[0]
    waveform.flags.writeable = False
    assert np.array_equal(audio.read(audio.write(tmp_path / "a.wav", waveform, 16_000)).waveform, tones())


def test_silent_short_and_empty_results_are_written(tmp_path: Path) -> None:
    for samples in (0, 1, 9_000):
        path = audio.write(tmp_path / "a.wav", np.zeros((2, samples), np.float32), 16_000)
        assert soundfile.info(path).frames == samples


def test_equal_recordings_are_equal_files(tmp_path: Path) -> None:
    first = audio.write(tmp_path / "a.wav", tones(2), 16_000).read_bytes()
    expected = 58 + 4 * 2 * 8_000
    assert len(first) == expected
    assert b"PEAK" not in first  # libsndfile's chunk with the time of day
    assert audio.write(tmp_path / "b.wav", tones(2), 16_000).read_bytes() == first


def test_the_name_given_is_the_name_of_the_file(tmp_path: Path) -> None:
    for name in ("a.wav", "b", "c.flac", "ä 鳥.wav", "x" * 251 + ".wav", "a\udcff.wav"):
        assert audio.write(str(tmp_path / name), tones(), 16_000) == tmp_path / name
        assert audio.read(tmp_path / name).seconds == 0.5


def test_it_replaces_what_was_there_with_ordinary_rights(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(b"old")
    audio.write(path, tones(), 16_000)
    assert audio.read(path).seconds == 0.5
    (tmp_path / "plain").touch()
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE((tmp_path / "plain").stat().st_mode)
    assert sorted(os.listdir(tmp_path)) == ["a.wav", "plain"]


@pytest.mark.parametrize(
    ("waveform", "rate", "word"),
    [
        (np.full((1, 9_000), np.nan, np.float32), 16_000, "finite"), (np.full((1, 9), 1e300), 16_000, "finite"),
        (np.zeros((1, 9_000), np.int16), 16_000, "floats"), (np.zeros((1, 1, 9_000), np.float32), 16_000, "floats"),
        (np.zeros((40, 9_000), np.float32), 16_000, "40 channels"),
        (tones(), 0, "0 Hz"), (tones(), 1.5, "whole number"),
    ],
)  # fmt: skip
def test_what_cannot_be_written_leaves_the_old_file(tmp_path: Path, waveform: np.ndarray, rate: int, word: str) -> None:
    old = audio.write(tmp_path / "a.wav", tones(), 16_000).read_bytes()
    with pytest.raises(AudioError) as caught:
        audio.write(tmp_path / "a.wav", waveform, rate)
    assert word in one_sentence(caught.value)
    assert (tmp_path / "a.wav").read_bytes() == old
    assert os.listdir(tmp_path) == ["a.wav"]


def test_where_nothing_can_be_written(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    for path in (tmp_path / "gone/a.wav", tmp_path / "folder", tmp_path / "file/a.wav", tmp_path / ("x" * 300),
                 Path("/"), tmp_path / "a\0b"):  # fmt: skip
        with pytest.raises(AudioError) as caught:
            audio.write(path, tones(), 16_000)
        one_sentence(caught.value, tmp_path)
    assert sorted(os.listdir(tmp_path)) == ["file", "folder"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = Path.open

    def full(path: Path, mode: str = "r") -> object:
        opened(path, mode).close()
        return opened(Path("/dev/full"), "wb")

    monkeypatch.setattr(Path, "open", full)
    with pytest.raises(AudioError, match="space on its disk"):
        audio.write(tmp_path / "a.wav", tones(2, 48_000, 2), 48_000)
    assert os.listdir(tmp_path) == []


@pytest.fixture
def filling_disk() -> Iterator[None]:
    """No file may grow beyond 64 KiB."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (65_536, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_disk_that_fills_up_keeps_what_was_there(tmp_path: Path, filling_disk: None) -> None:
    path = audio.write(tmp_path / "a.wav", tones(), 16_000)
    with pytest.raises(AudioError, match="space on its disk") as caught:
        audio.write(path, tones(2, 48_000, 2), 48_000)
    one_sentence(caught.value, tmp_path)
    assert os.listdir(tmp_path) == ["a.wav"]
    assert np.array_equal(audio.read(path).waveform, tones())


def test_four_gigabytes_and_more_are_counted_in_64_bits(tmp_path: Path) -> None:
    samples = 2**29  # of eight bytes each
    path = tmp_path / "a.wav"
    with path.open("wb") as file:
        head = header(2, samples, 48_000)
        file.write(head)
        file.truncate(len(head) + 8 * samples)  # a hole: nothing is stored
    info = soundfile.info(path)
    assert (info.format, info.subtype, info.frames, info.channels) == ("RF64", "FLOAT", samples, 2)
    assert header(1, 2**29, 48_000)[:4] == b"RIFF"
    assert soundfile.info(BytesIO(header(1, 2, 48_000) + bytes(8))).frames == 2
