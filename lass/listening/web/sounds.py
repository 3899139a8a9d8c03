"""Audio files as they were built: the bytes are checked against the manifest once, and served whole or in part."""

import hashlib
import re
import threading
from collections import OrderedDict
from pathlib import Path

from starlette.responses import Response

from lass.errors import LassError

MEMORY = 96 * 1024 * 1024
"""Bytes of audio that are kept in memory; participants of one study hear the same few files."""

_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


class DamagedSoundError(LassError):
    """A file is missing, or its bytes are not those that the manifest names."""


class Sounds:
    """Files that were read, newest last; safe to use from any number of threads."""

    def __init__(self, memory: int = MEMORY) -> None:
        self._memory = memory
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, bytes] = OrderedDict()

    def read(self, file: Path, sha256: str) -> bytes:
        """The bytes of a file.

        Raises:
            DamagedSoundError: it cannot be read, or it is not what was built: nobody is to rate something else.
        """
        with self._lock:
            if sha256 in self._kept:
                self._kept.move_to_end(sha256)
                return self._kept[sha256]
        try:
            content = file.read_bytes()
        except OSError as error:
            raise DamagedSoundError(f"{file} cannot be read ({error.strerror}); build the study again.") from error
        if hashlib.sha256(content).hexdigest() != sha256:
            raise DamagedSoundError(f"{file} was changed since it was built; build the study again.")
        with self._lock:
            self._kept[sha256] = content
            while len(self._kept) > 1 and sum(map(len, self._kept.values())) > self._memory:
                self._kept.popitem(last=False)
        return content


def sound_response(content: bytes, name: str, wanted: str | None) -> Response:
    """An answer with a WAV file, or with the one range of bytes that a Range header asks for.

    ``name`` is the address's own, which stands for these bytes for ever. It is the entity's tag too: a hash of the
    bytes would say which sounds are one and the same.
    A header with several ranges, or one that cannot be read, gets the whole, as RFC 9110 allows.
    """
    headers = {
        "Accept-Ranges": "bytes",
        "Cache-Control": "private, max-age=31536000, immutable",
        "ETag": f'"{name}"',
    }
    size = len(content)
    found = _RANGE.fullmatch(wanted.strip()) if wanted else None
    if found is None or found[1] == found[2] == "":
        return Response(content, headers=headers, media_type="audio/wav")
    if found[1] == "":
        first, last = max(0, size - int(found[2])), size - 1
    else:
        first, last = int(found[1]), min(int(found[2] or size), size - 1)
    if first > last:
        return Response(status_code=416, headers={**headers, "Content-Range": f"bytes */{size}"})
    headers["Content-Range"] = f"bytes {first}-{last}/{size}"
    return Response(content[first : last + 1], 206, headers, "audio/wav")


__all__ = ["DamagedSoundError", "Sounds", "sound_response"]
