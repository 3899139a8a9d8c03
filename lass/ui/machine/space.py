"""Where visitors' files lie, and how much disk they may take.

Uploads and results of one run of the application lie in one folder, which goes with it. What a run that crashed left
is removed by the next.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from lass.errors import LassError

RESULT = "lass-"
"""How the name of a result's folder begins."""
LEFT_FREE = 500_000_000
"""Bytes of the disk that results leave to everything else: ratings have to be saved whatever happens."""
PROTECTED_SECONDS = 10 * 60
"""A result is not removed before its time while it is younger than this: somebody listens to it."""
_RUN = "run-"
# Gradio puts every upload into a folder named by a SHA-256. Until it is whole it is a file named by Python's tempfile,
# and it stays one for good when the visitor leaves meanwhile.
_UPLOAD = re.compile(r"[0-9a-f]{64}")
_PARTIAL = re.compile(r"tmp[a-z0-9_]{8}")


class NoRoomError(LassError):
    """The results of a separation are too large, or the disk is full."""


class Space:
    """The disk that visitors' files may take.

    Args:
        folder: where they lie; nothing else does.
        keep_seconds: how long one stays.
        most_result_bytes: the largest result of one separation.
        most_bytes: all files together; beyond it the oldest results go before their time.
    """

    def __init__(self, folder: Path, *, keep_seconds: float, most_result_bytes: int, most_bytes: int) -> None:
        self.folder = folder
        self.keep_seconds = keep_seconds
        self.most_result_bytes = most_result_bytes
        self.most_bytes = most_bytes
        self._made: set[Path] = set()
        # When each of them was seen to change, by a clock that does not jump, and when the last look was.
        self._seen: dict[Path, tuple[float, float]] = {}
        self._looked: float | None = None
        self._tidying = threading.Lock()

    @contextlib.contextmanager
    def result(self) -> Iterator[Path]:
        """A new folder, whose name cannot be guessed, for a result; it goes again when making the result fails."""
        folder = self.folder / f"{RESULT}{secrets.token_hex(16)}"
        self._made.add(folder)
        try:
            try:
                folder.mkdir(parents=True)
            except OSError as error:
                raise NoRoomError(
                    f"Results cannot be written on this machine ({error.strerror or 'no reason given'}); "
                    "try again in some minutes."
                ) from error
            yield folder
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise

    def used(self) -> int:
        """Bytes that visitors' files take."""
        return sum(_size(path) for path in self._visitors())

    def make(self, needed: int) -> None:
        """See that so many bytes fit: the oldest results go for it.

        Raises:
            NoRoomError: it is too much for one result, or for the disk.
        """
        if needed > self.most_result_bytes:
            raise NoRoomError(
                f"The results would take {needed / 1e9:.1f} GB, and at most {self.most_result_bytes / 1e9:.1f} GB are "
                "kept of one separation; choose a shorter part, fewer descriptions, or a lower sample rate."
            )
        self._make(needed)

    def make_for_upload(self, size: int) -> None:
        """See that an upload of so many bytes fits; 0 where nobody knows. Raises NoRoomError."""
        self._make(size)

    def _make(self, needed: int) -> None:
        if self._fits(needed, self.used()):
            return
        self.tidy()
        for folder in sorted(self._results(), key=_changed):
            if self._fits(needed, self.used()):
                return
            if _changed(folder) < time.time() - PROTECTED_SECONDS:
                shutil.rmtree(folder, ignore_errors=True)
        if not self._fits(needed, self.used()):
            raise NoRoomError(
                "There is no room for more results on this machine at the moment; "
                "try a shorter part, or again in some minutes."
            )

    def tidy(self) -> None:
        """Remove what is past its time: Gradio deletes files, but no folders, no half uploads, and none after a crash.

        The machine's clock is believed about what was there before; what appears later ages by one that never jumps.
        One looks at a time: a second one in between would take everything for new and keep it for longer.
        """
        with self._tidying:
            self._tidy()

    def _tidy(self) -> None:
        now, looked, seen = time.monotonic(), self._looked, self._seen
        self._looked, self._seen = now, {}
        for path in self._visitors():
            changed = _changed(path)
            before = seen.get(path)
            if before is not None and before[0] == changed:
                since = before[1]
            else:
                age = max(0.0, time.time() - changed)
                since = now - (age if looked is None else min(age, now - looked))
            if now - since > self.keep_seconds:
                _remove(path)
            else:
                self._seen[path] = changed, since
        self._made -= {folder for folder in self._made.copy() if not folder.exists()}

    def clear(self) -> None:
        """Remove every result that was made here, and the empty folders of uploads: this run is over."""
        for folder in self._made:
            shutil.rmtree(folder, ignore_errors=True)
        for path in self._visitors():
            with contextlib.suppress(OSError):
                path.rmdir()

    def _fits(self, needed: int, used: int) -> bool:
        place = self.folder
        while not place.exists() and place != place.parent:
            place = place.parent
        return used + needed <= self.most_bytes and shutil.disk_usage(place).free - needed >= LEFT_FREE

    def _visitors(self) -> list[Path]:
        """Folders of results and of uploads, and half uploads; whatever else lies here is not ours to remove."""
        with contextlib.suppress(OSError):
            shared = self.folder.resolve() == Path(tempfile.gettempdir()).resolve()
            return [path for path in self.folder.iterdir() if _is_visitors(path, shared=shared)]
        return []

    def _results(self) -> list[Path]:
        return [path for path in self._visitors() if path.name.startswith(RESULT)]


def claim(environment: Mapping[str, str], keep_seconds: float) -> tuple[Path, bool]:
    """The folder of this run, and whether it is this run's alone: GRADIO_TEMP_DIR if that is set, or else a new one.

    Removes what runs that are over have left.
    """
    given = environment.get("GRADIO_TEMP_DIR", "").strip()
    if given:
        return Path(given), False
    user = os.getuid() if hasattr(os, "getuid") else 0
    base = Path(tempfile.gettempdir()).resolve() / f"lass-{user}"
    try:
        base.mkdir(mode=0o700, exist_ok=True)
        ours = not base.is_symlink() and (not hasattr(os, "getuid") or base.stat().st_uid == user)
    except OSError:
        ours = False
    if not ours:  # somebody else's folder under our name
        base = Path(tempfile.mkdtemp(prefix="lass-"))
    for run in base.glob(f"{_RUN}*"):
        if _is_over(run, keep_seconds):
            shutil.rmtree(run, ignore_errors=True)
    folder = base / f"{_RUN}{os.getpid()}-{secrets.token_hex(4)}"
    folder.mkdir(mode=0o700)
    return folder, True


def _is_over(run: Path, keep_seconds: float) -> bool:
    """Whether a folder belongs to no process that runs; an id that is used again makes it stay until its time."""
    number = run.name.removeprefix(_RUN).partition("-")[0]
    if number == str(os.getpid()):  # in a container every run has the same id
        return True
    if number.isdecimal() and os.name == "posix":
        try:
            os.kill(int(number), 0)
        except ProcessLookupError:
            return True
        except (OSError, OverflowError):
            pass
    return _changed(run) < time.time() - keep_seconds


def _is_visitors(path: Path, *, shared: bool) -> bool:
    """Whether a result, an upload, or a half one; in a folder ``shared`` by all programs half ones are anybody's."""
    if path.name.startswith(RESULT) or _UPLOAD.fullmatch(path.name):
        return True
    return not shared and bool(_PARTIAL.fullmatch(path.name)) and path.is_file()


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
        return
    with contextlib.suppress(OSError):
        path.unlink()


def _changed(path: Path) -> float:
    """When a file, or something in a folder, was made, written or removed last, in Unix seconds; 0 when it is gone."""
    times = [0.0]
    with contextlib.suppress(OSError):
        times.append(path.stat().st_mtime)
        times += [inside.stat().st_mtime for inside in path.iterdir()]
    return max(times)


def _size(place: Path) -> int:
    """Bytes of a file, or of everything in a folder."""
    size = 0
    with contextlib.suppress(OSError):
        for path in place.rglob("*") if place.is_dir() else [place]:
            with contextlib.suppress(OSError):
                size += path.lstat().st_size
    return size
