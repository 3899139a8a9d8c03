"""Where fetched checkpoints live, and how they get there.

Everything called ``name`` has a folder ``<cache>/<name>/``. A file has its published name there, and gets it
by one rename, when it is complete and checked; before that it is ``….partial``. A file that a person put there
counts the same: it is hashed once, and ``….checked.json`` remembers size, time of change and SHA-256, so that a
gigabyte is not read again at every start. What a person put there is never deleted.
"""

import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from lass.checkpoints.archive import Damaged, unpack
from lass.checkpoints.checksum import Cancel, Progress, State, check, digests, remember, state_of, stop_if
from lass.checkpoints.remote import Endpoints, RemoteFile, disk_errors, in_words
from lass.checkpoints.transfer import (
    MAX_BYTES,
    STALL_SECONDS,
    Announcement,
    Interrupted,
    Refused,
    Request,
    Transfer,
    discard,
)
from lass.errors import ModelError

SPARE_BYTES = 64_000_000
"""Room that a download leaves free on the disk, for everything else that writes there."""


class Item(Protocol):
    """What the store keeps: an entry of the catalogue or a companion file of one."""

    @property
    def name(self) -> str:
        """The name in the catalogue, and of the folder."""

    @property
    def files(self) -> Sequence[RemoteFile]:
        """What is fetched; the first one is the checkpoint itself."""

    @property
    def asset(self) -> Path | None:
        """The file of something bundled, which has nothing to fetch."""


class Store:
    """The folder of fetched checkpoints; see the module's text.

    Args:
        cache_dir: created when something is first fetched.
        offline: nothing is ever asked over the network.
        endpoints: the hosts; ``hugging_face`` is what ``HF_ENDPOINT`` says.
        token: a Hugging Face token, sent to that host only; everything in the catalogue is public without
            one.
        attempts: after how many broken transfers it is given up; one that brought something counts afresh.
        stall_seconds: silence of the server after which a transfer counts as broken off.
        retry_seconds: pause before the next attempt; it doubles while nothing comes.
        disk_usage: :func:`shutil.disk_usage`, or what a test puts in its place.
    """

    def __init__(
        self,
        cache_dir: Path | str,
        *,
        offline: bool,
        endpoints: Endpoints | None = None,
        token: str | None = None,
        attempts: int = 3,
        stall_seconds: float = STALL_SECONDS,
        retry_seconds: float = 1.0,
        disk_usage: Callable[[Path], tuple[int, int, int]] = shutil.disk_usage,
    ) -> None:
        self.cache_dir = Path(cache_dir)
        self.offline = offline
        self._endpoints = endpoints or Endpoints()
        self._token = token
        self._attempts = attempts
        self._stall_seconds = stall_seconds
        self._retry_seconds = retry_seconds
        self._disk_usage = disk_usage

    def folder(self, item: Item) -> Path:
        """Where all files of the item are, or would be."""
        return item.asset.parent if item.asset is not None else self.cache_dir / item.name

    def path(self, item: Item) -> Path:
        """Where the item's first file is, or would be."""
        return item.asset if item.asset is not None else self.folder(item) / item.files[0].name

    def is_here(self, item: Item) -> bool:
        """Whether every file is in its place with the right size; quick, because no file is read."""
        if item.asset is not None:
            return item.asset.is_file()
        here = (State.HERE, State.UNCHECKED)
        return all(state_of(self.folder(item) / file.name, file) in here for file in item.files)

    def locate(self, item: Item, *, progress: Progress | None = None, cancelled: Cancel | None = None) -> Path:
        """The item's first file, checked; asks nothing over the network.

        A file placed by hand is hashed the first time; an archive placed by hand is unpacked. ``progress``
        then counts bytes.

        Raises:
            ModelError: a file is not here, or not the published one.
        """
        if item.asset is not None and not item.asset.is_file():
            raise ModelError(f"{item.name} should come with the application but {item.asset} is missing; reinstall it.")
        for file in [] if item.asset is not None else item.files:
            final = self.folder(item) / file.name
            if self._placed_archive(item, file) is not None:
                with self._locked(item, None, cancelled):
                    self._unpack_placed(item, file, cancelled)
            state = check(final, file, progress, cancelled)
            if state is State.ABSENT:
                raise ModelError(self._not_here(item, file))
            if state is State.WRONG:
                raise ModelError(self._not_published(item, final, file))
        return self.path(item)

    def download(self, item: Item, progress: Progress | None = None, cancelled: Cancel | None = None) -> Path:
        """Fetch what is missing, check it, and return the item's first file; at once when everything is here.

        ``progress(done, total)`` counts bytes over all files; ``total`` is ``None`` while a size is unknown.
        It is called from the calling thread, about ten times a second. ``cancelled()`` is asked between
        blocks. What was fetched when a download stops is kept, and the next one goes on from there.

        Raises:
            ModelError: with the reason, and how to place the file by hand where that helps.
            Cancelled: ``cancelled()`` was true.
        """
        if self.is_here(item) or self.offline or item.asset is not None:
            try:
                return self.locate(item, progress=progress, cancelled=cancelled)
            except ModelError:
                if self.offline or item.asset is not None:
                    raise
        sizes = [file.expected_bytes for file in item.files]
        with self._locked(item, progress, cancelled):
            for number, file in enumerate(item.files):
                final = self.folder(item) / file.name
                if check(final, file, None, cancelled) is State.WRONG:
                    _set_aside(final)
                try:
                    self._unpack_placed(item, file, cancelled)
                except Damaged:
                    _set_aside(final.with_name(file.published_name))
                if check(final, file, None, cancelled) is not State.HERE:
                    self._fetch(item, file, overall(progress, sizes, number), cancelled)
        return self.path(item)

    def cost(self, item: Item) -> int | None:
        """Bytes a download would still fetch; estimated where the publisher states no size, else ``None``."""
        left = 0
        for file in [] if self.is_here(item) else item.files:
            final = self.folder(item) / file.name
            if state_of(final, file) in (State.HERE, State.UNCHECKED):
                continue
            if file.expected_bytes is None:
                return None
            partial = self._partial(item, file)
            left += max(0, file.expected_bytes - (partial.stat().st_size if partial.is_file() else 0))
        return left

    def is_packed(self, item: Item) -> bool:
        """Whether an archive was placed by hand that a download, offline as well, would only have to unpack."""
        return any(self._placed_archive(item, file) is not None for file in item.files)

    def explain(self, item: Item) -> str:
        """Why the item is not here and how it comes, in one sentence; no file is read. Empty when it is here."""
        for file in [] if item.asset is not None else item.files:
            final = self.folder(item) / file.name
            state = state_of(final, file)
            if state is State.ABSENT:
                return self._not_here(item, file)
            if state is State.WRONG:
                return self._not_published(item, final, file)
        return ""

    def by_hand(self, item: Item, file: RemoteFile) -> str:
        """Where to get a file and where to put it, as the second half of a sentence."""
        place = self.folder(item) / (file.published_name if file.member is not None else file.name)
        still_packed = ", still packed," if file.member is not None else ""
        return f"get {file.published_name} from {Endpoints().url(file)} and place it{still_packed} as {place}"

    def _fetch(self, item: Item, file: RemoteFile, progress: Progress | None, cancelled: Cancel | None) -> None:
        what = f"The download of {item.name} ({file.published_name})"
        partial = self._partial(item, file)
        packed = file.member is not None
        request = Request(
            self._endpoints.url(file),
            what,
            size_bytes=None if packed else file.size_bytes,
            sha256=None if packed else file.sha256,
            token=None if file.kind == "zenodo" else self._token,
        )

        def room(still_to_come: int) -> None:
            # Archive and member lie side by side until the member is checked.
            member = (file.size_bytes or file.about_bytes or 0) if packed else 0
            self._room(what, self.folder(item), still_to_come + member)

        if file.expected_bytes is not None:
            held = partial.stat().st_size if partial.is_file() else 0
            room(max(0, file.expected_bytes - held))
        transfer = Transfer(self._endpoints, stall_seconds=self._stall_seconds, room=room)
        try:
            announced = self._persist(transfer, request, partial, progress, cancelled)
        except Interrupted as error:
            raise ModelError(
                f"{error}; start it again to go on from what is here, or {self.by_hand(item, file)}."
            ) from error
        except Refused as error:
            raise ModelError(f"{error}; {self.by_hand(item, file)}, if you can still find it.") from error
        self._finish(item, file, partial, announced, what, cancelled)

    def _persist(
        self,
        transfer: Transfer,
        request: Request,
        partial: Path,
        progress: Progress | None,
        cancelled: Cancel | None,
    ) -> Announcement:
        """Transfer until complete; give up after ``attempts`` of which only the first brought anything."""
        in_vain, furthest = 0, 0
        while True:
            try:
                return transfer.fetch(request, partial, progress=progress, cancelled=cancelled)
            except Interrupted:
                size = partial.stat().st_size if partial.is_file() else 0
                in_vain = 1 if size > furthest else in_vain + 1
                furthest = max(furthest, size)
                if in_vain >= self._attempts:
                    raise
            _pause(self._retry_seconds * 2 ** (in_vain - 1), request.what, cancelled)

    def _finish(
        self,
        item: Item,
        file: RemoteFile,
        partial: Path,
        announced: Announcement,
        what: str,
        cancelled: Cancel | None,
    ) -> None:
        """Check the complete partial file, unpack it where it is an archive, and give the result its name."""
        final = self.folder(item) / file.name
        digest = announced.digest
        algorithms = {"sha256"} | ({digest.algorithm} if digest is not None else set())
        with disk_errors(what):
            found = digests(partial, algorithms, None, cancelled)
        packed = file.member is not None
        wanted = found["sha256"] if packed or file.sha256 is None else file.sha256
        intact = digest is None or found[digest.algorithm] == digest.value
        if not intact or found["sha256"] != wanted:
            discard(partial)
            raise ModelError(
                f"{what} arrived damaged (its checksum is not the published one) and was removed; start it "
                f"again, and if that does not help, {self.by_hand(item, file)}."
            )
        archive = final.with_name(file.published_name)
        with disk_errors(what):
            _settle(partial, archive)
        discard(partial)
        if not packed:
            remember(final, found["sha256"])
            return
        # Until it is unpacked the archive keeps its own name: a full disk here does not cost the download.
        try:
            self._unpack(archive, final, file, cancelled)
        except Damaged:
            archive.unlink(missing_ok=True)
            raise
        archive.unlink(missing_ok=True)

    def _unpack_placed(self, item: Item, file: RemoteFile, cancelled: Cancel | None) -> None:
        archive = self._placed_archive(item, file)
        if archive is not None:
            self._unpack(archive, self.folder(item) / file.name, file, cancelled)

    def _unpack(self, archive: Path, final: Path, file: RemoteFile, cancelled: Cancel | None) -> None:
        """The wanted member of the archive, checked, under its final name."""
        unpacked = final.with_name(final.name + ".unpacking")

        def room(size: int) -> None:
            self._room(f"The content of {archive.name}", final.parent, size)

        limit = file.size_bytes or MAX_BYTES
        unpack(archive, file.member or "*", unpacked, limit_bytes=limit, room=room, cancelled=cancelled)
        with disk_errors(f"The content of {archive.name}"):
            try:
                found = digests(unpacked, {"sha256"}, None, cancelled)["sha256"]
                right_size = unpacked.stat().st_size == (file.size_bytes or unpacked.stat().st_size)
                if not right_size or found != (file.sha256 or found):
                    raise Damaged(f"The archive {archive.name} holds another file than published; fetch it again.")
                _settle(unpacked, final)
            finally:
                unpacked.unlink(missing_ok=True)
        remember(final, found)

    def _room(self, what: str, folder: Path, needed: int) -> None:
        free = self._disk_usage(folder)[2]
        if needed + SPARE_BYTES > free:
            raise ModelError(
                f"{what} was not started because it needs {in_words(needed)} more in {folder} and "
                f"{in_words(max(0, free - SPARE_BYTES))} can be used there; free some room or choose another "
                "folder with LASS_DATA_DIR."
            )

    @contextmanager
    def _locked(self, item: Item, progress: Progress | None, cancelled: Cancel | None) -> Iterator[None]:
        """One process and one thread at a time in an item's folder; a dead process holds no lock."""
        from filelock import FileLock, Timeout

        folder = self.folder(item)
        with disk_errors(f"The download of {item.name}"):
            folder.mkdir(parents=True, exist_ok=True)
            lock = FileLock(folder / ".lock")
            while True:
                try:
                    lock.acquire(timeout=0.2)
                    break
                except Timeout:
                    stop_if(cancelled, f"The download of {item.name}")
                    # Somebody else is fetching it: show how far they are.
                    if progress is not None and item.files:
                        partial = self._partial(item, item.files[0])
                        progress(partial.stat().st_size if partial.is_file() else 0, item.files[0].size_bytes)
        try:
            yield
        finally:
            lock.release()

    def _partial(self, item: Item, file: RemoteFile) -> Path:
        return self.folder(item) / (file.published_name + ".partial")

    def _placed_archive(self, item: Item, file: RemoteFile) -> Path | None:
        """The packed file, where it is here and the unpacked one is not."""
        folder = self.folder(item)
        archive = folder / file.published_name
        wanted = file.member is not None and not (folder / file.name).is_file()
        return archive if wanted and archive.is_file() else None

    def _not_here(self, item: Item, file: RemoteFile) -> str:
        if self.offline:
            return f"{item.name} is not here and downloads are switched off; {self.by_hand(item, file)}."
        size = in_words(file.expected_bytes, approximate=file.size_bytes is None)
        return (
            f"{item.name} is not here yet; fetch it ({size}) with: python -m lass download {item.name}, "
            f"or {self.by_hand(item, file)}."
        )

    def _not_published(self, item: Item, final: Path, file: RemoteFile) -> str:
        return (
            f"{final} is not the published file of {item.name} (its size or SHA-256 differs); move it away "
            f"and {self.by_hand(item, file)}."
        )


def _settle(path: Path, final: Path) -> None:
    """Rename only what has reached the disk: a power cut must not leave a half file under the final name."""
    with path.open("rb+") as written:
        os.fsync(written.fileno())
    path.replace(final)


def overall(progress: Progress | None, sizes: list[int | None], number: int) -> Progress | None:
    """Progress of one of several things told as progress of all of them, whose sizes in bytes are ``sizes``.

    A published size may be an estimate: it gives way in ``sizes`` to what the server says.
    """
    if progress is None:
        return None

    def tell(done: int, total: int | None) -> None:
        sizes[number] = total if total is not None else sizes[number]
        done += sum(size or 0 for size in sizes[:number])
        progress(done, None if None in sizes else max(done, sum(size or 0 for size in sizes)))

    return tell


def _set_aside(path: Path) -> None:
    """Give way to the published file: what a person placed is moved, never overwritten or deleted."""
    number = 1
    while (aside := path.with_name(f"{path.name}.set-aside-{number}")).exists():
        number += 1
    with disk_errors(path.name):
        path.replace(aside)


def _pause(seconds: float, what: str, cancelled: Cancel | None) -> None:
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        stop_if(cancelled, what)
        time.sleep(min(left, 0.1))
