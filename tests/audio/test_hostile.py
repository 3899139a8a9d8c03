"""Three hundred files and texts made to break the application, through the same door as visitors' uploads.

Each is a recording within the limits or one sentence. No decoder dies of one, none takes long, and no file is left.
"""

import io
import math
import os
import random
import struct
import sys
import tarfile
import tempfile
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lass import audio
from lass.audio.isolated import Isolation
from lass.errors import AudioError, QueryError
from lass.queries import check_query
from tests.audio.recordings import encoded, one_sentence, stored, tones, written

MADE = {
    "wav": ("WAV", "PCM_16"), "float": ("WAV", "FLOAT"), "flac": ("FLAC", "PCM_16"), "aiff": ("AIFF", "PCM_16"),
    "vorbis": ("OGG", "VORBIS"), "opus": ("OGG", "OPUS"), "mp3": ("mp3", "libmp3lame"), "m4a": ("ipod", "aac"),
    "webm": ("webm", "libopus"), "aac": ("adts", "aac"), "w64": ("W64", "PCM_16"), "caf": ("CAF", "PCM_16"),
}  # fmt: skip
LIMITS = {"max_seconds": 2.0, "max_bytes": 2_000_000}
SECONDS = 20.0
Corpus = dict[str, bytes]


def wav(
    data: bytes = b"", *, channels: int = 1, rate: int = 16_000, bits: int = 16, kind: int = 1, **lies: int
) -> bytes:
    """A WAV whose header says whatever is wanted; ``lies`` replace the sizes that it states."""
    align = channels * bits // 8
    form = struct.pack(
        "<HHIIHH", kind, channels % 2**16, rate % 2**32, (rate * align) % 2**32, lies.get("align", align) % 2**16, bits
    )
    body = b"WAVEfmt " + struct.pack("<I", lies.get("form", len(form))) + form
    body += b"data" + struct.pack("<I", lies.get("size", len(data)) % 2**32) + data
    return b"RIFF" + struct.pack("<I", lies.get("riff", len(body)) % 2**32) + body


def noise(count: int, seed: int = 0) -> bytes:
    return random.Random(seed).randbytes(count)


def truncated(valid: Corpus) -> Corpus:
    cuts = (1, 3, 4, 8, 11, 12, 20, 30, 44, 60, 100, 300)
    parts = (0.25, 0.5, 0.9, 0.99)
    found = {f"{kind} cut at {cut}": content[:cut] for kind, content in valid.items() for cut in cuts}
    found |= {f"{kind} cut at {part}": c[: int(len(c) * part)] for kind, c in valid.items() for part in parts}
    return found


def damaged(valid: Corpus) -> Corpus:
    """Zeros, ones and noise where the header is, and where the sound is."""
    found = {}
    for kind, content in valid.items():
        for place in (4, 16, 40, len(content) // 2):
            for name, filling in (("zeros", bytes(16)), ("ones", b"\xff" * 16), ("noise", noise(16, place))):
                found[f"{kind} with {name} at {place}"] = content[:place] + filling + content[place + 16 :]
    return found


def lying_wavs() -> Corpus:
    sound = noise(32_000)
    found = {
        f"wav of {channels} channels": wav(sound, channels=channels)
        for channels in (0, 3, 7, 31, 32, 33, 255, 65_535)
    }
    found |= {f"wav at {rate} Hz": wav(sound, rate=rate)
              for rate in (0, 1, 7, 999, 3_999, 4_000, 11_127, 44_101, 767_999, 768_001, 2**31, 2**32 - 1)}  # fmt: skip
    found |= {f"wav of {bits} bits": wav(sound, bits=bits) for bits in (0, 1, 7, 8, 12, 20, 24, 32, 64, 65_535)}
    found |= {f"wav of kind {kind}": wav(sound, kind=kind)
              for kind in (0, 2, 3, 6, 7, 17, 49, 85, 0x161, 0x674F, 0xFFFE, 0xFFFF)}  # fmt: skip
    found |= {f"wav that lies about its {what}: {size}": wav(sound, **{what: size})
              for what in ("size", "form", "riff", "align") for size in (0, 1, 2**16, 2**31, 2**32 - 1)}  # fmt: skip
    endless = b"RIFF\xff\xff\xff\xffWAVE" + b"junk\x00\x00\x00\x00" * 20_000
    return found | {"wav of empty chunks without end": endless, "wav inside a wav": wav(wav(sound))}


def lying_others(valid: Corpus) -> Corpus:
    flac, mp3, ogg, m4a, webm = (valid[kind] for kind in ("flac", "mp3", "vorbis", "m4a", "webm"))
    # STREAMINFO is at byte 8; its 36-bit count of samples ends 18 bytes into it, its form begins 10 bytes in.
    found = {
        "flac of 2**36 samples": flac[:21] + bytes([flac[21] | 15]) + b"\xff" * 4 + flac[26:],
        "flac of no rate": flac[:18] + b"\0\0\0" + flac[21:],
        "flac of eight channels": flac[:20] + bytes([flac[20] | 0x0E]) + flac[21:],
        "flac with an endless picture": flac[:4] + b"\x06\xff\xff\xff" + flac[8:],
        "mp3 behind an endless tag": b"ID3\x04\0\0\x7f\x7f\x7f\x7f" + mp3,
        "mp3 behind many tags": b"ID3\x04\0\0\0\0\0\0" * 5_000 + mp3,
        "mp3 frames without sound": mp3[:4] * 20_000,
        "ogg pages of nothing": b"OggS" + bytes(23) * 5_000,
        "ogg that begins again and again": ogg[:58] * 400,
        "ogg with a serial number that changes": ogg[:14] + b"\xaa\xbb" + ogg[16:],
        "m4a whose boxes hold themselves": struct.pack(">I4s", 8, b"moov") * 20_000,
        "m4a with a box of no size": b"\0\0\0\0ftypM4A " + m4a,
        "m4a with a box of 2**63 bytes": b"\0\0\0\x01ftyp\x7f" + b"\xff" * 7 + m4a,
        "m4a with boxes in boxes": b"".join(struct.pack(">I4s", 8 * (3_000 - n), b"moov") for n in range(2_000)),
        "webm of unknown sizes": b"\x1a\x45\xdf\xa3\x01\xff\xff\xff\xff\xff\xff\xff" * 3_000,
        "webm with a huge element": webm[:40] + b"\xec\x08\xff\xff\xff\xff\xff\xff\xff" + webm[40:],
    }
    for table in (b"stts", b"stsz", b"stsc", b"stco"):
        place = m4a.find(table)
        found[f"m4a whose {table.decode()} has 2**32 entries"] = m4a[: place + 8] + b"\xff" * 8 + m4a[place + 16 :]
    return found


def samples_that_are_none() -> Corpus:
    found = {}
    for name, value in {"nan": math.nan, "inf": math.inf, "-inf": -math.inf, "1e38": 1e38, "denormal": 1e-42}.items():
        for bits in (32, 64):
            with np.errstate(over="ignore"):
                block = np.full(8_000, value, f"<f{bits // 8}")
            some = np.sin(np.arange(8_000)).astype(block.dtype)
            some[777] = value
            found[f"{bits} bits of {name}"] = wav(block.tobytes(), kind=3, bits=bits)
            found[f"{bits} bits with one {name}"] = wav(some.tobytes(), kind=3, bits=bits)
    return found


def bombs(folder: Path) -> Corpus:
    """Little that wants to become much."""
    quiet = np.zeros((8, 700_000), np.float32)
    quiet[:, ::10_000] = 0.001
    long = stored(folder / "long.flac", quiet, 48_000, "FLAC", "PCM_16").read_bytes()
    opus = encoded(folder / "a.opus", tones(1, 48_000, 1.0), 48_000, container="ogg", codec="libopus").read_bytes()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("../../etc/a.wav", bytes(3_000_000))
    return {
        "flac of 15 silent seconds in eight channels": long,
        "opus many times over": opus * 40,
        "zip bomb": packed.getvalue(),
        "zlib bomb": zlib.compress(bytes(20_000_000)),
        "header of a long wav": wav(noise(400), channels=32, rate=768_000, size=2**32 - 1),
    }


def others() -> Corpus:
    """Files that are something else, whatever they are called."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        tar.addfile(tarfile.TarInfo("/etc/passwd"), io.BytesIO())
    return {
        "nothing": b"", "one byte": b"R", "zeros": bytes(50_000), "ones": b"\xff" * 50_000, "noise": noise(50_000),
        "text": b"a dog barking\n" * 999, "utf-16": "ein Hund bellt".encode("utf-16") * 999,
        "html": b"<!DOCTYPE html><script>alert(1)</script>" * 50, "svg": b"<svg onload='alert(1)'/>",
        "json": b'{"a": ' * 20_000, "a playlist": b"#EXTM3U\nhttp://127.0.0.1:1/a.wav\n", "tar": archive.getvalue(),
        "a list for ffmpeg": b"ffconcat version 1.0\nfile '/etc/passwd'\n", "a program": b"\x7fELF" + noise(3_000),
        "a pickle": b"\x80\x04cos\nsystem\n(S'true'\ntR.", "png": b"\x89PNG\r\n\x1a\n" + noise(3_000),
        "pdf": b"%PDF-1.7\n" + noise(3_000), "script": b"#!/bin/sh\nexit 1\n", "sdp": b"v=0\no=- 0 0 IN IP4 0.0.0.0\n",
        "midi": b"MThd\0\0\0\x06\0\1\0\1\0\x60", "shoutcast": b"ICY 200 OK\r\n\r\n", "eof marks": b"\x1a\x04" * 999,
    }  # fmt: skip


def nested(valid: Corpus) -> Corpus:
    """One format with the beginning of another, and two recordings in one file."""
    kinds = sorted(valid)
    pairs = zip(kinds, kinds[1:] + kinds[:1], strict=True)
    return {f"{a} that goes on as {b}": valid[a][: len(valid[a]) // 2] + valid[b] for a, b in pairs}


@pytest.fixture(scope="module")
def valid(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    folder, waveform = tmp_path_factory.mktemp("valid"), tones(2, 48_000, 0.4)
    return {kind: written(folder / kind, waveform, 48_000, *how).read_bytes() for kind, how in MADE.items()}


@pytest.fixture(scope="module")
def corpus(valid: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return {
        **truncated(valid), **damaged(valid), **lying_wavs(), **lying_others(valid), **samples_that_are_none(),
        **bombs(tmp_path_factory.mktemp("bombs")), **others(), **nested(valid),
    }  # fmt: skip


@pytest.fixture(scope="module")
def decoders() -> Iterator[Isolation]:
    """One decoder, so that what one file does to it is met by the next."""
    made = Isolation(workers=1, seconds=SECONDS)
    yield made
    made.close()


def outcome(decoders: Isolation, path: Path) -> audio.Audio | str:
    """A recording within the limits, or the sentence it was refused with; anything else fails."""
    try:
        recording = decoders.read(path, **LIMITS)
    except AudioError as error:
        return one_sentence(error, path.parent)
    assert np.isfinite(recording.waveform).all()
    assert np.abs(recording.waveform).max() <= audio.LOUDEST
    assert 0.1 <= recording.seconds <= LIMITS["max_seconds"]
    assert 1 <= recording.channels <= audio.MOST_CHANNELS
    return recording


def test_no_file_of_the_corpus_breaks_a_decoder(decoders: Isolation, corpus: Corpus, tmp_path: Path) -> None:
    assert len(corpus) >= 300
    decoders.read(stored(tmp_path / "fine.wav", tones(), 16_000, "WAV", "PCM_16"), **LIMITS)
    temporary = set(os.listdir(tempfile.gettempdir()))
    read, replaced = 0, []
    for number, (name, content) in enumerate(corpus.items()):
        endings = (".wav", ".mp3", ".flac", ".ogg", ".raw", ".m3u8", ".txt", "")
        path = tmp_path / f"song{endings[number % len(endings)]}"
        path.write_bytes(content)
        said = outcome(decoders, path)
        read += isinstance(said, audio.Audio)
        if "its decoder failed" in str(said) or "within" in str(said):
            replaced.append(name)
        path.unlink()
    assert not replaced
    assert 40 < read < len(corpus) - 150  # neither everything nor nothing is refused
    assert sorted(os.listdir(tmp_path)) == ["fine.wav"]
    if sys.platform == "linux":
        assert len(list(Path("/proc/self/fd").iterdir())) < 200
        # The decoder is renewed after some recordings; the one there now holds no file, and little memory.
        (pid,) = decoders.processes()
        opened = [os.readlink(link) for link in Path(f"/proc/{pid}/fd").iterdir()]
        assert not [place for place in opened if "song" in place]
        status = Path(f"/proc/{pid}/status").read_text("ascii")
        resident = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))
        assert resident < 400_000  # kB
    left = {name for name in set(os.listdir(tempfile.gettempdir())) - temporary if "lass" in name or "song" in name}
    assert not left


def test_what_is_no_file(decoders: Isolation, tmp_path: Path) -> None:
    (tmp_path / "fifo.wav").touch()
    (tmp_path / "fifo.wav").unlink()
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "fifo.wav")
    (tmp_path / "loop.wav").symlink_to(tmp_path / "loop.wav")
    (tmp_path / "zero.wav").symlink_to("/dev/zero")
    (tmp_path / "gone.wav").symlink_to(tmp_path / "nothing")
    (tmp_path / "folder.wav").mkdir()
    for name in ("fifo.wav", "loop.wav", "zero.wav", "gone.wav", "folder.wav", "x" * 300, "a\nb", "\u202egnp.wav"):
        assert isinstance(outcome(decoders, tmp_path / name), str)
    assert isinstance(outcome(decoders, Path("a\0b.wav")), str)


NAMES = [
    "\u202evaw.exe", "🐕🐈.wav", "<img src=x onerror=alert(1)>.wav", "a; rm -rf ~.wav", "%s%n.wav", "..%2f..%2fetc.wav",
    "CON.wav", "-rf.wav", "a\tb\rc.wav", "e\u0301" * 40,
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_a_recording_with_a_hostile_name_is_a_recording(decoders: Isolation, tmp_path: Path, name: str) -> None:
    path = stored(tmp_path / "fine.wav", tones(), 16_000, "WAV", "PCM_16").rename(tmp_path / name)
    assert decoders.read(path, **LIMITS).seconds == 0.5
    path.write_bytes(b"nothing of the kind")
    assert isinstance(outcome(decoders, path), str)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_bytes_that_were_changed_at_random(
    decoders: Isolation, valid: Corpus, tmp_path: Path, data: st.DataObject
) -> None:
    content = bytearray(valid[data.draw(st.sampled_from(sorted(valid)))])
    for _ in range(data.draw(st.integers(1, 12))):
        within = data.draw(st.sampled_from((64, 1_000, len(content))))  # headers are where the harm is done
        place = data.draw(st.integers(0, min(len(content), within) - 1))
        piece = data.draw(st.binary(min_size=1, max_size=8))
        end = place + len(piece) if data.draw(st.booleans()) else place
        content[place:end] = piece
    path = tmp_path / "fuzzed"
    path.write_bytes(content)
    assert "decoder failed" not in str(outcome(decoders, path))


QUERIES = {
    "a million letters": "a" * 10**6, "a million words": "dog " * 250_000, "nothing": "", "spaces": " \t\n\u00a0\u2003",
    "control characters": "".join(map(chr, range(32))) + "\x7f", "nulls": "\0" * 50, "a null within": "dog\0bark",
    "right to left": "\u202ebarking dog\u202c", "arabic": "نباح كلب", "emoji": "🐕\u200d🦺" * 20,
    "skin tones": "👩🏽\u200d🚒" * 50,
    "combining": "e" + "\u0301" * 5_000, "half a character": "\ud800", "noncharacters": "\ufffe\uffff", "bell": "dog\a",
    "zero width": "\u200b" * 300, "markup": "<script>alert(1)</script>", "quotes": "'; DROP TABLE ratings; --",
    "braces": "{0.__class__}" * 20, "percent": "%s%n" * 40, "lines": "dog\n" * 99, "path": "../" * 60 + "etc/passwd",
    "bytes of a bom": "\ufeffdog", "ligature": "ﷺ" * 200, "zalgo": "d̷̰̂o̸͇͊g̵̹͝" * 30, "line separators": "a\u2028b\u2029c",
    "tags": "".join(chr(0xE0000 + n) for n in range(32, 127)), "private use": "\ue000\uf8ff" * 20, "template": "${7*7}",
}  # fmt: skip


def words_or_sentence(text: str) -> None:
    try:
        words = check_query(text)
    except QueryError as error:
        said = str(error)
    else:
        assert 0 < len(words) <= 1_000
        assert not [letter for letter in words if unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp")]
        return
    assert said.endswith(".")
    assert said.isprintable()
    assert len(said) < 300


@pytest.mark.parametrize("name", QUERIES)
def test_a_hostile_query_is_words_or_a_sentence(name: str) -> None:
    words_or_sentence(QUERIES[name])


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=400))
def test_any_text_is_a_query_or_a_sentence(text: str) -> None:
    words_or_sentence(text)
