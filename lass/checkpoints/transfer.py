"""One file over HTTP into one partial file on the disk: progress, resume, cancel, bounds.

Written here rather than left to ``huggingface_hub``, because the same promises have to hold for Zenodo too,
and because cancelling between blocks, a SHA-256 of the finished file and a sentence for every failure are not
what that library offers. Checks and the final name are the store's work (`store.py`).

Beside a partial file ``x.partial`` lies ``x.partial.json``: the tag and the length the server announced when
it was begun. A resumed transfer whose tag or length differs starts again from zero.
"""

import json
import re
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from lass.checkpoints.checksum import Cancel, Progress
from lass.checkpoints.remote import Endpoints, disk_errors, in_words, is_loopback
from lass.errors import Cancelled, ModelError

if TYPE_CHECKING:
    import httpx

CONNECT_SECONDS = 15.0
STALL_SECONDS = 30.0
MAX_REDIRECTS = 5
MAX_BYTES = 16_000_000_000
"""No published checkpoint is near this: a server that sends more is not serving one."""
PROGRESS_SECONDS = 0.1

MAY_PASS = frozenset({408, 425, 429, 500, 502, 503, 504})
"""HTTP states that another attempt may cure."""


class Interrupted(ModelError):
    """The transfer broke off and the partial file is kept; another attempt goes on from there."""


class Refused(ModelError):
    """The server does not give this file, or gives another one; another attempt would end the same way."""


@dataclass(frozen=True)
class Digest:
    """A checksum the server announced for the whole file: a :mod:`hashlib` name, hexadecimal digits."""

    algorithm: str
    value: str


@dataclass(frozen=True)
class Announcement:
    """What a server says of a file: its whole length in bytes, what identifies the version, a checksum."""

    total: int | None
    tag: str | None
    digest: Digest | None


@dataclass(frozen=True)
class Request:
    """What to fetch; ``what`` opens every sentence, size and SHA-256 are the published ones, where known."""

    url: str
    what: str
    size_bytes: int | None = None
    sha256: str | None = None
    token: str | None = None


class Transfer:
    """Fetches files over HTTP; keeps nothing between calls.

    ``room(bytes)`` is asked before the first byte is written, with the bytes that are still to come, and
    raises :class:`ModelError` when they do not fit.
    """

    def __init__(
        self,
        endpoints: Endpoints,
        *,
        stall_seconds: float = STALL_SECONDS,
        room: Callable[[int], None] | None = None,
    ) -> None:
        self._endpoints = endpoints
        self._stall_seconds = stall_seconds
        self._room = room

    def fetch(
        self,
        request: Request,
        partial: Path,
        *,
        progress: Progress | None = None,
        cancelled: Cancel | None = None,
    ) -> Announcement:
        """Complete the partial file, going on from what it holds, and return what the server announced.

        Raises:
            Interrupted: the connection broke, stalled, or the server is busy; the partial file is kept.
            Refused: the file is missing, forbidden, or not the published one.
            ModelError: it does not fit on the disk, or the address may not be asked.
            Cancelled: ``cancelled()`` was true between two blocks; the partial file is kept.
        """
        import httpx

        self._endpoints.check(request.url)
        begun = _read_note(partial)
        if begun is not None and begun.total is not None and _size(partial) == begun.total:
            return begun  # complete, but stopped before it was checked and got its name
        timeout = httpx.Timeout(self._stall_seconds, connect=min(CONNECT_SECONDS, self._stall_seconds))
        # A proxy from the environment must not be asked for an address on this machine.
        trust_env = not is_loopback(urlsplit(request.url).hostname or "")
        try:
            with httpx.Client(timeout=timeout, trust_env=trust_env, follow_redirects=False) as client:
                return self._fetch(client, request, partial, begun, progress, cancelled)
        except _Overflow:
            discard(partial)
            raise
        except httpx.TimeoutException as error:
            raise Interrupted(f"{request.what} stalled because the server sent nothing for a while") from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            detail = str(error) or type(error).__name__
            raise Interrupted(f"{request.what} broke off ({detail.rstrip('.')})") from error

    def _fetch(
        self,
        client: "httpx.Client",
        request: Request,
        partial: Path,
        begun: Announcement | None,
        progress: Progress | None,
        cancelled: Cancel | None,
    ) -> Announcement:
        start = _size(partial) if begun is not None else 0
        response, announced = self._open(client, request, start)
        try:
            if start and not self._goes_on(response, announced, begun, start, request):
                start = 0
                if response.status_code in (206, 416):
                    # The rest belongs to another version, or there is no such rest: ask for everything.
                    response.close()
                    response, announced = self._open(client, request, 0)
            self._accept(response, announced, request, start)
            if self._room is not None:
                self._room(max(0, (announced.total or request.size_bytes or 0) - start))
            if start == 0:
                with disk_errors(request.what):
                    partial.unlink(missing_ok=True)
                    _write_note(partial, announced)
            return self._receive(response, announced, request, partial, start, progress, cancelled)
        finally:
            response.close()

    def _open(self, client: "httpx.Client", request: Request, start: int) -> tuple["httpx.Response", Announcement]:
        """The streaming response behind every redirect, each address checked, and what the hops announced."""
        url = request.url
        host = urlsplit(url).netloc
        linked: dict[str, str] = {}
        for _ in range(MAX_REDIRECTS + 1):
            headers = {"Accept-Encoding": "identity", "User-Agent": "lass"}
            if start:
                headers["Range"] = f"bytes={start}-"
            if request.token and urlsplit(url).netloc == host:
                headers["Authorization"] = f"Bearer {request.token}"
            response = client.send(client.build_request("GET", url, headers=headers), stream=True)
            # Hugging Face names SHA-256 and size on its own hop, before the redirect to its storage.
            for name in ("x-linked-etag", "x-linked-size"):
                if name in response.headers:
                    linked[name] = response.headers[name]
            if not response.has_redirect_location:
                return response, _announcement(response, linked)
            url = urljoin(url, response.headers["location"])
            response.close()
            self._endpoints.check(url)
        raise Refused(f"{request.what} failed because the server redirects without end")

    @staticmethod
    def _goes_on(
        response: "httpx.Response",
        announced: Announcement,
        begun: Announcement | None,
        start: int,
        request: Request,
    ) -> bool:
        """Whether the response continues the partial file, and the file is the one that was begun."""
        if response.status_code != 206 or begun is None:
            return False
        first = re.match(r"bytes (\d+)-", response.headers.get("content-range", ""))
        if first is None or int(first[1]) != start:
            return False
        # Without a tag, only a known SHA-256 could tell that two versions were joined.
        if announced.tag is None and request.sha256 is None:
            return False
        return announced.tag == begun.tag and begun.total in (None, announced.total)

    @staticmethod
    def _accept(response: "httpx.Response", announced: Announcement, request: Request, start: int) -> None:
        """Refuse every answer that is not the bytes that were asked for."""
        status, what, total = response.status_code, request.what, announced.total
        if status in (404, 410):
            raise Refused(f"{what} failed because the file is no longer at its published place (HTTP {status})")
        if status in (401, 403):
            raise Refused(f"{what} failed because the server does not allow it (HTTP {status})")
        if status in MAY_PASS:
            raise Interrupted(f"{what} failed because the server is busy (HTTP {status})")
        if status != (206 if start else 200):
            raise Refused(f"{what} failed because the server answered HTTP {status}")
        if response.headers.get("content-encoding", "identity") != "identity":
            raise Refused(f"{what} failed because the server sends it re-encoded")
        ends_itself = "chunked" in response.headers.get("transfer-encoding", "")
        if not ends_itself and total is None and request.size_bytes is None and request.sha256 is None:
            raise Refused(f"{what} was not started because the server does not say how long the file is")
        if total is not None and total != (request.size_bytes or total):
            raise Refused(
                f"{what} was not started because the server offers {total:,} bytes instead of the published "
                f"{request.size_bytes:,}"
            )
        offered = announced.digest
        if offered is not None and offered.algorithm == "sha256" and offered.value != (request.sha256 or offered.value):
            raise Refused(f"{what} was not started because the server offers another version than the published one")
        if (total or 0) > MAX_BYTES:
            raise Refused(f"{what} was not started because {in_words(total)} is more than any checkpoint needs")

    @staticmethod
    def _receive(
        response: "httpx.Response",
        announced: Announcement,
        request: Request,
        partial: Path,
        start: int,
        progress: Progress | None,
        cancelled: Cancel | None,
    ) -> Announcement:
        done, shown = start, -PROGRESS_SECONDS
        total = announced.total if announced.total is not None else request.size_bytes
        limit = total if total is not None else MAX_BYTES
        with disk_errors(request.what), partial.open("ab") as output:
            if progress is not None:
                progress(done, total)
            for block in response.iter_raw():
                if cancelled is not None and cancelled():
                    raise Cancelled(f"{request.what} was stopped; start it again to go on from {in_words(done)}.")
                if done + len(block) > limit:
                    raise _Overflow(f"{request.what} failed because the server sends more than the file holds")
                output.write(block)
                done += len(block)
                if progress is not None and time.monotonic() - shown >= PROGRESS_SECONDS:
                    shown = time.monotonic()
                    progress(done, total)
        if total is not None and done < total:
            raise Interrupted(f"{request.what} broke off at {in_words(done)} of {in_words(total)}")
        if progress is not None:
            progress(done, done)
        return announced


class _Overflow(Refused):
    """More bytes than announced: nothing in the partial file can be trusted."""


def discard(partial: Path) -> None:
    """Remove a partial file and its note, if they are there."""
    partial.unlink(missing_ok=True)
    _note(partial).unlink(missing_ok=True)


def _announcement(response: "httpx.Response", linked: dict[str, str]) -> Announcement:
    tag = linked.get("x-linked-etag") or response.headers.get("etag") or response.headers.get("last-modified")
    if tag is not None and tag.startswith("W/"):
        tag = None  # a weak tag does not promise the same bytes
    total: int | None = None
    whole = re.search(r"/(\d+)$", response.headers.get("content-range", ""))
    if response.status_code == 206 and whole is not None:
        total = int(whole[1])
    elif response.status_code == 200 and response.headers.get("content-length", "").isdigit():
        total = int(response.headers["content-length"])
    elif linked.get("x-linked-size", "").isdigit():
        total = int(linked["x-linked-size"])
    return Announcement(total, tag, _digest(linked.get("x-linked-etag"), response.headers.get("etag")))


def _digest(linked_tag: str | None, tag: str | None) -> Digest | None:
    """The checksum inside a tag: SHA-256 from Hugging Face for large files, ``md5:…`` from Zenodo."""
    if linked_tag is not None and (found := re.fullmatch(r'"?([0-9a-f]{64})"?', linked_tag.lower())):
        return Digest("sha256", found[1])
    if tag is not None and (found := re.fullmatch(r'"?md5:([0-9a-f]{32})"?', tag.lower())):
        return Digest("md5", found[1])
    return None


def _size(partial: Path) -> int:
    return partial.stat().st_size if partial.is_file() else 0


def _note(partial: Path) -> Path:
    return partial.with_name(partial.name + ".json")


def _write_note(partial: Path, announced: Announcement) -> None:
    _note(partial).write_text(json.dumps(asdict(announced)), encoding="utf-8")


def _read_note(partial: Path) -> Announcement | None:
    try:
        note = json.loads(_note(partial).read_text(encoding="utf-8"))
        digest = note["digest"]
        return Announcement(note["total"], note["tag"], None if digest is None else Digest(**digest))
    except (OSError, ValueError, KeyError, TypeError):
        return None
