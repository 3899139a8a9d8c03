"""Whatever a file holds, there is a recording or one sentence: no crash, no garbage, no endless work."""

import os
import struct
import subprocess
import sys
import tempfile
import tracemalloc
import zipfile
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from lass import audio
from lass.audio import decoding
from lass.errors import AudioError
from tests.audio.recordings import encoded, one_sentence, refusal, stored, tones, written

MADE = {
    "wav": ("WAV", "PCM_16"), "float": ("WAV", "FLOAT"), "flac": ("FLAC", "PCM_16"), "aiff": ("AIFF", "PCM_16"),
    "vorbis": ("OGG", "VORBIS"), "opus": ("OGG", "OPUS"), "mp3": ("mp3", "libmp3lame"), "m4a": ("ipod", "aac"),
    "webm": ("webm", "libopus"), "aac": ("adts", "aac"), "ts": ("mpegts", "aac"), "film": ("mp4", "aac"),
}  # fmt: skip


def made(folder: Path, kind: str, seconds: float = 0.5) -> Path:
    container, codec = MADE[kind]
    waveform = tones(2, 48_000, seconds)
    if kind == "film":
        return encoded(folder / kind, waveform, 48_000, container=container, codec=codec, picture="mpeg4")
    return written(folder / kind, waveform, 48_000, container, codec)


@pytest.fixture(scope="module")
def valid(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("valid")
    return {kind: made(folder, kind).read_bytes() for kind in MADE}


def outcome(content: bytes) -> audio.Audio | str:
    """A sound recording, or the sentence it was refused with; anything else fails."""
    with tempfile.NamedTemporaryFile(suffix=".wav") as file:
        file.write(content)
        file.flush()
        try:
            recording = audio.read(file.name, max_seconds=2)
        except AudioError as error:
            return one_sentence(error)
    assert recording.waveform.dtype == np.float32
    assert np.isfinite(recording.waveform).all()
    assert np.abs(recording.waveform).max() <= audio.LOUDEST
    assert 0.1 <= recording.seconds <= 2
    assert 1 <= recording.channels <= audio.MOST_CHANNELS
    return recording


def test_what_is_no_recording(tmp_path: Path) -> None:
    path = tmp_path / "song.wav"
    for content in (
        b"Dear diary, today it rained.\n" * 99, "Dear diary, today it rained.".encode("utf-16") * 99,
        b"<!DOCTYPE html><html></html>", b"\x7fELF" + bytes(5_000), b"MZ" + bytes(5_000), b"%PDF-1.7\n", bytes(9_999),
        b"\xff" * 9_999,
        b"#EXTM3U\n#EXTINF:1,\nhttp://localhost/a.wav\n", b"ffconcat version 1.0\nfile /etc/passwd\n", b"R", b"RIFF",
    ):  # fmt: skip
        path.write_bytes(content)
        sentence = refusal(path)
        assert sentence.startswith("song.wav is not a recording")
        assert "mp3" in sentence


def test_pictures_and_archives(tmp_path: Path) -> None:
    for kind in ("PNG", "JPEG", "GIF", "BMP", "WEBP"):
        Image.new("RGB", (64, 64), "red").save(tmp_path / "song.wav", kind)
        assert "is not a recording" in refusal(tmp_path / "song.wav")
    with zipfile.ZipFile(tmp_path / "song.wav", "w") as archive:
        archive.writestr("a.wav", bytes(1_000))
    assert "is not a recording" in refusal(tmp_path / "song.wav")


def test_a_film_without_sound(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "a.mp4"), "w", format="mp4") as file:
        video = file.add_stream("mpeg4", rate=10)
        video.width = video.height = 32
        video.pix_fmt = "yuv420p"
        for _ in range(5):
            file.mux(video.encode(av.VideoFrame(32, 32, "yuv420p")))
        file.mux(video.encode(None))
    assert "no sound track" in refusal(tmp_path / "a.mp4")


@pytest.mark.parametrize("kind", ["WAV", "AIFF", "CAF"])
def test_no_samples(tmp_path: Path, kind: str) -> None:
    assert "no sound" in refusal(stored(tmp_path / "a", np.zeros((1, 0), np.float32), 16_000, kind, "PCM_16"))


@pytest.mark.parametrize("kind", ["wav", "flac", "mp3", "m4a", "webm", "opus"])
def test_too_short(tmp_path: Path, kind: str) -> None:
    assert "at least 0.1 s" in refusal(made(tmp_path, kind, 0.05))


@pytest.mark.parametrize("kind", MADE)
def test_too_long(tmp_path: Path, kind: str) -> None:
    path = made(tmp_path, kind, 1.2)
    assert "longer than 1 seconds" in refusal(path, max_seconds=1)
    assert audio.read(path, max_seconds=1.5).seconds == pytest.approx(1.2, abs=0.07)


def test_as_long_as_is_accepted(tmp_path: Path) -> None:
    path = stored(tmp_path / "a", tones(seconds=1), 16_000, "WAV", "PCM_16")
    assert audio.read(path, max_seconds=1).seconds == 1


def test_too_large(tmp_path: Path) -> None:
    path = stored(tmp_path / "a.wav", tones(), 16_000, "WAV", "PCM_16")
    size = path.stat().st_size
    assert "at most" in refusal(path, max_bytes=size - 1)
    assert audio.read(path, max_bytes=size).seconds == 0.5
    path.write_bytes(b"not even a recording")
    assert "at most 10 bytes" in refusal(path, max_bytes=10)


@pytest.mark.parametrize(
    ("kind", "subtype"), [("WAV", "PCM_16"), ("WAV", "ALAW"), ("WAV", "PCM_U8"), ("FLAC", "PCM_24")]
)
def test_silent(tmp_path: Path, kind: str, subtype: str) -> None:
    silence = np.zeros((2, 8_000), np.float32)
    assert "silent" in refusal(stored(tmp_path / "a", silence, 16_000, kind, subtype))
    silence[0] = 0.25
    assert "silent" in refusal(stored(tmp_path / "a", silence, 16_000, kind, subtype))
    silence[1, 4_000] = 0.25
    assert audio.read(stored(tmp_path / "a", silence, 16_000, kind, subtype)).channels == 2


@pytest.mark.parametrize("codec", ["libmp3lame", "aac"])
def test_silent_and_compressed(tmp_path: Path, codec: str) -> None:
    container = {"libmp3lame": "mp3", "aac": "ipod"}[codec]
    silence = np.zeros((1, 44_100), np.float32)
    assert "silent" in refusal(encoded(tmp_path / "a", silence, 44_100, container=container, codec=codec))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e20, -1e38, 1e300])
def test_samples_that_are_none(tmp_path: Path, value: float) -> None:
    waveform = tones(2).astype(np.float64)
    waveform[1, 77] = value
    assert "holds samples" in refusal(stored(tmp_path / "a", waveform, 16_000, "WAV", "FLOAT"))
    assert "holds samples" in refusal(stored(tmp_path / "a", waveform, 16_000, "WAV", "DOUBLE"))


def raw_wav(path: Path, channels: int, rate: int, frames: int = 4_000) -> Path:
    data = np.random.default_rng(0).integers(-999, 999, channels * frames).astype("<i2").tobytes()
    form = struct.pack("<HHIIHH", 1, channels, rate, (2 * channels * rate) % 2**32, 2 * channels, 16)
    body = b"WAVEfmt " + struct.pack("<I", 16) + form + b"data" + struct.pack("<I", len(data)) + data
    path.write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)
    return path


@pytest.mark.parametrize("channels", [33, 64, 1_000])
def test_absurd_channels(tmp_path: Path, channels: int) -> None:
    assert f"{channels} channels" in refusal(raw_wav(tmp_path / "a", channels, 16_000))


@pytest.mark.parametrize("channels", [0, 20_000])
def test_channels_that_no_decoder_takes(tmp_path: Path, channels: int) -> None:
    refusal(raw_wav(tmp_path / "a", channels, 16_000, 400))


@pytest.mark.parametrize("rate", [1, 100, 3_999, 768_001, 2_000_000, 10**9])
def test_absurd_rates(tmp_path: Path, rate: int) -> None:
    assert f"sample rate of {rate} Hz" in refusal(raw_wav(tmp_path / "a", 1, rate))


@pytest.mark.parametrize("rate", [0, 2**32 - 1])
def test_rates_that_no_decoder_takes(tmp_path: Path, rate: int) -> None:
    refusal(raw_wav(tmp_path / "a", 1, rate))


@pytest.mark.parametrize("rate", [4_000, 768_000])
def test_the_last_rates_that_make_sense(tmp_path: Path, rate: int) -> None:
    assert audio.read(raw_wav(tmp_path / "a", 1, rate, rate)).sample_rate == rate


@pytest.mark.parametrize("kind", MADE)
def test_a_cut_file_is_read_as_far_as_it_goes(tmp_path: Path, kind: str) -> None:
    # Two seconds, because Ogg may keep a whole one in a page, and half a page is nothing.
    content = made(tmp_path, kind, 1.9).read_bytes()
    for part in (0.3, 0.5, 0.75, 0.9):
        got = outcome(content[: int(len(content) * part)])
        if kind in ("m4a", "film"):  # the table of their samples stands at the end
            assert "damaged or cut short" in str(got)
        elif kind not in ("vorbis", "opus") or part == 0.75:
            assert isinstance(got, audio.Audio)
            assert 1.9 * part - (0.6 if kind in ("vorbis", "opus") else 0.35) < got.seconds < 1.9 * part + 0.35
    for length in (4, 12, 30, 40, 44, 100):
        assert isinstance(outcome(content[:length]), str)


def test_a_codec_that_nobody_knows(valid: dict[str, bytes]) -> None:
    assert isinstance(outcome(valid["m4a"].replace(b"mp4a", b"zzzz").replace(b"esds", b"free")), str)
    assert isinstance(outcome(valid["webm"].replace(b"A_OPUS", b"A_ZZZZ")), str)


def test_damage_in_the_middle_costs_a_moment(tmp_path: Path) -> None:
    for kind in ("mp3", "aac", "flac", "webm", "ts"):
        content = bytearray(made(tmp_path, kind, 2).read_bytes())
        middle = len(content) // 2
        content[middle : middle + 30] = bytes(30)
        (tmp_path / "b").write_bytes(content)
        assert audio.read(tmp_path / "b").seconds > 1.5, kind


def test_two_recordings_in_one_file(tmp_path: Path) -> None:
    sound = [
        encoded(tmp_path / "a", tones(1, rate, 1), rate, container="adts", codec="aac").read_bytes()
        for rate in (44_100, 32_000)
    ]
    (tmp_path / "b").write_bytes(b"".join(sound))
    assert "changes its sample rate" in refusal(tmp_path / "b")


def test_a_stray_beginning_is_passed_over(tmp_path: Path) -> None:
    sound = [
        encoded(tmp_path / "a", tones(1, rate, seconds), rate, container="adts", codec="aac").read_bytes()
        for rate, seconds in ((32_000, 0.2), (44_100, 1))
    ]
    (tmp_path / "b").write_bytes(b"".join(sound))
    recording = audio.read(tmp_path / "b")
    assert recording.sample_rate == 44_100
    assert recording.seconds == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize("streamed", [False, True])
def test_a_small_file_of_many_hours_is_not_unpacked(tmp_path: Path, streamed: bool) -> None:
    path = tmp_path / "bomb.flac"
    with soundfile.SoundFile(path, "w", 8_000, 1, format="FLAC", subtype="PCM_16") as file:
        for _ in range(60):
            file.write(np.zeros(8_000 * 60, np.int16))
    assert path.stat().st_size < 1_000_000
    if streamed:  # nobody knows how long it is: decoding itself must stop
        content = bytearray(path.read_bytes())
        content[21] &= 0xF0
        content[22:26] = bytes(4)
        path.write_bytes(content)
    tracemalloc.start()
    try:
        assert "longer than 10 seconds" in refusal(path, max_seconds=10)
        assert tracemalloc.get_traced_memory()[1] < 60_000_000  # half of what the file holds
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(("kind", "channels", "rate"), [("WAV", 32, 48_000), ("FLAC", 6, 96_000)])
def test_much_sound_in_little_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, channels: int, rate: int
) -> None:
    monkeypatch.setattr(decoding, "MOST_VALUES", 100_000)
    path = stored(tmp_path / "a", tones(channels, rate, 0.2), rate, kind, "PCM_16")
    assert f"{channels} channels at {rate} Hz" in refusal(path, max_seconds=600)
    assert audio.read(path).channels == channels  # whoever sets no limit gets everything


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the highest use of memory is read from /proc")
def test_the_recording_is_not_held_twice(tmp_path: Path, root: Path) -> None:
    with soundfile.SoundFile(tmp_path / "a", "w", 48_000, 2, format="WAV", subtype="PCM_U8") as file:
        for _ in range(400):
            file.write(tones(2, 48_000, 1).T)
    program = (
        "import re, soundfile\n"
        "from lass import audio\n"
        "used = lambda: int(re.search(r'VmHWM:\\s+(\\d+)', open('/proc/self/status').read())[1])\n"
        "before = used()\n"
        f"size = audio.read({str(tmp_path / 'a')!r}).waveform.nbytes\n"
        "print(1024 * (used() - before) / size)\n"
    )
    ran = subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=True)
    assert 0.9 < float(ran.stdout) < 1.6


def test_a_lying_header_does_not_reserve_memory(tmp_path: Path) -> None:
    content = bytearray(stored(tmp_path / "a", tones(), 16_000, "FLAC", "PCM_16").read_bytes())
    content[21] |= 0x0F
    content[22:26] = b"\xff" * 4
    (tmp_path / "b").write_bytes(content)
    assert audio.read(tmp_path / "b", max_seconds=600).seconds == 0.5


@settings(max_examples=150)
@given(st.binary(max_size=3_000))
def test_random_bytes(content: bytes) -> None:
    outcome(content)


@settings(max_examples=150)
@given(
    st.sampled_from([
        b"RIFF\xff\xff\xff\xffWAVE", b"RIFF\xff\xff\xff\xffAVI ", b"FORM\0\0\xff\xffAIFF", b"fLaC\0\0\0\x22",
        b"OggS\0\2",
        b"RIFF\0\0\0\0WAVEfmt ", b"FORM\0\0\0\0AIFFCOMM", b"\0\0\0\x18ftypM4A ",
        b"\xff\xfb\x90\x64", b"\xff\xf1\x50\x80", b"ID3\4\0\0\0\0\0\1", b"\0\0\0\x20ftypisom", b"\x1a\x45\xdf\xa3",
        b"caff\0\1\0\0", b".snd", b"wvpk", b"TTA1", b"MAC ", b"#!AMR\n", b"FLV\1\5", b"\0\0\1\xba", b"\x0b\x77",
        b"\x30\x26\xb2\x75\x8e\x66\xcf\x11",
    ]),
    st.binary(max_size=3_000),
)  # fmt: skip
def test_random_bytes_behind_a_signature(signature: bytes, content: bytes) -> None:
    outcome(signature + content)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(kind=st.sampled_from(sorted(MADE)), data=st.data())
def test_damaged_recordings(
    valid: dict[str, bytes], capfd: pytest.CaptureFixture[str], kind: str, data: st.DataObject
) -> None:
    content = bytearray(valid[kind])
    head = st.integers(0, min(600, len(content) - 1))
    anywhere = st.integers(0, len(content) - 1)
    for place in data.draw(st.lists(head | anywhere, max_size=20), "places"):
        content[place] ^= 1 << data.draw(st.integers(0, 7))
    place = data.draw(anywhere, "where something is put in")
    content[place:place] = data.draw(st.binary(max_size=40), "something")
    outcome(bytes(content[: data.draw(anywhere | st.just(len(content)), "length")]))
    assert capfd.readouterr() == ("", "")  # the libraries tell nobody of the damage


def test_reading_leaves_no_file_open(valid: dict[str, bytes], tmp_path: Path) -> None:
    before = len(os.listdir("/dev/fd"))
    for kind, content in valid.items():
        outcome(content)
        outcome(content[: len(content) // 2])
        (tmp_path / kind).write_bytes(content)
        refusal(tmp_path / kind, max_seconds=0.2)
    assert len(os.listdir("/dev/fd")) <= before
