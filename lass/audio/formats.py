"""Which format a file is in, told by its first bytes, never by its name.

The table is closed on purpose. A probing library also tries playlists, which open other files and addresses, and
formats without a signature, in which any text or program "is" a fraction of a second of noise.
"""

import mmap
import re
from dataclasses import dataclass
from typing import BinaryIO

_HEAD = 4096


@dataclass(frozen=True)
class Format:
    """``demuxer`` is FFmpeg's name for the format; ``sndfile`` says whether libsndfile is to be asked first."""

    demuxer: str
    sndfile: bool = False


_WAV, _AIFF = Format("wav", sndfile=True), Format("aiff", sndfile=True)
_MOV, _AAC = Format("mov"), Format("aac")
_OGG, _CHAINED_OGG = Format("ogg", sndfile=True), Format("ogg")
# Capture pattern, version, and header type: its second bit says that a stream begins (RFC 3533, section 6).
_OGG_BEGINNING, _OGG_MIDDLE = re.compile(rb"OggS\0[\2\3\6\7]"), re.compile(rb"OggS\0[\0\1\4\5]")
# Not by libsndfile: without a Xing header it takes the length from the first frame's bit rate and stops there, so
# that most of a file of variable bit rate can be missing.
_MP3 = Format("mp3")

# (offset, bytes) that all must be there.
_SIGNATURES: list[tuple[list[tuple[int, bytes]], Format]] = [
    ([(0, b"RIFF"), (8, b"WAVE")], _WAV),
    ([(0, b"RIFX"), (8, b"WAVE")], _WAV),
    ([(0, b"RF64"), (8, b"WAVE")], _WAV),
    ([(0, b"BW64"), (8, b"WAVE")], Format("wav")),
    ([(0, b"RIFF"), (8, b"AVI ")], Format("avi")),
    ([(0, b"riff\x2e\x91\xcf\x11")], Format("w64", sndfile=True)),
    ([(0, b"FORM"), (8, b"AIFF")], _AIFF),
    ([(0, b"FORM"), (8, b"AIFC")], _AIFF),
    ([(0, b"fLaC")], Format("flac", sndfile=True)),
    ([(0, b"OggS")], _OGG),
    ([(0, b"caff")], Format("caf", sndfile=True)),
    ([(0, b".snd")], Format("au", sndfile=True)),
    ([(0, b"\x1a\x45\xdf\xa3")], Format("matroska")),
    *(([(4, box)], _MOV) for box in (b"ftyp", b"styp", b"moov", b"mdat", b"moof", b"wide", b"free", b"skip")),
    ([(0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11")], Format("asf")),
    ([(0, b"FLV\x01")], Format("flv")),
    ([(0, b"\x00\x00\x01\xba")], Format("mpeg")),
    ([(0, b"\x47"), (188, b"\x47"), (376, b"\x47")], Format("mpegts")),
    ([(0, b"#!AMR")], Format("amr")),
    ([(0, b"wvpk")], Format("wv")),
    ([(0, b"MAC ")], Format("ape")),
    ([(0, b"TTA1")], Format("tta")),
    ([(0, b"\x0b\x77")], Format("ac3")),
]


def recognise(file: BinaryIO) -> Format | None:
    """The format of an open file, or None; leaves the position at the beginning."""
    file.seek(0)
    head = file.read(_HEAD)
    tagged = head[:3] == b"ID3" and len(head) >= 10
    if tagged:
        # The length of an ID3v2 tag has seven bits per byte (ID3v2.4, section 3.1); pictures make it megabytes long.
        length = sum((byte & 0x7F) << shift for byte, shift in zip(head[6:10], (21, 14, 7, 0), strict=True))
        file.seek(10 + length)
        head = file.read(_HEAD)
    file.seek(0)
    found = _signature(head)
    if found is _OGG and _chained(file):
        return _CHAINED_OGG
    # Tools that cut radio and old taggers leave zeros before the first frame.
    return found or _frames(head.lstrip(b"\0")) or (_MP3 if tagged else None)


def _chained(file: BinaryIO) -> bool:
    """Whether Ogg streams follow one another, as in recorded web radio: libsndfile reads the first of them only."""
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        middle = _OGG_MIDDLE.search(content)
        return middle is not None and _OGG_BEGINNING.search(content, middle.end()) is not None


def _signature(head: bytes) -> Format | None:
    for parts, found in _SIGNATURES:
        if all(head[offset : offset + len(magic)] == magic for offset, magic in parts):
            return found
    return None


def _frames(head: bytes) -> Format | None:
    """MPEG audio and ADTS begin with eleven or twelve set bits and have no other signature."""
    if len(head) < 4 or head[0] != 0xFF:
        return None
    if head[1] & 0xF6 == 0xF0:
        return _AAC
    version, layer = head[1] >> 3 & 3, head[1] >> 1 & 3
    # Layer I is left out: nobody has it, and UTF-16 text begins like it.
    valid = head[1] & 0xE0 == 0xE0 and version != 1 and layer in (1, 2)
    return _MP3 if valid and head[2] >> 4 != 15 and head[2] >> 2 & 3 != 3 else None
