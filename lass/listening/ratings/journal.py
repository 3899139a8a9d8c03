"""The journal beside the database: append-only JSON lines, one file per boot, on the disk before anyone is thanked.

Each line is one JSON object that ends with its own CRC-32, so that a line half written or damaged later is told from
a whole one. A later line adds to an earlier one and repeats are harmless: replaying a journal twice gives what
replaying it once gives. The folder can be copied while the application runs.

    {"created":…,"key":"…","kind":"rating",…,"crc":"89abcdef"}

Kinds: `journal` (first line of a file), `session` (all of it, after each change), `opened`, `rating`, `preference`,
`deleted` (the SHA-256 of the token of a session whose lines were taken out), and `check` (an attempt after a failure).
"""

import contextlib
import hashlib
import json
import os
import re
import secrets
import time
import zlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from lass.listening.ratings.database import PATIENCE, in_words
from lass.listening.ratings.records import StoreError

FORMAT = 1
ENDING = ".jsonl"
LOCK_NAME = ".lock"
_CRC = re.compile(rb',"crc":"([0-9a-f]{8})"\}')
_CRC_LENGTH = len(',"crc":"00000000"}')
# Quotes inside of a JSON string are escaped, so this finds the two fields and never the words of a participant.
_WHOSE = re.compile(rb'"(?:token|session)":"([^"\\]+)"')


def encode(entry: dict[str, Any]) -> str:
    """An entry as one line of a journal, without the line feed.

    Raises:
        ValueError: a number that JSON does not know.
    """
    body = json.dumps(entry, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"))
    return f'{body[:-1]},"crc":"{zlib.crc32(body.encode("utf-8")):08x}"}}'


def decode(line: bytes) -> dict[str, Any] | None:
    """The entry of a line; None if the line is not whole."""
    mark = _CRC.fullmatch(line[-_CRC_LENGTH:])
    if mark is None:
        return None
    body = line[:-_CRC_LENGTH] + b"}"
    if zlib.crc32(body) != int(mark[1], 16):
        return None
    try:
        entry = json.loads(body)
    except ValueError:
        return None
    return entry if isinstance(entry, dict) else None


def token_sha256(token: str) -> str:
    """What stays of the token of a deleted session."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file's bytes; raises OSError."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


@dataclass(frozen=True)
class JournalFile:
    """What one file of the journal holds."""

    name: str
    sha256: str
    """Of the file's bytes."""
    entries: tuple[dict[str, Any], ...]
    damaged: tuple[int, ...]
    """The numbers of lines that cannot be read, from 1; an unfinished last line is none: nobody was thanked for it."""


def read(path: Path, known_sha256: str | None = None) -> JournalFile | None:
    """Reads a file of the journal; None if its bytes have the SHA-256 that is known already.

    Raises:
        OSError: the file cannot be read.
        StoreError: a newer program wrote it.
    """
    content = path.read_bytes()
    sha256 = hashlib.sha256(content).hexdigest()
    if sha256 == known_sha256:
        return None  # the usual case at a start: nothing new
    lines = content.split(b"\n")
    entries, damaged = [], []
    for number, line in enumerate(lines, start=1):
        entry = decode(line)
        if entry is not None:
            entries.append(entry)
        elif number < len(lines):
            damaged.append(number)
    if any(entry.get("kind") == "journal" and entry.get("format") != FORMAT for entry in entries):
        raise StoreError(f"The journal {path.name} was written by a newer program; start that one again.")
    return JournalFile(path.name, sha256, tuple(entries), tuple(damaged))


class Journal:
    """The folder of journals, and the file in it that belongs to this boot (made with its first line).

    Only one thread at a time may use it; several processes may share the folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = FileLock(folder / LOCK_NAME, timeout=PATIENCE, thread_local=False, poll_interval=0.005)
        self._file: int | None = None
        self._length = 0  # bytes of whole, synced lines in the file
        self.name = ""
        self.start_a_file()

    def start_a_file(self) -> None:
        """What is appended from now on goes to a new file."""
        self._release()
        self._length = 0
        self.name = f"{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}-{secrets.token_hex(4)}{ENDING}"

    def files(self) -> list[Path]:
        """The files of the journal, oldest first."""
        return sorted(self.folder.glob(f"*{ENDING}"))

    def sizes(self) -> list[int]:
        """Bytes of the files, without those that went away meanwhile."""
        found = []
        for path in self.files():
            with contextlib.suppress(OSError):
                found.append(path.stat().st_size)
        return found

    def append(self, lines: Sequence[str]) -> None:
        """Writes whole lines and returns when the disk has them: one sync, however many lines.

        Raises:
            StoreError: they could not be written; the next attempt goes to a new file.
        """
        if not lines:
            return
        try:
            with self.locked():
                file = self._open()
                head = [] if self._length else [encode({"kind": "journal", "format": FORMAT, "name": self.name})]
                content = "".join(f"{line}\n" for line in (*head, *lines)).encode("utf-8")
                rest = memoryview(content)
                while rest:
                    rest = rest[os.write(file, rest) :]
                os.fsync(file)
                self._length += len(content)
        except OSError as error:
            self._abandon()
            raise StoreError(
                f"Your answer could not be saved, because its journal cannot be written ({in_words(error)}); "
                "try again in a moment."
            ) from error

    def forget(self, tokens: Collection[str]) -> None:
        """Takes every line about sessions (the SHA-256 of their tokens) out of all files; each file changes at once.

        Raises:
            StoreError: a file could not be rewritten.
        """
        try:
            with self.locked():
                for path in self.files():
                    self._rewrite(path, tokens)
        except OSError as error:
            raise StoreError(
                f"The data are deleted from the database but not from the journal yet ({in_words(error)}); "
                "delete them again in a moment."
            ) from error

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Keeps other processes from writing and rewriting the journal.

        Raises:
            OSError: the lock could not be had.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            self._lock.acquire()
        except Timeout as error:
            raise OSError(f"another process holds {LOCK_NAME}") from error
        try:
            yield
        finally:
            self._lock.release()

    def is_complete(self) -> bool:
        """Whether the file that this boot has written is still there."""
        return self._length == 0 or (self.folder / self.name).exists()

    def close(self) -> None:
        """Closes the file; nothing may be appended any more."""
        self._release()

    def _open(self) -> int:
        """The descriptor of this boot's file, where it is now: a deletion replaces the file by another."""
        path = self.folder / self.name
        if self._file is not None:
            try:
                if os.path.samestat(os.fstat(self._file), path.stat()):
                    return self._file
            except FileNotFoundError:
                self.start_a_file()
                path = self.folder / self.name
            self._release()
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._length = os.fstat(self._file).st_size
        if self._length == 0:
            _sync_folder(self.folder)
        return self._file

    def _abandon(self) -> None:
        """After a failure nobody knows what the file holds: cut off what was not acknowledged and leave it alone."""
        if self._file is not None:
            with contextlib.suppress(OSError):
                os.ftruncate(self._file, self._length)
        self.start_a_file()

    def _release(self) -> None:
        if self._file is not None:
            with contextlib.suppress(OSError):
                os.close(self._file)
        self._file = None

    @staticmethod
    def _rewrite(path: Path, tokens: Collection[str]) -> None:
        content = path.read_bytes()
        lines = content.split(b"\n")
        kept = [line for line in lines[:-1] if not _is_about(line, tokens)]
        if len(kept) == len(lines) - 1 and not _is_about(lines[-1], tokens):
            return
        # The temporary file's name does not end like a journal's: one that a kill leaves behind is not replayed.
        temporary = path.with_name(f"{path.name}.new")
        with temporary.open("wb") as file:
            os.fchmod(file.fileno(), 0o600)
            file.write(b"".join(line + b"\n" for line in kept))  # an unfinished last line is dropped
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        _sync_folder(path.parent)


def _is_about(line: bytes, tokens: Collection[str]) -> bool:
    return any(token_sha256(token.decode("utf-8", "replace")) in tokens for token in _WHOSE.findall(line))


def _sync_folder(folder: Path) -> None:
    """A file's name is on the disk only when its folder is."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
