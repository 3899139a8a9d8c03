"""A visitor's archive, opened without trusting a word of it.

Nothing is extracted by its own name or to its own place, sizes are counted while they are read rather than believed,
and the index is measured before it is parsed. What is wrong with one entry is one sentence, and the others go on.
"""

from __future__ import annotations

import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from lass.errors import AudioError, LassError

MOST_ENTRIES = 500
"""Entries of an archive, whatever they are; an honest index of so many is far smaller than the next limit."""
LARGEST_INDEX = MOST_ENTRIES * 2_048
"""Bytes of the index: the names and extra fields of all entries."""
MOST_RATIO = 250
"""Times that an entry may grow while it is unpacked; what is made to fill disks grows a thousandfold."""
_BLOCK = 262_144
_END = struct.Struct("<4s4H2IH")


@dataclass(frozen=True)
class Entry:
    """One file of an archive. ``name`` may be shown; ``problem`` says why it cannot be taken, and is mostly empty."""

    name: str
    problem: str
    info: zipfile.ZipInfo


@contextmanager
def opened(path: Path, *, max_bytes: int) -> Iterator[zipfile.ZipFile]:
    """The archive at ``path``.

    Raises:
        LassError: it is larger than ``max_bytes``, no zip, damaged, or its index is out of proportion.
    """
    _check_index(path, max_bytes)
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, struct.error) as error:
        raise LassError("The archive is damaged and cannot be opened; pack it again as a plain zip.") from error
    with archive:
        yield archive


def entries(archive: zipfile.ZipFile, *, max_bytes: int) -> list[Entry]:
    """What an archive holds, in its own order; folders and what systems hide in archives are left out.

    Raises:
        LassError: it holds more than :data:`MOST_ENTRIES`.
    """
    if len(archive.infolist()) > MOST_ENTRIES:
        raise LassError(f"The archive holds more than {MOST_ENTRIES} files; pack fewer at a time.")
    found = []
    for info in archive.infolist():
        parts = PurePosixPath(info.filename.replace("\\", "/")).parts
        if info.is_dir() or not parts or "__MACOSX" in parts or parts[-1].startswith("."):
            continue
        found.append(Entry(_shown(parts), _problem(info, parts, max_bytes), info))
    return found


def extract(archive: zipfile.ZipFile, entry: Entry, destination: Path, *, max_bytes: int) -> Path:
    """Write an entry to ``destination``, a name of ours, and return it.

    Raises:
        LassError: the entry has a problem, is damaged, or grows beyond ``max_bytes`` or :data:`MOST_RATIO`.
    """
    if entry.problem:
        raise AudioError(entry.problem)
    most = min(max_bytes, max(entry.info.compress_size, 4_096) * MOST_RATIO)
    written = 0
    try:
        with archive.open(entry.info) as source, destination.open("xb") as out:
            while block := source.read(_BLOCK):
                written += len(block)
                if written > most:
                    raise AudioError(_grows(entry.name))
                out.write(block)
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, NotImplementedError, RuntimeError) as error:
        destination.unlink(missing_ok=True)
        raise AudioError(f"{entry.name} is damaged within the archive; pack it again.") from error
    except BaseException:
        destination.unlink(missing_ok=True)
        raise
    return destination


def _check_index(path: Path, max_bytes: int) -> None:
    """Read the end of the archive, which says how large its index is, before anything parses that."""
    size = path.stat().st_size
    if size > max_bytes:
        raise LassError(f"The archive is larger than the {max_bytes / 1e6:.0f} MB that can be sent; pack fewer files.")
    with path.open("rb") as file:
        file.seek(max(0, size - _END.size - 65_535))
        tail = file.read()
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < _END.size:
        raise LassError("This file is no zip archive; pack the recordings as a zip, or choose them one by one.")
    _, _, _, _, count, index_size, _, _ = _END.unpack_from(tail, at)
    # A zip64 has a second index whose size is told elsewhere; nobody needs one for so few files.
    is_zip64 = tail[max(0, at - 20) : at].startswith(b"PK\x06\x07")
    if count > MOST_ENTRIES or index_size > LARGEST_INDEX or is_zip64:
        raise LassError(f"The archive holds more than {MOST_ENTRIES} files; pack fewer at a time.")


def _problem(info: zipfile.ZipInfo, parts: tuple[str, ...], max_bytes: int) -> str:
    """Why an entry cannot be taken, as far as its index tells; empty when it may be tried."""
    from lass.batch import ENDINGS

    name = _shown(parts)
    if ".." in parts or parts[0] == "/" or ":" in parts[0]:
        return f"{name} points to a place outside the archive; pack it again without its path."
    if stat.S_IFMT(info.external_attr >> 16) not in (0, stat.S_IFREG):
        return f"{name} is a link or a device, not a recording; pack the recording itself."
    if info.flag_bits & 0x1:
        return f"{name} is locked with a password; pack it without one."
    if PurePosixPath(parts[-1]).suffix.lower() not in ENDINGS:
        return f"{name} is no recording that is known by its name; give wav, flac, mp3 or the like."
    if info.file_size > max_bytes:
        return f"{name} is larger than the {max_bytes / 1e6:.0f} MB that can be taken; shorten it or send it as FLAC."
    if info.file_size > max(info.compress_size, 4_096) * MOST_RATIO:
        return _grows(name)
    return ""


def _grows(name: str) -> str:
    return f"{name} unpacks to more than a recording would; send it by itself, outside an archive."


def _shown(parts: tuple[str, ...]) -> str:
    from lass.audio import shown

    return shown(parts[-1])
