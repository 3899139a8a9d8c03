"""Every format that is promised, at every rate, width and number of channels, is read as what was put in."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from lass import audio
from tests.audio.recordings import encoded, pitches, stored, tones, written

EXACT = [
    ("WAV", "PCM_U8", 2**-7), ("WAV", "PCM_16", 2**-15), ("WAV", "PCM_24", 2**-23), ("WAV", "PCM_32", 2**-24),
    ("WAV", "FLOAT", 0.0), ("WAV", "DOUBLE", 0.0), ("WAV", "ALAW", 0.02), ("WAV", "ULAW", 0.02),
    ("WAVEX", "PCM_24", 2**-23), ("RF64", "PCM_16", 2**-15), ("W64", "PCM_16", 2**-15),
    ("FLAC", "PCM_S8", 2**-7), ("FLAC", "PCM_16", 2**-15), ("FLAC", "PCM_24", 2**-23), ("AIFF", "PCM_S8", 2**-7),
    ("AIFF", "PCM_16", 2**-15), ("AIFF", "PCM_24", 2**-23), ("AIFF", "FLOAT", 0.0), ("AU", "PCM_16", 2**-15),
    ("CAF", "PCM_16", 2**-15), ("CAF", "ALAC_24", 2**-23),
]  # fmt: skip
LOSSY = [  # container, codec, rate, and how many samples more than there were may come back
    ("mp3", "libmp3lame", 44_100, 0), ("mp4", "aac", 44_100, 0), ("ipod", "aac", 48_000, 0), ("mov", "aac", 48_000, 0),
    ("ipod", "alac", 44_100, 0), ("adts", "aac", 44_100, 3_072), ("webm", "libopus", 48_000, 0),
    ("ogg", "libopus", 48_000, 0), ("matroska", "pcm_u8", 8_000, 0), ("matroska", "flac", 96_000, 0),
    ("mpegts", "aac", 48_000, 3_072), ("mp2", "mp2", 44_100, 2_304), ("ac3", "ac3", 48_000, 3_072),
    ("avi", "pcm_s16le", 22_050, 0), ("flv", "aac", 44_100, 3_072), ("caf", "pcm_s24le", 44_100, 0),
    ("tta", "tta", 44_100, 0), ("wv", "wavpack", 44_100, 0),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "subtype", "step"), EXACT)
@pytest.mark.parametrize("channels", [1, 2, 6])
def test_exact_formats(tmp_path: Path, kind: str, subtype: str, step: float, channels: int) -> None:
    waveform = tones(channels)
    recording = audio.read(stored(tmp_path / "a", waveform, 16_000, kind, subtype))
    assert (recording.sample_rate, recording.channels, recording.seconds) == (16_000, channels, 0.5)
    assert recording.waveform.dtype == np.float32
    assert recording.waveform.flags.c_contiguous
    np.testing.assert_allclose(recording.waveform, waveform, rtol=0, atol=step)


@pytest.mark.parametrize(("container", "codec", "rate", "more"), LOSSY)
@pytest.mark.parametrize("channels", [1, 2])
def test_compressed_formats(tmp_path: Path, container: str, codec: str, rate: int, more: int, channels: int) -> None:
    waveform = tones(channels, rate)
    recording = audio.read(encoded(tmp_path / "a", waveform, rate, container=container, codec=codec))
    assert (recording.sample_rate, recording.channels) == (rate, channels)
    assert waveform.shape[1] <= recording.waveform.shape[1] <= waveform.shape[1] + more
    assert pitches(recording.waveform, rate) == pytest.approx([500, 800][:channels], abs=5)
    middle = slice(rate // 10, -rate // 10)
    level = np.sqrt(np.square(recording.waveform[:, middle]).mean())
    assert level == pytest.approx(0.3 / np.sqrt(2), rel=0.1)
    if not more:  # what the encoder put before the sound is gone: nothing is late
        error = recording.waveform[:, middle] - waveform[:, middle]
        assert np.square(error).sum() < 0.05 * np.square(waveform[:, middle]).sum()


@pytest.mark.parametrize(("kind", "subtype"), [("OGG", "VORBIS"), ("OGG", "OPUS")])
@pytest.mark.parametrize("channels", [1, 2])
def test_ogg(tmp_path: Path, kind: str, subtype: str, channels: int) -> None:
    waveform = tones(channels, 48_000)
    recording = audio.read(stored(tmp_path / "a", waveform, 48_000, kind, subtype))
    assert abs(recording.waveform.shape[1] - waveform.shape[1]) <= 128
    error = recording.waveform[:, 4_800:19_200] - waveform[:, 4_800:19_200]
    assert np.square(error).mean() < 0.05 * np.square(waveform).mean()


@pytest.mark.parametrize(("container", "codec"), [("OGG", "VORBIS"), ("OGG", "OPUS"), ("ogg", "libopus")])
def test_six_channels_of_ogg_stand_in_the_order_of_wav(tmp_path: Path, container: str, codec: str) -> None:
    waveform = tones(6, 48_000)
    waveform[3] = 0.3 * np.sin(2 * np.pi * 60 * np.arange(24_000) / 48_000)  # bass only
    # Ogg has the order of Vorbis (left, centre, right, …), which libsndfile leaves to its caller.
    given = waveform[[0, 2, 1, 4, 5, 3]] if container == "OGG" else waveform
    recording = audio.read(written(tmp_path / "a", given, 48_000, container, codec))
    assert abs(recording.waveform.shape[1] - waveform.shape[1]) <= 128
    error = recording.waveform[:, 4_800:19_200] - waveform[:, 4_800:19_200]
    assert (np.square(error).mean(axis=1) < 0.05 * np.square(waveform).mean(axis=1)).all()


@pytest.mark.parametrize(
    ("container", "codec", "rate"),
    [*(made[:3] for made in LOSSY if not made[3]),
     ("MP3", "MPEG_LAYER_III", 44_100), ("OGG", "VORBIS", 44_100), ("OGG", "OPUS", 48_000)],
)  # fmt: skip
def test_a_click_stays_where_it_is(tmp_path: Path, container: str, codec: str, rate: int) -> None:
    waveform = np.zeros((1, rate), np.float32)
    waveform[0, rate // 2] = 0.9
    recording = audio.read(written(tmp_path / "a", waveform, rate, container, codec))
    assert recording.waveform.shape == waveform.shape
    assert abs(recording.waveform[0]).argmax() == pytest.approx(rate // 2, abs=0.005 * rate)


@pytest.mark.parametrize("rate", [8_000, 12_000, 16_000, 24_000, 48_000])
def test_opus_keeps_the_rate_it_was_made_from(tmp_path: Path, rate: int) -> None:
    recording = audio.read(stored(tmp_path / "a", tones(1, rate), rate, "OGG", "OPUS"))
    assert (recording.sample_rate, recording.waveform.shape) == (rate, (1, rate // 2))


@pytest.mark.parametrize(
    "rate", [8_000, 11_025, 16_000, 22_050, 32_000, 44_100, 48_000, 88_200, 96_000, 176_400, 192_000]
)
@pytest.mark.parametrize("channels", [1, 2, 6])
def test_rates_and_channels(tmp_path: Path, rate: int, channels: int) -> None:
    waveform = tones(channels, rate)
    for kind in ("WAV", "FLAC", "AIFF"):
        recording = audio.read(stored(tmp_path / "a", waveform, rate, kind, "PCM_24"))
        assert recording.sample_rate == rate
        np.testing.assert_allclose(recording.waveform, waveform, rtol=0, atol=2**-23)


@pytest.mark.parametrize(
    ("container", "codec", "channels"),
    [("ipod", "aac", 6), ("ipod", "aac", 8), ("ipod", "alac", 6), ("webm", "libopus", 6), ("webm", "libopus", 8),
     ("ac3", "ac3", 6), ("matroska", "pcm_s16le", 8)],
)  # fmt: skip
def test_surround(tmp_path: Path, container: str, codec: str, channels: int) -> None:
    waveform = tones(channels, 48_000)
    recording = audio.read(encoded(tmp_path / "a", waveform, 48_000, container=container, codec=codec))
    assert recording.channels == channels
    found = pitches(recording.waveform, 48_000)
    del found[3]  # bass only
    assert found == pytest.approx([500 + 300 * k for k in range(channels) if k != 3], abs=5)


def test_adpcm_is_read_in_whole_packets(tmp_path: Path) -> None:
    recording = audio.read(stored(tmp_path / "a.wav", tones(2), 16_000, "WAV", "IMA_ADPCM"))
    assert recording.seconds == pytest.approx(0.5, abs=0.1)
    # It learns the size of its steps during the first samples.
    np.testing.assert_allclose(recording.waveform[:, 100:8_000], tones(2)[:, 100:], rtol=0, atol=0.05)


def test_many_channels_without_a_layout(tmp_path: Path) -> None:
    waveform = tones(32, 48_000, 0.2)
    recording = audio.read(stored(tmp_path / "a.wav", waveform, 48_000, "WAV", "PCM_24"))
    np.testing.assert_allclose(recording.waveform, waveform, rtol=0, atol=2**-23)


@pytest.mark.parametrize(
    ("container", "codec", "picture"),
    [("mp4", "aac", "mpeg4"), ("mp4", "aac", "libx264"), ("mov", "pcm_s16le", "mpeg4"), ("webm", "libopus", "libvpx"),
     ("matroska", "libopus", "mpeg4"), ("avi", "libmp3lame", "mpeg4")],
)  # fmt: skip
def test_the_sound_of_a_video(tmp_path: Path, container: str, codec: str, picture: str) -> None:
    path = encoded(tmp_path / "film", tones(2, 48_000), 48_000, container=container, codec=codec, picture=picture)
    recording = audio.read(path)
    assert recording.seconds == pytest.approx(0.5, abs=0.05)
    assert pitches(recording.waveform, 48_000) == pytest.approx([500, 800], abs=5)


def test_a_browser_recording_in_pieces(tmp_path: Path) -> None:
    options = {"movflags": "frag_keyframe+empty_moov+default_base_moof"}
    path = encoded(tmp_path / "a", tones(1, 48_000), 48_000, container="mp4", codec="aac", options=options)
    assert audio.read(path).seconds == pytest.approx(0.5, abs=0.07)


def test_a_browser_recording_without_a_duration(tmp_path: Path) -> None:
    path = encoded(tmp_path / "a", tones(1, 48_000), 48_000, container="webm", codec="libopus", options={"live": "1"})
    assert audio.read(path).seconds == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize("size", [0, 2**31, 2**32 - 1])
@pytest.mark.parametrize("kind", ["PCM_16", "FLOAT"])
def test_a_streamed_wav_does_not_know_its_length(tmp_path: Path, size: int, kind: str) -> None:
    path = stored(tmp_path / "a.wav", tones(2), 16_000, "WAV", kind)
    content = bytearray(path.read_bytes())
    data = content.index(b"data")
    content[4:8] = content[data + 4 : data + 8] = size.to_bytes(4, "little")
    path.write_bytes(content)
    np.testing.assert_allclose(audio.read(path, max_seconds=1).waveform, tones(2), rtol=0, atol=2**-15)


def test_a_streamed_flac_does_not_know_its_length(tmp_path: Path) -> None:
    path = stored(tmp_path / "a.flac", tones(2), 16_000, "FLAC", "PCM_24")
    content = bytearray(path.read_bytes())
    # STREAMINFO: the last 36 bits before the checksum count the samples, and zero says that nobody knows.
    content[21] &= 0xF0
    content[22:26] = bytes(4)
    path.write_bytes(content)
    np.testing.assert_allclose(audio.read(path).waveform, tones(2), rtol=0, atol=2**-23)


@pytest.mark.parametrize("quiet_first", [True, False])
def test_mp3_of_variable_rate_without_a_length(tmp_path: Path, quiet_first: bool) -> None:
    rng = np.random.default_rng(1)
    parts = [np.zeros(96_000, np.float32), rng.normal(0, 0.2, 96_000).astype(np.float32)]
    waveform = np.concatenate(parts if quiet_first else parts[::-1])[None]
    path = encoded(tmp_path / "a", waveform, 48_000, container="mp3", codec="libmp3lame", options={"write_xing": "0"})
    assert audio.read(path).seconds == pytest.approx(4.0, abs=0.1)


def test_web_radio_is_read_past_its_first_song(tmp_path: Path) -> None:
    for subtype in ("VORBIS", "OPUS"):
        song = stored(tmp_path / "song", tones(1, 48_000), 48_000, "OGG", subtype).read_bytes()
        (tmp_path / "radio").write_bytes(
            song + stored(tmp_path / "b", tones(1, 48_000), 48_000, "OGG", subtype).read_bytes()
        )
        assert audio.read(tmp_path / "radio").seconds == pytest.approx(1.0, abs=0.01)


def test_what_stands_before_an_mp3_is_passed_over(tmp_path: Path) -> None:
    sound = encoded(tmp_path / "a", tones(1, 44_100), 44_100, container="mp3", codec="libmp3lame").read_bytes()
    if sound[:3] == b"ID3":
        sound = sound[10 + int.from_bytes(sound[8:10], "big") // 256 * 128 + sound[9] :]
    cover = b"ID3\x04\0\0" + bytes([0, 4, 0, 0]) + bytes(65_536)
    for before in (b"", bytes(300), cover):
        (tmp_path / "b.mp3").write_bytes(before + sound)
        assert audio.read(tmp_path / "b.mp3").seconds == pytest.approx(0.5, abs=0.06)


def test_tags_in_another_alphabet(tmp_path: Path) -> None:
    path = encoded(tmp_path / "a", tones(1, 44_100), 44_100, container="avi", codec="pcm_s16le")
    path.write_bytes(path.read_bytes().replace(b"Lavf", b"\xe9\xff\xe8\xfe"))
    assert audio.read(path).seconds == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize(
    "name",
    ["a.mp3", "a.raw", ".raw", "a.txt", "a", "-v", "a.m3u8", "%03d.png", "concat:a", "file:a", "a\nb.wav",
     "a\udcff.wav", "ä 鳥 'a'.wav"],
)  # fmt: skip
def test_the_name_does_not_matter(tmp_path: Path, name: str) -> None:
    stored(tmp_path / "sound", tones(), 16_000, "FLAC", "PCM_16").rename(tmp_path / name)
    assert audio.read(tmp_path / name).seconds == 0.5
    encoded(tmp_path / "sound", tones(), 16_000, container="ipod", codec="aac").replace(tmp_path / name)
    assert audio.read(str(tmp_path / name)).seconds == pytest.approx(0.5)


def test_floats_past_full_scale_stay(tmp_path: Path) -> None:
    loud = tones(2) * 20
    soundfile.write(tmp_path / "a.wav", loud.T, 16_000, subtype="FLOAT")
    assert np.array_equal(audio.read(tmp_path / "a.wav").waveform, loud)


def test_a_tenth_of_a_second_is_enough(tmp_path: Path) -> None:
    assert audio.read(stored(tmp_path / "a", tones(seconds=0.1), 16_000, "WAV", "PCM_16")).seconds == 0.1
