"""What is known about a file on the disk: its state, its SHA-256, and the memory of having hashed it.

``….checked.json`` beside a file remembers size, time of change and SHA-256, so that a gigabyte is not read
again at every start. A file that changed since is hashed again.
"""

import contextlib
import hashlib
import json
from collections.abc import Callable
from enum import Enum
from pathlib import Path

from lass.checkpoints.remote import RemoteFile, disk_errors
from lass.errors import Cancelled

BLOCK_BYTES = 1 << 20

Progress = Callable[[int, int | None], None]
"""Called with the bytes that are done and the bytes there will be (``None`` while unknown)."""

Cancel = Callable[[], bool]
"""Asked between two blocks; true stops the work with :class:`~lass.errors.Cancelled`."""


class State(Enum):
    """Of a file in its place; ``UNCHECKED`` has the right size and was not hashed since it changed."""

    ABSENT = "absent"
    UNCHECKED = "unchecked"
    WRONG = "wrong"
    HERE = "here"


def state_of(path: Path, file: RemoteFile) -> State:
    """What is known about a file without reading it."""
    try:
        status = path.stat()
    except OSError:
        return State.ABSENT
    if not path.is_file():
        return State.ABSENT
    if status.st_size == 0 or status.st_size != (file.size_bytes or status.st_size):
        return State.WRONG
    if file.sha256 is None:
        return State.HERE
    known = recall(path)
    if known is None:
        return State.UNCHECKED
    return State.HERE if known == file.sha256 else State.WRONG


def check(path: Path, file: RemoteFile, progress: Progress | None, cancelled: Cancel | None) -> State:
    """The state after hashing the file, where that had not been done."""
    state = state_of(path, file)
    if state is not State.UNCHECKED:
        return state
    with disk_errors(path.name):
        found = digests(path, {"sha256"}, progress, cancelled)["sha256"]
    remember(path, found)
    return State.HERE if found == file.sha256 else State.WRONG


def digests(path: Path, algorithms: set[str], progress: Progress | None, cancelled: Cancel | None) -> dict[str, str]:
    """The file's hexadecimal digests by :mod:`hashlib` name, from reading it once."""
    hashes = {name: hashlib.new(name, usedforsecurity=False) for name in algorithms}
    total, done = path.stat().st_size, 0
    with path.open("rb") as source:
        while block := source.read(BLOCK_BYTES):
            stop_if(cancelled, f"Checking {path.name}")
            for each in hashes.values():
                each.update(block)
            done += len(block)
            if progress is not None:
                progress(done, total)
    return {name: each.hexdigest() for name, each in hashes.items()}


def _record(path: Path) -> Path:
    return path.with_name(path.name + ".checked.json")


def remember(path: Path, sha256: str) -> None:
    """Write down the SHA-256 of the file as it is now."""
    status = path.stat()
    record = {"size": status.st_size, "mtime_ns": status.st_mtime_ns, "sha256": sha256}
    # A folder that is read-only costs another hash next time, nothing else.
    with contextlib.suppress(OSError):
        _record(path).write_text(json.dumps(record), encoding="utf-8")


def recall(path: Path) -> str | None:
    """The remembered SHA-256, when the file has not changed since."""
    try:
        record = json.loads(_record(path).read_text(encoding="utf-8"))
        status = path.stat()
        unchanged = (record["size"], record["mtime_ns"]) == (status.st_size, status.st_mtime_ns)
        return str(record["sha256"]) if unchanged else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def stop_if(cancelled: Cancel | None, what: str) -> None:
    """Raise :class:`Cancelled` about ``what`` when the person has cancelled."""
    if cancelled is not None and cancelled():
        raise Cancelled(f"{what} was stopped; start it again to go on.")
