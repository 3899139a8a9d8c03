"""What a recording is, which ones can be worked with, and how its name is shown."""

import operator
import os
import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np

from lass.errors import AudioError
from lass.waveforms import Waveform

SHORTEST = 0.1
"""Seconds below which there is nothing to hear."""
MOST_CHANNELS = 32
LOWEST_RATE, HIGHEST_RATE = 4_000, 768_000
"""Hertz."""
LOUDEST = 2.0**32
"""Largest magnitude of a sample. Full scale is 1, but integers kept as floats reach 2**31; beyond is damage."""


W_co = TypeVar("W_co", bound=Waveform, covariant=True)


@dataclass(frozen=True, eq=False)
class Recording(Generic[W_co]):
    """A recording, wherever it lies: ``waveform`` is float32 ``(channels, samples)``, ``sample_rate`` is in hertz."""

    waveform: W_co
    sample_rate: int

    @property
    def seconds(self) -> float:
        """Duration."""
        return self.waveform.shape[1] / self.sample_rate

    @property
    def channels(self) -> int:
        """Number of channels."""
        return int(self.waveform.shape[0])


class Audio(Recording[np.ndarray]):
    """A recording in memory."""


class Spooled(Recording[Waveform]):
    """A recording on disk."""


def check(waveform: np.ndarray, sample_rate: int) -> np.ndarray:
    """A waveform as float32 ``(channels, samples)``, when it is one that can be separated.

    Takes ``(channels, samples)`` or ``(samples,)`` of any float type; a float32 array comes back without a copy.
    Silence passes: only a file is refused for it, by :func:`lass.audio.read`.

    Raises:
        AudioError: wrong shape or type, empty, shorter than a tenth of a second, not finite, or an absurd rate.
    """
    samples = as_float32(waveform)
    rate = as_rate(sample_rate, "The recording")
    check_form(samples.shape[0], rate, "The recording")
    check_length(samples.shape[1], rate, "The recording")
    check_samples(samples, "The recording")
    return samples


def as_float32(waveform: np.ndarray | Waveform) -> np.ndarray:
    """An array of floats as float32 ``(channels, samples)``.

    Raises:
        AudioError: not one or two dimensions, or not of a float type.
    """
    try:
        samples = np.asarray(waveform)
    except ValueError:  # a list of channels that differ in length
        samples = np.empty((), object)
    if samples.ndim not in (1, 2) or not np.issubdtype(samples.dtype, np.floating):
        raise AudioError(
            "A waveform is an array of floats, full scale at 1, (channels, samples) or (samples,); convert it first."
        )
    with np.errstate(over="ignore"):  # too large a number becomes infinite, and is refused as that
        return np.atleast_2d(samples).astype(np.float32, copy=False)


def as_rate(sample_rate: int, name: str) -> int:
    """A sample rate as a whole number of hertz.

    Raises:
        AudioError: it is none.
    """
    try:
        return operator.index(sample_rate)
    except TypeError:
        raise AudioError(f"{name} has the sample rate {sample_rate!r}; give a whole number of hertz.") from None


def check_form(channels: int, rate: int, name: str) -> None:
    """Refuse channel counts and sample rates that no recording has.

    Raises:
        AudioError: with the sentence about ``name``.
    """
    if not 1 <= channels <= MOST_CHANNELS:
        raise AudioError(
            f"{name} has {channels} channels, and 1 to {MOST_CHANNELS} can be separated; mix it down first."
        )
    if not LOWEST_RATE <= rate <= HIGHEST_RATE:
        raise AudioError(
            f"{name} has a sample rate of {rate} Hz; convert it to one from {LOWEST_RATE} to {HIGHEST_RATE} Hz."
        )


def check_length(samples: int, rate: int, name: str) -> None:
    """Refuse what is too short to hear.

    Raises:
        AudioError: with the sentence about ``name``.
    """
    if samples == 0:
        raise AudioError(f"{name} holds no samples; choose a recording with sound in it.")
    if samples < SHORTEST * rate:
        raise AudioError(f"{name} lasts only {samples / rate:.3f} s; choose a recording of at least {SHORTEST} s.")


def check_samples(waveform: np.ndarray, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Lowest and highest sample of each channel, for samples that are sound numbers.

    Raises:
        AudioError: a sample is not a number, infinite, or beyond :data:`LOUDEST`.
    """
    # The extremes tell everything without a second array the size of the recording: NaN passes through both.
    lowest, highest = waveform.min(axis=1), waveform.max(axis=1)
    peak = max(float(np.max(highest)), -float(np.min(lowest)))
    if not (np.isfinite(lowest).all() and np.isfinite(highest).all()):
        raise AudioError(f"{name} holds samples that are no finite numbers; export it again from where it was made.")
    if peak > LOUDEST:
        raise AudioError(f"{name} holds samples as large as {peak:.1g}, so it is damaged; export it again.")
    return lowest, highest


def shown(path: str | os.PathLike[str]) -> str:
    """A file's own name as it may be shown: no folders, no control characters, no markup, not endless."""
    name = re.split(r"[/\\]", os.fspath(path) if not isinstance(path, Path) else str(path))[-1]
    # Control and formatting characters, halves of characters, separators of lines and paragraphs.
    unseen = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
    name = "".join(letter if unicodedata.category(letter) not in unseen else " " for letter in name[:4_000])
    name = re.sub(r"[<>&\"'`]", "_", " ".join(name.split()))
    if len(name) > 60:
        name = f"{name[:40]}…{name[-15:]}"
    return name if name.strip(". ") else "The recording"
