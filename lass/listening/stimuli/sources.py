"""Where the audio of a study comes from: files, and scenes that are rendered."""

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

import numpy as np

from lass.audio import Audio, read
from lass.errors import AudioError, LassError
from lass.listening.stimuli.manifest import sha256_of
from lass.scenes import SCENES, Scene, render

PREFIX = "scene:"
RATE = 32_000
"""Hertz of a rendered scene."""
MOST_SECONDS = 120.0
"""A stimulus that is longer is no stimulus: nobody remembers its beginning."""

PRACTICE_SCENES: tuple[Scene, ...] = (
    Scene("bell-waves", "A bell by the sea", "a bell ringing",
          "bell ringing", ("sea waves",), 6.0, 2, 0.0, (0.2, 0.2)),
    Scene("clock-wind", "A clock in the wind", "a clock ticking",
          "clock ticking", ("wind blowing",), 6.0, 6, 0.0, (-0.2, -0.2)),
)  # fmt: skip
"""Scenes to practise with, which no example uses."""

_SCENES = {scene.name: scene for scene in (*SCENES, *PRACTICE_SCENES)}

Part = Literal["mixture", "target"]


@dataclass(frozen=True)
class Source:
    """The audio behind a path of a study file. ``part`` is what of a scene is meant; a file is taken whole."""

    path: str
    folder: Path
    part: Part = "mixture"

    @property
    def file(self) -> Path | None:
        """The file; None for a scene."""
        return None if self.path.startswith(PREFIX) else self.folder / self.path

    @property
    def problem(self) -> str | None:
        """What is wrong with the path, if it leads nowhere."""
        if self.file is None:
            name = self.path.removeprefix(PREFIX)
            return None if name in _SCENES else f"{name!r} is no scene; known are {', '.join(_SCENES)}"
        try:
            found = self.file.is_file()
        except (OSError, ValueError):
            found = False
        return None if found else f"leads to {self.file}, which is no file; correct the path"

    def fingerprint(self) -> str:
        """Tells whether the audio has changed. Raises LassError where there is none."""
        if self.problem:
            raise LassError(f"The path {self.path!r} {self.problem}.")
        if self.file is None:
            text = f"{_SCENES[self.path.removeprefix(PREFIX)]!r} {self.part} {RATE}"
            return hashlib.sha256(text.encode()).hexdigest()
        try:
            return sha256_of(self.file)
        except OSError as error:
            raise AudioError(f"{self.file} cannot be read ({error.strerror}); check its permissions.") from error

    def audio(self) -> Audio:
        """The audio, stereo. Raises LassError."""
        if self.file is None:
            mixture, target = _rendered(self.path.removeprefix(PREFIX))
            return Audio(target if self.part == "target" else mixture, RATE)
        audio = read(self.file, max_seconds=MOST_SECONDS)
        return Audio(stereo(audio.waveform, str(self.file)), audio.sample_rate)


@lru_cache(maxsize=8)
def _rendered(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Mixture and target of a scene; every model asks for the same few again."""
    mixture, target, _ = render(_SCENES[name], RATE)
    mixture.flags.writeable = target.flags.writeable = False
    return mixture, target


def stereo(waveform: np.ndarray, name: str) -> np.ndarray:
    """``(channels, samples)`` for two ears.

    One channel becomes two equal ones: some players sound a mono file on the left only, and measured like this mono and
    stereo stimuli are equally loud to the listener too.

    Raises:
        AudioError: there are more than two channels.
    """
    if len(waveform) > 2:
        raise AudioError(f"{name} has {len(waveform)} channels; a listening test takes mono or stereo recordings.")
    return np.repeat(waveform, 2, axis=0) if len(waveform) == 1 else waveform


__all__ = ["Source", "stereo"]
