"""What may be separated, what is refused before any work is done, and how a name is shown."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lass.audio import HIGHEST_RATE, LOUDEST, LOWEST_RATE, MOST_CHANNELS, Audio, check, shown
from lass.errors import AudioError
from tests.audio.recordings import one_sentence, tones


def refused(waveform: object, rate: object = 16_000) -> str:
    with pytest.raises(AudioError) as caught:
        check(waveform, rate)  # type: ignore[arg-type]
    return one_sentence(caught.value)


def test_a_recording_knows_its_size() -> None:
    recording = Audio(tones(2, 48_000, 0.25), 48_000)
    assert (recording.seconds, recording.channels) == (0.25, 2)


def test_one_channel_may_come_without_its_axis() -> None:
    checked = check(tones()[0], 16_000)
    assert np.array_equal(checked, tones())


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64, np.longdouble])
def test_every_float_becomes_float32(kind: type) -> None:
    checked = check(tones(2).astype(kind), 16_000)
    assert checked.dtype == np.float32
    np.testing.assert_allclose(checked, tones(2), atol=1e-3)


def test_float32_is_not_copied_and_silence_passes() -> None:
    silence = np.zeros((2, 1_600), np.float32)
    assert np.shares_memory(check(silence, 16_000), silence)


@pytest.mark.parametrize(
    ("waveform", "word"),
    [
        (np.zeros((1, 0), np.float32), "no samples"), (np.zeros((0, 16_000), np.float32), "0 channels"),
        (np.zeros((1, 1_599), np.float32), "0.1 s"), (np.zeros((16_000, 2), np.float32), "16000 channels"),
        (np.zeros((1, 2, 16_000), np.float32), "(channels, samples)"), (np.float32(0), "(channels, samples)"),
        (np.zeros(16_000, np.int16), "floats"), (np.zeros(16_000, complex), "floats"),
        (np.zeros(16_000, bool), "floats"), (np.zeros(16_000, object), "floats"), (np.array(["a"] * 16_000), "floats"),
        ([[0.0] * 16_000, [0.0]], "floats"),
        ("a.wav", "floats"), (None, "floats"), (np.full(16_000, np.nan), "finite"), (np.full(16_000, 1e300), "finite"),
        (np.full(16_000, -np.inf), "finite"), (np.full(16_000, -2 * LOUDEST), "damaged"),
    ],
)  # fmt: skip
def test_what_cannot_be_separated(waveform: object, word: str) -> None:
    assert word in refused(waveform)


@pytest.mark.parametrize("rate", [0, -16_000, LOWEST_RATE - 1, HIGHEST_RATE + 1])
def test_absurd_rates(rate: int) -> None:
    assert str(rate) in refused(tones(), rate)


@pytest.mark.parametrize("rate", [16_000.5, 16_000.0, np.nan, "16000", None])
def test_a_rate_is_a_whole_number(rate: object) -> None:
    assert "whole number" in refused(tones(), rate)


def test_the_limits_themselves_pass() -> None:
    assert check(tones(MOST_CHANNELS), np.int64(16_000)).shape == (MOST_CHANNELS, 8_000)
    assert check(np.zeros(HIGHEST_RATE, np.float32), HIGHEST_RATE).shape == (1, HIGHEST_RATE)
    assert check(np.full(400, LOUDEST), LOWEST_RATE).max() == LOUDEST


@pytest.mark.parametrize(
    ("name", "seen"),
    [
        ("rain.wav", "rain.wav"), ("/srv/secret/rain.wav", "rain.wav"), ("C:\\secret\\rain.wav", "rain.wav"),
        ("../../etc/passwd", "passwd"), ("a\nb\x1b[31m\x7f.wav", "a b [31m .wav"), ("a\u202egpj.wav", "a gpj.wav"),
        ("a\u2028b\u2029c.wav", "a b c.wav"), ("caf\udce9.wav", "caf .wav"), ("..", "The recording"),
        ("", "The recording"), ("\u200f\u200b", "The recording"), ("\x07", "The recording"), (". . .", "The recording"),
        ("<img src=x>.wav", "_img src=x_.wav"), ("a. b.wav", "a. b.wav"),
        ("/home/me/Möwen am Meer.flac", "Möwen am Meer.flac"),
        ("/home/me/" + "x" * 99 + ".flac", "x" * 40 + "…" + "x" * 10 + ".flac"),
    ],
)  # fmt: skip
def test_names_are_shown_without_tricks(name: str, seen: str) -> None:
    assert shown(name) == seen


@given(st.text(max_size=200) | st.text("/\\.<>&\"'` \0\x1b\u202e\u2028\udcff", max_size=20))
@example("x" * 10_000 + ".wav")
def test_any_name_can_be_shown(name: str) -> None:
    seen = shown(name)
    assert 0 < len(seen) <= 60
    assert seen.isprintable()
    assert not set(seen) & set("/\\<>&\"'`")
