"""The manifest of a built study: which audio file is what, how it was made, and the hash of its bytes.

File names are opaque, and only the manifest, which is never served, says what they hold.
"""

import hashlib
import hmac
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError

from lass.errors import LassError
from lass.listening.design.text import Frozen, Text

FILE = "manifest.json"
AUDIO = "audio"
FORMAT = 1
"""The layout of the file; a later one is refused."""

Role = Literal["system", "anchor", "reference", "trap", "practice"]
ROLES_RATED: tuple[Role, ...] = ("system", "anchor", "reference")
"""The roles whose ratings are what the study is about."""


class Clip(Frozen):
    """The audio of an item's mixture. ``gain_db`` is what was applied, ``lufs`` how loud it is now."""

    file: str = Field(pattern=r"^audio/[0-9a-f]{16,64}\.wav$")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    seconds: float
    gain_db: float
    lufs: float
    item: str
    source: str = ""


class Stimulus(Frozen):
    """One sound that is rated.

    ``id`` and ``mixture``, the id of its mixture's clip, are opaque. ``condition`` is the study's, or "anchor",
    "reference" or "trap" for the controls. ``query`` is what a rater reads. ``source`` is the fingerprint of what the
    audio was made from: as long as it stays, the file need not be made again.
    """

    id: str = Field(pattern=r"^[0-9a-f]{16,64}$")
    item: str
    condition: str
    role: Role
    mixture: str = Field(pattern=r"^[0-9a-f]{16,64}$")
    query: Text
    file: str = Field(pattern=r"^audio/[0-9a-f]{16,64}\.wav$")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    seconds: float
    gain_db: float
    lufs: float
    model: str | None = None
    checkpoint_sha256: str | None = None
    source: str = ""


class Manifest(Frozen):
    """All audio of a built study. ``built`` is an ISO time, ``secret`` what the opaque names are derived with.

    ``loudness`` is the level in LUFS that all audio was brought to: the study's own, or a lower one where a peak would
    have been clipped.
    """

    format: int = FORMAT
    study_sha256: str
    built: str
    version: str
    secret: str = Field(min_length=32, repr=False)
    loudness: float
    stimuli: tuple[Stimulus, ...]
    mixtures: dict[str, Clip]

    def stimulus(self, id: str) -> Stimulus:
        """A stimulus by its opaque id; KeyError where there is none."""
        for stimulus in self.stimuli:
            if stimulus.id == id:
                return stimulus
        raise KeyError(id)

    @property
    def files(self) -> dict[str, str]:
        """The SHA-256 of every audio file, by its path in the study's folder."""
        mixtures = {clip.file: clip.sha256 for clip in self.mixtures.values()}
        return mixtures | {stimulus.file: stimulus.sha256 for stimulus in self.stimuli}


def opaque(secret: str, kind: str, item: str, condition: str = "") -> str:
    """The name of a piece of audio: the same for the same study, and not to be guessed without its secret."""
    text = "\0".join((kind, item, condition))
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()[:32]


def load_manifest(folder: Path | str) -> Manifest:
    """The manifest of a built study.

    Raises:
        LassError: there is none, it is damaged, or a later version wrote it.
    """
    file = Path(folder) / FILE
    try:
        content = file.read_bytes()
    except OSError as error:
        raise LassError(
            f"{file} cannot be read ({error.strerror}); build the study first, with `lass study build`."
        ) from error
    try:
        manifest = Manifest.model_validate_json(content)
    except ValidationError as error:
        raise LassError(f"{file} is damaged or of another version; build the study again.") from error
    if manifest.format > FORMAT:
        raise LassError(f"{file} was written by a later version; update this one, or build the study again.")
    return manifest


def save_manifest(folder: Path | str, manifest: Manifest) -> Path:
    """Write the manifest of a built study, whole or not at all; returns the file. Raises LassError."""
    from lass.files import whole

    file = Path(folder) / FILE
    with whole(file) as out:
        out.write(manifest.model_dump_json(indent=2).encode() + b"\n")
    return file


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check(folder: Path | str) -> list[str]:
    """What is wrong with the audio of a built study, one sentence each; nothing where every byte is as it was built.

    Raises:
        LassError: the manifest cannot be read.
    """
    problems = []
    for name, expected in load_manifest(folder).files.items():
        try:
            found = sha256_of(Path(folder) / name)
        except OSError:
            problems.append(f"{name} is missing; build the study again.")
            continue
        if found != expected:
            problems.append(f"{name} was changed since it was built; build the study again.")
    return problems


__all__ = ["Clip", "Manifest", "Stimulus", "check", "load_manifest", "opaque", "save_manifest", "sha256_of"]
