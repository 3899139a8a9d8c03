"""A part of a long recording: only it is separated, and the rest of the recording stays untouched.

The network hears some seconds beyond the edges, so that it judges the edges as well as the middle. At each edge the
sound that is taken away fades within the region, over :data:`FADE` seconds and with a slope that is zero at both ends,
so that nothing clicks; outside the region not one sample changes.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from lass.audio import SHORTEST
from lass.errors import AudioError
from lass.separation import Progress, Separation, Steps

CONTEXT = 2.0
"""Seconds beyond each edge that the network hears."""
FADE = 0.03
"""Seconds, within the region, over which the change comes and goes."""


class Separates(Protocol):
    """What a separator needs for a region; a Separator and an Ensemble have it."""

    def steps(self, waveform: np.ndarray, sample_rate: int, query: str) -> Steps:
        """Progress, and the separation last."""


@dataclass(frozen=True)
class Region:
    """From ``start`` to ``end`` in seconds; ``None`` is the recording's own beginning or end."""

    start: float | None = None
    end: float | None = None

    @property
    def whole(self) -> bool:
        """Whether it is all of a recording, however long."""
        return not self.start and self.end is None

    def samples(self, length: int, sample_rate: int) -> tuple[int, int]:
        """First sample and the one after the last, in a recording of ``length`` samples.

        Raises:
            AudioError: the region lies outside the recording, is turned round or too short.
        """
        seconds = length / sample_rate
        start, end = self.start or 0.0, seconds if self.end is None else self.end
        if not (np.isfinite(start) and np.isfinite(end)) or start < 0:
            raise AudioError("The part to separate has no such beginning or end; give both in seconds from 0 on.")
        if start >= seconds:
            raise AudioError(
                f"The part to separate begins at {start:g} s but the recording ends at {seconds:.1f} s; begin earlier."
            )
        end = min(end, seconds)
        if end - start < SHORTEST:
            raise AudioError(
                f"The part from {start:g} to {end:g} s is too short; end it at least {SHORTEST} s after its beginning."
            )
        return round(start * sample_rate), min(length, round(end * sample_rate))


def steps(
    separator: Separates, waveform: np.ndarray, sample_rate: int, query: str, region: Region
) -> Generator[Progress | Separation, None, None]:
    """Separate a region: the residual is what was taken from it, silent elsewhere; the target is everything else.

    So the target is the recording with nothing but the described sound left in the region. For taking the described
    sound away instead, see :func:`removing`. Raises what :meth:`lass.separation.Separator.steps` does, and
    :class:`AudioError` for a region that the recording does not have.
    """
    whole = np.asarray(waveform, np.float32)
    with closing(piece_steps(separator, whole, sample_rate, query, region)) as running:
        for step in running:
            yield keeping(whole, step, region) if isinstance(step, Separation) else step


def piece_steps(
    separator: Separates, waveform: np.ndarray, sample_rate: int, query: str, region: Region
) -> Generator[Progress | Separation, None, None]:
    """Separate the samples that :func:`heard` names; the separation has their length."""
    first, last = heard(waveform.shape[-1], sample_rate, region)
    yield from separator.steps(waveform[..., first:last], sample_rate, query)


def heard(length: int, sample_rate: int, region: Region) -> tuple[int, int]:
    """What the network hears for a region: first sample and the one after the last. Raises AudioError."""
    begin, end = region.samples(length, sample_rate)
    context = round(CONTEXT * sample_rate)
    return max(0, begin - context), min(length, end + context)


def keeping(waveform: np.ndarray, piece: Separation, region: Region) -> Separation:
    """The whole recording with only the described sound left in the region; the residual is what that took away."""
    taken = place(piece.residual, waveform, piece.sample_rate, region)
    return replace(piece, target=waveform - taken, residual=taken)


def removing(waveform: np.ndarray, piece: Separation, region: Region) -> Separation:
    """The whole recording, as residual, without the described sound in the region; the target is what that took."""
    taken = place(piece.target, waveform, piece.sample_rate, region)
    return replace(piece, target=taken, residual=waveform - taken)


def place(part: np.ndarray, waveform: np.ndarray, sample_rate: int, region: Region) -> np.ndarray:
    """A part of what :func:`heard` names at its place in a silent recording of the shape of ``waveform``, faded."""
    length = waveform.shape[-1]
    begin, end = region.samples(length, sample_rate)
    first, _ = heard(length, sample_rate, region)
    placed = np.zeros(waveform.shape, np.float32)
    placed[..., begin:end] = part[..., begin - first : end - first] * _envelope(begin, end, length, sample_rate)
    return placed


def _envelope(begin: int, end: int, length: int, sample_rate: int) -> np.ndarray:
    """1 in the middle of the region, 0 at its edges; no fade where the recording itself begins or ends."""
    fade = max(1, min(round(FADE * sample_rate), (end - begin) // 2))
    ramp = np.sin(np.linspace(0, np.pi / 2, fade, dtype=np.float32)) ** 2
    envelope = np.ones(end - begin, np.float32)
    if begin > 0:
        envelope[:fade] = ramp
    if end < length:
        envelope[-fade:] = ramp[::-1]
    return envelope
