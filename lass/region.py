"""A part of a long recording: only it is separated, and the rest of the recording stays untouched.

The network hears some seconds beyond the edges, so that it judges the edges as well as the middle. At each edge the
sound that is taken away fades within the region, over :data:`FADE` seconds and with a slope that is zero at both ends,
so that nothing clicks; outside the region not one sample changes.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from lass.audio import SHORTEST
from lass.errors import AudioError
from lass.separation import Progress, Separation, Stream, Streams
from lass.waveforms import Computed, Scratch, Waveform, cut, difference

CONTEXT = 2.0
"""Seconds beyond each edge that the network hears."""
FADE = 0.03
"""Seconds, within the region, over which the change comes and goes."""


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
        if not (np.isfinite(start) and np.isfinite(end)) or min(start, end) < 0:
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

    def report(self, seconds: float) -> dict[str, Any]:
        """What a report says of it, for a recording of so many seconds: nothing when it is the whole."""
        if self.whole:
            return {}
        end = seconds if self.end is None else min(self.end, seconds)
        return {"part": {"start_seconds": round(self.start or 0.0, 3), "end_seconds": round(end, 3)}}


WHOLE = Region()


def heard(length: int, sample_rate: int, region: Region) -> tuple[int, int]:
    """What the network hears for a region: first sample and the one after the last. Raises AudioError."""
    begin, end = region.samples(length, sample_rate)
    context = round(CONTEXT * sample_rate)
    return max(0, begin - context), min(length, end + context)


def keeping(waveform: np.ndarray, piece: Separation, region: Region) -> Separation:
    """The whole recording with only the described sound left in the region; the residual is what that took away."""
    taken = place(piece.residual, waveform, piece.sample_rate, region)[..., :]
    return replace(piece, target=waveform - taken, residual=taken)


def removing(waveform: np.ndarray, piece: Separation, region: Region) -> Separation:
    """The whole recording, as residual, without the described sound in the region; the target is what that took."""
    taken = place(piece.target, waveform, piece.sample_rate, region)[..., :]
    return replace(piece, target=taken, residual=waveform - taken)


def stream(
    separator: Streams, waveform: Waveform, sample_rate: int, query: str, scratch: Scratch, region: Region,
    *, remove: bool = False,
) -> Stream:  # fmt: skip
    """Separate a region from disk to disk, see :meth:`lass.separation.Separator.stream`.

    What comes is what :func:`keeping` gives, or with ``remove`` what :func:`removing` does. Raises
    :class:`AudioError` for a region that the recording does not have.
    """
    first, last = heard(waveform.shape[-1], sample_rate, region)
    with closing(separator.stream(cut(waveform, first, last), sample_rate, query, scratch)) as running:
        for step in running:
            if isinstance(step, Progress):
                yield step
            elif remove:
                taken = place(step.target, waveform, sample_rate, region)
                yield replace(step, target=taken, residual=difference(waveform, taken))
            else:
                taken = place(step.residual, waveform, sample_rate, region)
                yield replace(step, target=difference(waveform, taken), residual=taken)


@dataclass(frozen=True)
class Within:
    """A separator that works on a region only: the target is silent elsewhere, and the residual everything else."""

    separator: Streams
    region: Region

    def stream(self, waveform: Waveform, sample_rate: int, query: str, scratch: Scratch) -> Stream:
        """See :meth:`lass.separation.Separator.stream`."""
        return stream(self.separator, waveform, sample_rate, query, scratch, self.region, remove=True)


def place(part: Waveform, waveform: Waveform, sample_rate: int, region: Region) -> Computed:
    """A part of what :func:`heard` names at its place in a silent recording of the shape of ``waveform``, faded."""
    length = waveform.shape[-1]
    begin, end = region.samples(length, sample_rate)
    start, _ = heard(length, sample_rate, region)
    fade = max(1, min(round(FADE * sample_rate), (end - begin) // 2))
    # Counted in samples from the edge; no fade where the recording itself begins or ends.
    edges = ([begin] if begin > 0 else []) + ([end - 1] if end < length else [])

    def placed(first: int, last: int) -> np.ndarray:
        silence = np.zeros((*waveform.shape[:-1], last - first), np.float32)
        inner, outer = max(first, begin), min(last, end)
        if inner < outer:
            samples = np.arange(inner, outer)
            envelope = np.ones(outer - inner, np.float32)
            for edge in edges:
                share = np.minimum(np.abs(samples - edge) / max(1, fade - 1), 1).astype(np.float32)
                envelope *= np.sin(np.float32(np.pi / 2) * share) ** 2
            silence[..., inner - first : outer - first] = part[..., inner - start : outer - start] * envelope
        return silence

    return Computed(waveform.shape, placed)
