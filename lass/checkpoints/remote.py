"""Published files: where each one is, how large it is, and the only addresses that are ever asked.

No network here: this file turns a publication (a Hugging Face repository or a Zenodo record) into addresses.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import PurePosixPath
from typing import Literal
from urllib.parse import quote, urlsplit

from lass.errors import ModelError

HUGGING_FACE = "https://huggingface.co"
ZENODO = "https://zenodo.org"


@dataclass(frozen=True)
class RemoteFile:
    """One published file, or one file inside a published zip archive.

    ``repo`` is ``owner/name`` on Hugging Face and the record number on Zenodo; ``path`` is the file's path in
    it. ``size_bytes`` and ``sha256`` describe what is kept in the end and are checked; leave them ``None``
    where the publisher states nothing. ``about_bytes`` is an unchecked estimate, for people and for the room
    on the disk.

    ``member`` makes ``path`` a zip archive and names the one file wanted from it, as a shell pattern that is
    matched against the base names; ``size_bytes`` and ``sha256`` then describe that member and
    ``about_bytes`` the archive. ``saved_as`` is the member's name on the disk.
    """

    kind: Literal["hf-space", "hf-model", "zenodo"]
    repo: str
    path: str
    size_bytes: int | None = None
    sha256: str | None = None
    about_bytes: int | None = None
    member: str | None = None
    saved_as: str | None = None

    @property
    def published_name(self) -> str:
        """The file's name as a browser would save it."""
        return PurePosixPath(self.path).name

    @property
    def name(self) -> str:
        """The file's name on the disk."""
        return self.saved_as or self.published_name

    @property
    def expected_bytes(self) -> int | None:
        """What a download costs, in bytes: exact where known, else an estimate, else ``None``."""
        if self.member is not None:
            return self.about_bytes or self.size_bytes
        return self.size_bytes or self.about_bytes


@dataclass(frozen=True)
class Endpoints:
    """The two hosts that are asked. ``loopback_http`` lets a test serve both from here without TLS."""

    hugging_face: str = HUGGING_FACE
    zenodo: str = ZENODO
    loopback_http: bool = False

    def url(self, file: RemoteFile) -> str:
        """The address of the file's bytes."""
        path = quote(file.path)
        if file.kind == "zenodo":
            return f"{self.zenodo.rstrip('/')}/records/{quote(file.repo)}/files/{path}?download=1"
        # A Space is a repository of its own kind, under a prefix; a model repository has none.
        prefix = "spaces/" if file.kind == "hf-space" else ""
        return f"{self.hugging_face.rstrip('/')}/{prefix}{quote(file.repo)}/resolve/main/{path}"

    def check(self, url: str) -> str:
        """The address itself, when it may be asked.

        Raises:
            ModelError: it is neither https nor, where tests allow it, plain http to this machine.
        """
        try:
            parts = urlsplit(url)
            host = parts.hostname or ""
        except ValueError:
            raise ModelError(f"The download address {url!r} cannot be read; check HF_ENDPOINT.") from None
        if parts.scheme == "https" and host:
            return url
        if parts.scheme == "http" and self.loopback_http and is_loopback(host):
            return url
        raise ModelError(
            f"The download address {_without_query(url)!r} is refused because only https is allowed; "
            "check HF_ENDPOINT, or fetch the file by hand."
        )


def page(file: RemoteFile) -> str:
    """The page a person opens to read about the file and to fetch it by hand."""
    if file.kind == "zenodo":
        return f"{ZENODO}/records/{file.repo}"
    prefix = "spaces/" if file.kind == "hf-space" else ""
    return f"{HUGGING_FACE}/{prefix}{file.repo}"


def is_loopback(host: str) -> bool:
    """Whether a host name means this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def in_words(size: int | None, *, approximate: bool = False) -> str:
    """A size for people, in decimal units as download pages state them: ``1.26 GB``, ``about 1.2 GB``."""
    if size is None:
        return "of unknown size"
    value, unit = float(size), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if value < 999.5:
            break
        value, unit = value / 1000, larger
    number = f"{value:.0f}" if unit == "B" or value >= 99.5 else f"{value:.3g}"
    return f"{'about ' if approximate else ''}{number} {unit}"


@contextmanager
def disk_errors(what: str) -> Iterator[None]:
    """Turn what the file system refuses into one sentence about ``what``.

    Raises:
        ModelError: for every ``OSError`` inside the block.
    """
    try:
        yield
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise ModelError(
            f"{what} could not be stored ({reason}); free some room on that disk or choose another folder "
            "with LASS_DATA_DIR, then start it again: what is complete so far is kept."
        ) from error


def _without_query(url: str) -> str:
    # A signed address carries its secret in the query.
    return url.split("?", 1)[0]
