"""Recordings in and out, with files that libsndfile and FFmpeg really write, whole and damaged."""

import io
import os
import re
import resource
import socket
import stat
import struct
import tempfile
import tracemalloc
import zipfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from lass import audio
from lass.errors import AudioError

LAYOUTS = {1: "mono", 2: "stereo", 6: "5.1"}
# What a codec that leaves out the inaudible may be off by, at most and on average. The quietest tone is at 0.05.
LOSSY, LOSSY_MEAN = 0.1, 0.03
# How libsndfile and FFmpeg are asked for each format: container, coding, and what a sample may be off by.
SNDFILE = {
    "wav-8": ("WAV", "PCM_U8", 8e-3),
    "wav-16": ("WAV", "PCM_16", 4e-5),
    "wav-24": ("WAV", "PCM_24", 1e-6),
    "wav-32": ("WAV", "PCM_32", 1e-6),
    "wav-float": ("WAV", "FLOAT", 0),
    "wav-double": ("WAV", "DOUBLE", 0),
    "wav-alaw": ("WAV", "ALAW", 2e-2),
    "wavex": ("WAVEX", "PCM_16", 4e-5),
    "aiff": ("AIFF", "PCM_16", 4e-5),
    "flac-16": ("FLAC", "PCM_16", 4e-5),
    "flac-24": ("FLAC", "PCM_24", 1e-6),
    "mp3": ("MP3", "MPEG_LAYER_III", LOSSY),
    "ogg": ("OGG", "VORBIS", LOSSY),
    "opus": ("OGG", "OPUS", LOSSY),
}
FFMPEG = {
    "m4a": ("ipod", "aac", None),
    "m4a-lossless": ("ipod", "alac", None),
    "mp4": ("mp4", "aac", None),
    "mp4-picture": ("mp4", "aac", "mpeg4"),
    "mp4-h264": ("mp4", "aac", "libx264"),
    "webm": ("webm", "libopus", None),
    "webm-picture": ("webm", "libopus", "libvpx"),
    "mp3-ffmpeg": ("mp3", "libmp3lame", None),
}


def tones(channels: int, rate: int, seconds: float = 1.0) -> np.ndarray:
    """A tone of its own pitch and level in each channel, low enough for a low-frequency loudspeaker at the fourth."""
    time = np.arange(round(seconds * rate)) / rate
    pitches = [300, 500, 700, 60, 1100, 1300]
    return np.stack(
        [0.05 * (1 + index) * np.sin(2 * np.pi * pitches[index] * time) for index in range(channels)]
    ).astype(np.float32)


def ffmpeg(waveform: np.ndarray, rate: int, container: str, codec: str, video: str | None = None) -> bytes:
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=container) as output:
        picture = None
        if video:
            picture = output.add_stream(video, rate=10)
            picture.width, picture.height, picture.pix_fmt = 64, 64, "yuv420p"
        sound = output.add_stream(codec, rate=rate, layout=LAYOUTS[len(waveform)])
        if picture:
            for index in range(10):
                image = av.VideoFrame(64, 64, "yuv420p")
                image.pts = index
                output.mux(picture.encode(image))
            output.mux(picture.encode())
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(waveform), "fltp", LAYOUTS[len(waveform)])
        frame.sample_rate, frame.pts = rate, 0
        cut = av.AudioResampler(sound.format.name, sound.layout.name, rate, frame_size=sound.frame_size or 1024)
        for part in [*cut.resample(frame), *cut.resample(None)]:
            output.mux(sound.encode(part))
        output.mux(sound.encode())
    return buffer.getvalue()


def sndfile(waveform: np.ndarray, rate: int, container: str, subtype: str) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, waveform.T, rate, format=container, subtype=subtype)
    return buffer.getvalue()


def encoded(kind: str, waveform: np.ndarray, rate: int) -> bytes:
    return sndfile(waveform, rate, *SNDFILE[kind][:2]) if kind in SNDFILE else ffmpeg(waveform, rate, *FFMPEG[kind])


@cache
def small(kind: str) -> bytes:
    """Half a second of stereo, encoded once."""
    return encoded(kind, tones(2, 48_000, 0.5), 48_000)


def assert_one_sentence(error: AudioError, folder: Path | None = None) -> None:
    sentence = str(error)
    assert sentence.endswith(".")
    assert sentence.isprintable()
    assert not re.search(r"[.!?]\s", sentence)
    assert folder is None or str(folder) not in sentence
    assert len(sentence) < 300


def refusal(path: str | Path, **limits: float) -> str:
    with pytest.raises(AudioError) as caught:
        audio.read(path, **limits)  # type: ignore[arg-type]
    assert_one_sentence(caught.value, Path(path).parent if Path(path).parent != Path() else None)
    return str(caught.value)


def header(*, channels: int = 1, rate: int = 24_000, size: int | None = None, riff: int | None = None) -> bytes:
    """A second of 16-bit WAV whose header says what it is told to say."""
    samples = (8_000 * np.sin(np.arange(24_000) / 10)).astype("<i2").tobytes()
    size = len(samples) if size is None else size
    form = struct.pack("<HHIIHH", 1, channels, rate, (2 * channels * rate) & 0xFFFFFFFF, 2 * channels & 0xFFFF, 16)
    return (
        b"RIFF" + struct.pack("<I", 36 + len(samples) if riff is None else riff) + b"WAVEfmt "
        + struct.pack("<I", 16) + form + b"data" + struct.pack("<I", size) + samples
    )  # fmt: skip


@pytest.fixture
def put(tmp_path: Path) -> Callable[[str, bytes], Path]:
    def write(name: str, content: bytes) -> Path:
        (tmp_path / name).write_bytes(content)
        return tmp_path / name

    return write


Put = Callable[[str, bytes], Path]


@pytest.mark.parametrize("channels", [1, 2, 6])
@pytest.mark.parametrize("kind", SNDFILE)
def test_what_libsndfile_writes_is_read(kind: str, channels: int, put: Put) -> None:
    if kind == "mp3" and channels == 6:
        pytest.skip("an mp3 has at most two channels")
    given = tones(channels, 48_000)
    # Vorbis and Opus have their own order of channels, which libsndfile expects from its caller.
    written = given[[0, 2, 1, 4, 5, 3]] if kind in ("ogg", "opus") and channels == 6 else given
    read = audio.read(put("a.bin", encoded(kind, written, 48_000)))
    assert (read.sample_rate, read.waveform.shape) == (48_000, given.shape)
    assert (read.channels, read.seconds) == (channels, 1)
    assert read.waveform.dtype == np.float32
    assert read.waveform.flags.c_contiguous
    inner = slice(2_000, -2_000)  # codecs swing in and out
    error = np.abs(read.waveform - given)[:, inner]
    assert error.max() <= SNDFILE[kind][2]
    assert error.mean(axis=1).max() < LOSSY_MEAN


@pytest.mark.parametrize("channels", [1, 2, 6])
@pytest.mark.parametrize("kind", FFMPEG)
def test_what_ffmpeg_writes_is_read(kind: str, channels: int, put: Put) -> None:
    if kind == "mp3-ffmpeg" and channels == 6:
        pytest.skip("an mp3 has at most two channels")
    given = tones(channels, 48_000)
    read = audio.read(put("a.bin", encoded(kind, given, 48_000)))
    assert (read.sample_rate, read.waveform.shape) == (48_000, given.shape)
    inner = slice(4_000, -4_000)
    error = np.abs(read.waveform - given)[:, inner]
    assert error.max() <= LOSSY
    assert error.mean(axis=1).max() < LOSSY_MEAN


def test_six_channels_of_ogg_come_in_the_order_of_a_wav_whoever_wrote_them(put: Put) -> None:
    given = tones(6, 48_000)
    read = audio.read(put("a.ogg", ffmpeg(given, 48_000, "ogg", "libopus")))
    np.testing.assert_allclose(read.waveform.std(axis=1), given.std(axis=1), rtol=0.05)


@pytest.mark.parametrize("kind", ["m4a", "mp4", "mp3", "mp3-ffmpeg", "ogg", "opus", "webm", "flac-16"])
def test_a_click_stays_where_it_is(kind: str, put: Put) -> None:
    rate = 48_000
    given = np.zeros((1, rate), np.float32)
    given[0, rate // 2] = 0.9
    read = audio.read(put("click", encoded(kind, given, rate)))
    assert abs(int(np.abs(read.waveform[0]).argmax()) - rate // 2) <= 0.005 * rate
    assert read.waveform.shape == given.shape


@pytest.mark.parametrize("rate", [8_000, 11_025, 22_050, 44_100, 96_000, 192_000])
@pytest.mark.parametrize("kind", ["wav-16", "wav-float", "flac-24", "aiff"])
def test_every_rate_is_kept(kind: str, rate: int, put: Put) -> None:
    given = tones(1, rate, 0.25)
    read = audio.read(put("a", encoded(kind, given, rate)))
    assert (read.sample_rate, read.waveform.shape) == (rate, given.shape)


@pytest.mark.parametrize("name", ["a.wav", "a.mp3", "a.raw", "a.txt", "a", ".raw", "a.m3u8", "a.png", "a%d.jpg"])
@pytest.mark.parametrize("kind", ["wav-16", "flac-16", "mp3", "opus", "m4a", "webm"])
def test_the_name_decides_nothing(name: str, kind: str, put: Put) -> None:
    assert audio.read(put(name, small(kind))).seconds == pytest.approx(0.5, abs=0.03)


def test_names_need_not_be_text(put: Put) -> None:
    for name in (os.fsdecode(b"caf\xe9.webm"), "雨.webm", "-v.webm", "file:a.webm", "a\nb.webm"):
        assert audio.read(put(name, small("webm"))).channels == 2


@pytest.mark.parametrize(
    "content",
    [
        b"x",
        b"All work and no play.\n" * 999,
        "Not a recording.\n".encode("utf-16") * 999,
        bytes(50_000),
        b"\xff" * 50_000,
        b"MZ\x90\0" + np.random.default_rng(1).bytes(50_000),
        b"\x7fELF\x02\x01\x01" + np.random.default_rng(2).bytes(50_000),
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x08\0\0\0\x08\x08\x02\0\0\0" + np.random.default_rng(3).bytes(5_000),
        b"%PDF-1.7\n" + np.random.default_rng(4).bytes(5_000),
    ],
    ids=["x", "text", "utf-16", "zeros", "ones", "windows", "linux", "png", "pdf"],
)
def test_what_is_no_recording_is_refused(content: bytes, put: Put) -> None:
    assert "a.wav" in refusal(put("a.wav", content))


def test_archives_and_films_without_sound_are_refused(put: Put) -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as pack:
        pack.writestr("inside.wav", small("wav-16"))
    refusal(put("a.wav", archive.getvalue()))
    film = io.BytesIO()
    with av.open(film, "w", format="mp4") as output:
        picture = output.add_stream("mpeg4", rate=10)
        picture.width, picture.height, picture.pix_fmt = 64, 64, "yuv420p"
        image = av.VideoFrame(64, 64, "yuv420p")
        image.pts = 0
        output.mux(picture.encode(image))
        output.mux(picture.encode())
    assert "sound" in refusal(put("a.mp4", film.getvalue()))


@pytest.mark.parametrize("name", ["list.m3u8", "list.mp4", "list.ffconcat", "list.sdp", "list.wav"])
@pytest.mark.parametrize(
    "text",
    [
        "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{}\n#EXT-X-ENDLIST\n",
        "ffconcat version 1.0\nfile '{}'\n",
        "file '{}'\n",
        "<MPD><Period><AdaptationSet><Representation><BaseURL>{}</BaseURL></Representation></AdaptationSet></Period></MPD>",
    ],
)
def test_playlists_open_no_other_file(text: str, name: str, put: Put) -> None:
    private = put("private.wav", small("wav-16"))
    os.utime(private, (1, 1))
    opened = _opened_by(lambda: refusal(put(name, text.format(private).encode())))
    assert any(path.endswith(name) for path in opened)
    assert not any("private" in path for path in opened)


def _opened_by(work: Callable[[], object]) -> list[str]:
    """Every file Python opened meanwhile; FFmpeg and libsndfile are told none by name, see the test below."""
    import sys

    active, opened = True, []

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        if active and event == "open":
            opened.append(str(arguments[0]))

    sys.addaudithook(hook)
    try:
        work()
    finally:
        active = False
    return opened


def test_libraries_can_open_nothing_by_name(put: Put) -> None:
    # A demuxer that would follow its list, forced upon the reader: even then nothing else is opened.
    from lass.audio import decoding
    from lass.audio.formats import Format

    private = put("private.wav", small("wav-16"))
    for demuxer, text in {
        "concat": f"ffconcat version 1.0\nfile '{private}'\n",
        "hls": f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{private}\n#EXT-X-ENDLIST\n",
    }.items():
        with put("list", text.encode()).open("rb") as file, pytest.raises(decoding._Broken):
            list(decoding._av(file, Format(demuxer), decoding._Collected("list", None)))


@pytest.mark.parametrize("part", [0.3, 0.5, 0.9])
@pytest.mark.parametrize("kind", ["wav-16", "wav-float", "aiff", "flac-16", "mp3", "webm"])
def test_a_file_cut_short_is_read_as_far_as_it_goes(kind: str, part: float, put: Put) -> None:
    whole = encoded(kind, tones(2, 48_000, 2.0), 48_000)
    read = audio.read(put("a", whole[: int(len(whole) * part)]))
    assert part * 2 - 0.35 < read.seconds < part * 2 + 0.1


@pytest.mark.parametrize("kind", ["wav-16", "flac-16", "mp3", "ogg", "opus", "m4a", "mp4-picture", "webm", "aiff"])
def test_the_first_bytes_of_a_file_are_no_recording(kind: str, put: Put) -> None:
    for length in (4, 12, 30, 44, 100):
        refusal(put("a", small(kind)[:length]))


def test_a_codec_that_nobody_knows_is_refused(put: Put) -> None:
    refusal(put("a.m4a", small("m4a").replace(b"mp4a", b"zzzz").replace(b"esds", b"free")))
    refusal(put("a.webm", small("webm").replace(b"A_OPUS", b"A_ZZZZ")))


def test_a_film_without_its_index_is_refused(put: Put) -> None:
    refusal(put("a.mp4", small("mp4-picture")[:-200]))


@pytest.mark.parametrize("said", [0, 0xFFFFFFFF, 0xFFFFFFFE, 24_000 * 2 * 3_600 * 5])
def test_a_header_is_not_believed_about_the_length(said: int, put: Put) -> None:
    read = audio.read(put("a.wav", header(size=said, riff=min(said, 0xFFFFFFFF))), max_seconds=2)
    assert read.waveform.shape == (1, 24_000)


@pytest.mark.parametrize(
    "content",
    [
        header(channels=0),
        header(channels=33),
        header(channels=65_535),
        header(rate=0),
        header(rate=100),
        header(rate=10**9),
        header(rate=2**32 - 1),
    ],
)
def test_absurd_headers_are_refused(content: bytes, put: Put) -> None:
    refusal(put("a.wav", content), max_seconds=600)
    refusal(put("a.wav", content))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e30])
@pytest.mark.parametrize("subtype", ["FLOAT", "DOUBLE"])
def test_samples_that_are_no_numbers_are_refused(bad: float, subtype: str, put: Put) -> None:
    waveform = tones(2, 16_000).astype(np.float64)
    waveform[1, 9_000] = bad
    assert "samples" in refusal(put("a.wav", sndfile(waveform, 16_000, "WAV", subtype)))


def test_doubles_too_large_for_float_are_refused(put: Put) -> None:
    refusal(put("a.wav", sndfile(tones(1, 16_000).astype(np.float64) * 1e300, 16_000, "WAV", "DOUBLE")))


@pytest.mark.parametrize("kind", ["wav-8", "wav-16", "wav-alaw", "flac-16"])
def test_silence_is_refused_but_not_quiet_sound(kind: str, put: Put) -> None:
    assert "silent" in refusal(put("a.wav", encoded(kind, np.zeros((2, 16_000), np.float32), 16_000)))
    quiet = np.zeros((2, 16_000), np.float32)
    quiet[1] = tones(1, 16_000)[0] * 0.5
    assert audio.read(put("a.wav", encoded(kind, quiet, 16_000))).waveform[1].any()


def test_the_shortest_and_the_longest(put: Put) -> None:
    assert audio.read(put("a.wav", encoded("wav-16", tones(1, 16_000, 0.1), 16_000))).seconds == 0.1
    assert "0.1 s" in refusal(put("a.wav", encoded("wav-16", tones(1, 16_000, 0.09), 16_000)))
    second = put("b.wav", encoded("wav-16", tones(1, 16_000), 16_000))
    assert audio.read(second, max_seconds=1).seconds == 1
    assert "longer than 0.99 seconds" in refusal(second, max_seconds=0.99)


def test_too_large_a_file_is_not_decoded(put: Put) -> None:
    content = small("wav-16")
    path = put("a.wav", content)
    assert audio.read(path, max_bytes=len(content)).seconds == 0.5
    refusal(path, max_bytes=len(content) - 1)


@cache
def hour() -> bytes:
    """An hour of a tone at 8 kHz: 115 MB as floats, far fewer as a file."""
    buffer = io.BytesIO()
    tone = np.tile((1_000 * np.sin(2 * np.pi * np.arange(8_000) / 8)).astype(np.int16), 60)
    with soundfile.SoundFile(buffer, "w", 8_000, 1, "PCM_16", format="FLAC") as file:
        for _ in range(60):
            file.write(tone)
    return buffer.getvalue()


@pytest.mark.parametrize("streamed", [False, True])
def test_decoding_stops_at_the_limit(streamed: bool, put: Put) -> None:
    content = bytearray(hour())
    if streamed:  # a recorder that wrote into a pipe could not go back to say how many samples came
        content[21] &= 0xF0
        content[22:26] = bytes(4)
    path = put("a.flac", bytes(content))
    tracemalloc.start()
    try:
        assert "longer than 10 seconds" in refusal(path, max_seconds=10)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 8_000_000


def test_many_channels_at_a_high_rate_do_not_fill_the_memory(put: Put, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audio.decoding, "MOST_VALUES", 100_000)  # type: ignore[attr-defined]
    path = put("a.flac", encoded("flac-16", tones(6, 96_000), 96_000))
    refusal(path, max_seconds=600)
    assert audio.read(path).channels == 6  # whoever sets no limit gets everything


def test_what_is_not_a_file_is_refused_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(tmp_path / "pipe.wav")
    (tmp_path / "loop.wav").symlink_to(tmp_path / "loop.wav")
    (tmp_path / "nowhere.wav").symlink_to(tmp_path / "missing")
    monkeypatch.chdir(tmp_path)  # a socket's path must be short
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("socket.wav")
        for name in ("pipe.wav", "loop.wav", "nowhere.wav", "socket.wav", "missing.wav", "missing/a.wav"):
            assert name.split("/")[-1] in refusal(tmp_path / name)
    for path in (tmp_path, Path("/dev/zero"), Path("/dev/null"), "", ".", "..", "/"):
        refusal(path)


def test_an_unreadable_file_is_refused() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.wav"
        path.write_bytes(small("wav-16"))
        os.chmod(folder, 0o755)
        path.chmod(0)
        user = os.geteuid()
        if user == 0:
            os.seteuid(65_534)
        try:
            assert "may be read" in refusal(path)
        finally:
            os.seteuid(user)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("rain.wav", "rain.wav"),
        ("/srv/secret/rain.wav", "rain.wav"),
        ("C:\\secret\\rain.wav", "rain.wav"),
        ("../../etc/passwd", "passwd"),
        ("a\nb\x1b[31m\x7f.wav", "a b [31m .wav"),
        ("a\u202egpj.wav", "a gpj.wav"),
        ("a\u2028b\u2029c.wav", "a b c.wav"),
        ("caf\udce9.wav", "caf .wav"),
        ("..", "The recording"),
        ("", "The recording"),
        ("\u200f\u200b", "The recording"),
    ],
)
def test_names_are_shown_without_tricks(name: str, shown: str) -> None:
    assert audio.shown(name) == shown


@pytest.mark.parametrize("name", ["x" * 10_000, "a\0b.wav", "\n\r\t", "\u202e" * 50, "<img src=x onerror=alert(1)>"])
def test_odd_names_make_proper_sentences(name: str, tmp_path: Path) -> None:
    sentence = refusal(tmp_path / name)
    assert "<" not in sentence
    assert "\u202e" not in sentence


@given(st.text(max_size=200))
def test_any_name_can_be_shown(name: str) -> None:
    shown = audio.shown(name)
    assert 0 < len(shown) <= 60
    assert shown.isprintable()
    assert not set(shown) & set("/\\<>&\"'`")


# Writing


def test_what_is_written_is_read_bit_for_bit(tmp_path: Path) -> None:
    waveform = np.random.default_rng(0).standard_normal((3, 5_000)).astype(np.float32)
    waveform[0, :6] = [0.0, -0.0, 1e-40, -1.4e-45, 17.25, -123_456.0]
    path = audio.write(tmp_path / "a.wav", waveform, 44_100)
    assert path == tmp_path / "a.wav"
    assert audio.read(path).sample_rate == 44_100
    assert audio.read(path).waveform.tobytes() == waveform.tobytes()
    with soundfile.SoundFile(path) as file:
        assert (file.format, file.subtype) == ("WAV", "FLOAT")
        assert file.read(dtype="float32").T.tobytes() == waveform.tobytes()


@pytest.mark.parametrize("rate", [8_000, 44_100, 192_000])
def test_one_dimension_is_one_channel(rate: int, tmp_path: Path) -> None:
    given = tones(1, rate)[0]
    given.flags.writeable = False
    read = audio.read(audio.write(tmp_path / "a.wav", given, rate))
    assert (read.waveform.shape, read.sample_rate) == ((1, rate), rate)
    np.testing.assert_array_equal(read.waveform[0], given)


def test_a_file_is_replaced_as_a_whole_and_others_may_read_it(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    audio.write(path, tones(1, 16_000), 16_000)
    audio.write(path, tones(2, 16_000), 16_000)
    assert audio.read(path).channels == 2
    assert list(tmp_path.iterdir()) == [path]
    umask = os.umask(0)
    os.umask(umask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~umask


@pytest.mark.parametrize("target", ["missing/a.wav", "folder", "file/a.wav", "x" * 300 + ".wav", "a\0b.wav"])
def test_where_nothing_can_be_written_nothing_is_left(target: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    with pytest.raises(AudioError) as caught:
        audio.write(tmp_path / target, tones(1, 16_000), 16_000)
    assert_one_sentence(caught.value, tmp_path)
    assert {path.name for path in tmp_path.rglob("*")} == {"folder", "file"}


@pytest.fixture
def full_disk() -> Iterator[None]:
    """No file may grow beyond 64 KiB."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (65_536, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_keeps_what_was_there(tmp_path: Path, full_disk: None) -> None:
    path = audio.write(tmp_path / "a.wav", tones(1, 8_000), 8_000)
    with pytest.raises(AudioError, match="space") as caught:
        audio.write(path, tones(2, 192_000), 192_000)
    assert_one_sentence(caught.value, tmp_path)
    assert list(tmp_path.iterdir()) == [path]
    assert audio.read(path).sample_rate == 8_000


# Resampling


RATES = [
    (44_100, 48_000), (48_000, 44_100), (44_100, 32_000), (32_000, 44_100), (8_000, 32_000), (192_000, 32_000),
    (11_025, 32_000), (32_000, 11_025), (44_100, 44_101), (44_101, 44_100), (7_919, 16_000), (16_000, 7_919),
    (96_000, 95_999),
]  # fmt: skip


@pytest.mark.parametrize(("before", "after"), RATES)
def test_a_tone_is_the_same_tone_at_another_rate(before: int, after: int) -> None:
    for part in (0.05, 0.4, 0.8):
        pitch = part * min(before, after) / 2
        given = np.sin(2 * np.pi * pitch * np.arange(before) / before).astype(np.float32)
        made = audio.resample(given, before, after)
        wanted = np.sin(2 * np.pi * pitch * np.arange(after) / after)
        inner = slice(after // 5, -after // 5)
        assert 20 * np.log10(np.abs(made - wanted)[inner].max()) < -60


@pytest.mark.parametrize(("before", "after"), [(48_000, 16_000), (48_000, 16_001)])
def test_what_the_lower_rate_cannot_hold_is_gone(before: int, after: int) -> None:
    given = np.sin(2 * np.pi * 10_000 * np.arange(before) / before).astype(np.float32)
    assert np.abs(audio.resample(given, before, after)[after // 5 : -after // 5]).max() < 1e-3


@given(
    shape=st.lists(st.integers(1, 3), max_size=2),
    samples=st.integers(0, 3_000),
    before=st.sampled_from([8_000, 11_025, 44_100, 44_101, 48_000]),
    after=st.sampled_from([8_000, 16_000, 32_000, 44_100, 44_101]),
)
@settings(max_examples=40)
def test_the_length_is_exact_whatever_the_shape(shape: list[int], samples: int, before: int, after: int) -> None:
    made = audio.resample(np.ones((*shape, samples)), before, after)
    assert made.shape == (*shape, -(-samples * after // before))
    assert made.dtype == np.float32
    assert np.isfinite(made).all()


def test_channels_are_resampled_each_for_itself() -> None:
    given = np.random.default_rng(5).standard_normal((2, 3, 30_000)).astype(np.float32)
    for after in (32_000, 44_099):
        made = audio.resample(given, 44_100, after)
        np.testing.assert_allclose(made[1, 2], audio.resample(given[1, 2], 44_100, after), atol=1e-5)


def test_long_recordings_at_awkward_rates_have_no_seams() -> None:
    given = tones(1, 44_100, 12)[0]
    made = audio.resample(given, 44_100, 44_101)
    wanted = tones(1, 44_101, 12)[0]
    assert np.abs(made - wanted)[5_000:-5_000].max() < 5e-5


def test_the_same_rate_changes_nothing() -> None:
    given = tones(2, 16_000)
    assert audio.resample(given, 16_000, 16_000) is given


def test_awkward_rates_take_little_memory() -> None:
    given = tones(1, 44_100)
    tracemalloc.start()
    try:
        for after in (767_999, 44_101, 4_001):
            audio.resample(given, 44_100, after)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 100_000_000


# Checking


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
def test_checked_waveforms_are_float32_with_channels(kind: type) -> None:
    checked = audio.check(np.full(1_600, 0.5, kind), 16_000)
    assert (checked.dtype, checked.shape) == (np.float32, (1, 1_600))
    assert audio.check(np.zeros((2, 1_600), np.float32), 16_000).shape == (2, 1_600)


@pytest.mark.parametrize(
    ("waveform", "rate"),
    [
        (np.zeros(0), 16_000),
        (np.zeros((2, 0)), 16_000),
        (np.zeros((0, 16_000)), 16_000),
        (np.zeros(()), 16_000),
        (np.zeros((1, 2, 16_000)), 16_000),
        (np.zeros((16_000, 2)), 16_000),
        (np.zeros(1_599), 16_000),
        (np.zeros(16_000, np.int16), 16_000),
        (np.zeros(16_000, complex), 16_000),
        (np.zeros(16_000, object), 16_000),
        (np.array(["loud"] * 16_000), 16_000),
        ([[0.0] * 16_000, [0.0]], 16_000),
        (None, 16_000),
        (np.full(16_000, np.nan), 16_000),
        (np.full(16_000, np.inf), 16_000),
        (np.full(16_000, 1e300), 16_000),
        (np.zeros(16_000), 0),
        (np.zeros(16_000), -16_000),
        (np.zeros(16_000), 10**9),
        (np.zeros(16_000), float("nan")),
        (np.zeros(16_000), None),
        (np.zeros(16_000), "16000"),
    ],
)
def test_what_cannot_be_separated_is_refused_in_one_sentence(waveform: object, rate: object) -> None:
    with pytest.raises(AudioError) as caught:
        audio.check(waveform, rate)  # type: ignore[arg-type]
    assert_one_sentence(caught.value)


# Damage of every kind


def _survives(content: bytes, path: Path) -> None:
    path.write_bytes(content)
    try:
        read = audio.read(path, max_seconds=20)
    except AudioError as error:
        assert_one_sentence(error, path.parent)
    else:
        assert np.isfinite(read.waveform).all()
        assert 0.1 <= read.seconds <= 20


DAMAGED = ["wav-16", "wav-float", "flac-16", "ogg", "opus", "mp3", "m4a", "mp4-picture", "webm", "aiff"]


@pytest.mark.parametrize("kind", DAMAGED)
def test_damage_is_either_sound_or_one_sentence(kind: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    whole = small(kind)

    @given(
        cut=st.integers(0, len(whole)),
        flips=st.lists(st.tuples(st.integers(0, len(whole) - 1), st.integers(1, 255)), max_size=12),
        header=st.lists(st.tuples(st.integers(0, min(200, len(whole) - 1)), st.integers(1, 255)), max_size=3),
        inserted=st.tuples(st.integers(0, len(whole)), st.binary(max_size=40)),
    )
    @settings(max_examples=40, database=None)
    def damaged(
        cut: int, flips: list[tuple[int, int]], header: list[tuple[int, int]], inserted: tuple[int, bytes]
    ) -> None:
        content = bytearray(whole)
        for place, change in flips + header:
            content[place] ^= change
        content[inserted[0] : inserted[0]] = inserted[1]
        _survives(bytes(content), tmp_path / "a")
        _survives(bytes(content[:cut]), tmp_path / "a")

    damaged()
    assert capfd.readouterr() == ("", "")  # the libraries talk of damage to nobody


@pytest.mark.parametrize(
    "magic",
    [b"", b"RIFF\0\0\0\0WAVEfmt ", b"fLaC", b"OggS\0\2", b"ID3\4\0\0\0\0\0\0", b"\xff\xfb\x90", b"\0\0\0\x18ftypM4A ",
     b"\x1a\x45\xdf\xa3", b"FORM\0\0\0\0AIFFCOMM"],
)  # fmt: skip
def test_random_bytes_are_either_sound_or_one_sentence(magic: bytes, tmp_path: Path) -> None:
    @given(st.binary(max_size=600), st.integers(0, 2**32 - 1), st.sampled_from([0, 5_000]))
    @settings(max_examples=15, database=None)
    def anything(some: bytes, seed: int, more: int) -> None:
        _survives(magic + some + np.random.default_rng(seed).bytes(more), tmp_path / "a")

    anything()
