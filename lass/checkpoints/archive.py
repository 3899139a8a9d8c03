"""One wanted file out of a zip archive, which is believed in nothing.

The member's name never becomes a path: its bytes go to the file the caller names.
"""

import stat
import zipfile
import zlib
from collections.abc import Callable
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from lass.checkpoints.checksum import Cancel, stop_if
from lass.checkpoints.remote import disk_errors, in_words
from lass.errors import ModelError

BLOCK_BYTES = 1 << 20
MAX_EXPANSION = 100
"""Weights hardly compress; an archive that grows more than this was made to fill a disk."""


class Damaged(ModelError):
    """The archive is not what was published; fetching it again helps."""


def unpack(
    archive: Path,
    pattern: str,
    target: Path,
    *,
    limit_bytes: int,
    room: Callable[[int], None] | None = None,
    cancelled: Cancel | None = None,
) -> None:
    """Write the one member whose base name matches the shell pattern to ``target``.

    ``room(bytes)`` is asked before the first byte is written. On any failure ``target`` is removed.

    Raises:
        Damaged: the archive is broken or cut short.
        ModelError: the archive is unsafe, or not exactly one member matches.
        Cancelled: ``cancelled()`` was true between two blocks.
    """
    try:
        with disk_errors(f"The content of {archive.name}"), zipfile.ZipFile(archive) as opened:
            member = _choose(opened, archive, pattern)
            _check(member, archive, limit_bytes)
            if room is not None:
                room(member.file_size)
            with opened.open(member) as source, target.open("wb") as output:
                while block := source.read(BLOCK_BYTES):
                    stop_if(cancelled, f"Unpacking {archive.name}")
                    output.write(block)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        target.unlink(missing_ok=True)
        raise Damaged(f"The archive {archive.name} is damaged ({error}); fetch it again.") from error
    except BaseException:
        target.unlink(missing_ok=True)
        raise


def _choose(opened: zipfile.ZipFile, archive: Path, pattern: str) -> zipfile.ZipInfo:
    found = []
    for member in opened.infolist():
        path = PurePosixPath(member.filename)
        if path.is_absolute() or ".." in path.parts or "\\" in member.filename:
            raise ModelError(f"The archive {archive.name} is refused because it names files outside itself.")
        hidden = path.name.startswith(".") or "__MACOSX" in path.parts
        if not member.is_dir() and not hidden and fnmatchcase(path.name, pattern):
            found.append(member)
    if len(found) != 1:
        names = ", ".join(member.filename for member in found[:5])
        shown = f" ({names})" if names else ""
        raise ModelError(
            f"The archive {archive.name} holds {len(found)} files like {pattern}{shown}; "
            "one was expected: unpack it by hand and give the path of the checkpoint."
        )
    return found[0]


def _check(member: zipfile.ZipInfo, archive: Path, limit_bytes: int) -> None:
    if member.flag_bits & 0x1:
        raise ModelError(f"The archive {archive.name} is refused because it is encrypted.")
    kind = stat.S_IFMT(member.external_attr >> 16)
    if kind not in (0, stat.S_IFREG):
        raise ModelError(f"The archive {archive.name} is refused because {member.filename} is not a plain file.")
    if member.file_size > min(limit_bytes, MAX_EXPANSION * max(member.compress_size, 1)):
        raise ModelError(
            f"The archive {archive.name} is refused because {member.filename} would grow to "
            f"{in_words(member.file_size)}."
        )
