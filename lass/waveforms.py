"""Waveforms that need not lie in memory: on disk, or computed where they are read.

All of them are read like an array, along its last axis: ``waveform[..., first:last]``. An array is one, too.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from types import EllipsisType, TracebackType
from typing import Protocol

import numpy as np

BLOCK = 2**17
"""Samples that are in memory at once where a waveform is taken from one end to the other."""


class Waveform(Protocol):
    """Float32 samples ``(channels, samples)`` or ``(samples,)``, full scale at 1."""

    @property
    def shape(self) -> tuple[int, ...]:
        """As an array's."""

    def __getitem__(self, where: tuple[EllipsisType, slice], /) -> np.ndarray:
        """Some samples of every channel, as an array."""


def spans(waveform: Waveform) -> Iterator[tuple[int, int]]:
    """First sample, and the one after the last, of blocks that make up a waveform."""
    samples = waveform.shape[-1]
    for first in range(0, samples, BLOCK):
        yield first, min(first + BLOCK, samples)


def blocks(waveform: Waveform) -> Iterator[np.ndarray]:
    """A waveform from one end to the other."""
    return (waveform[..., first:last] for first, last in spans(waveform))


def mean_square(waveform: Waveform) -> float:
    """Power, the mean over all channels and samples; at least one sample."""
    total = sum(float(np.sum(np.square(block, dtype=np.float64))) for block in blocks(waveform))
    return total / int(np.prod(waveform.shape))


def padded(waveform: Waveform, begin: int, end: int) -> np.ndarray:
    """The samples from ``begin`` up to ``end``, wherever these lie, with zeros beyond the waveform's own."""
    samples = waveform.shape[-1]
    inside = waveform[..., min(max(begin, 0), samples) : min(max(end, 0), samples)]
    before = min(max(-begin, 0), end - begin)
    after = end - begin - before - inside.shape[-1]
    return np.pad(inside, [(0, 0)] * (inside.ndim - 1) + [(before, after)])


@dataclass(frozen=True, eq=False)
class Computed:
    """A waveform that is computed where it is read; ``part`` gives samples from the first up to another."""

    shape: tuple[int, ...]
    part: Callable[[int, int], np.ndarray]

    def __getitem__(self, where: tuple[EllipsisType, slice], /) -> np.ndarray:
        """See :class:`Waveform`."""
        first, last, _ = where[1].indices(self.shape[-1])
        return self.part(first, last)


def difference(whole: Waveform, part: Waveform) -> Computed:
    """What is left of a waveform without another."""
    return Computed(whole.shape, lambda first, last: whole[..., first:last] - part[..., first:last])


def cut(waveform: Waveform, begin: int, end: int) -> Computed:
    """The samples from ``begin`` up to ``end`` as a waveform of their own."""
    shape = (*waveform.shape[:-1], end - begin)
    return Computed(shape, lambda first, last: waveform[..., begin + first : begin + last])


class Spool:
    """A waveform ``(channels, samples)`` in a file without a name, which goes when it is closed, or the process ends.

    Args:
        folder: where the file lies, on a disk rather than in memory; it is made when the first sample comes.
        channels: of the waveform.
        samples: zeros to begin with; they take no room on the disk.
    """

    def __init__(self, folder: Path, channels: int, samples: int = 0) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.channels, self.samples = channels, samples
        self._file = TemporaryFile(dir=folder)  # noqa: SIM115 - closed by `close`
        self._file.truncate(4 * channels * samples)

    @property
    def shape(self) -> tuple[int, int]:
        """Channels and samples."""
        return self.channels, self.samples

    def append(self, block: np.ndarray) -> None:
        """Add samples ``(channels, samples)`` at the end."""
        self.samples += block.shape[1]
        self[..., self.samples - block.shape[1] : self.samples] = block

    def __getitem__(self, where: tuple[EllipsisType, slice], /) -> np.ndarray:
        """See :class:`Waveform`."""
        first, last, _ = where[1].indices(self.samples)
        # Sample by sample, so that what is read lies together whatever the number of samples turns out to be.
        interleaved = np.empty((max(0, last - first), self.channels), np.float32)
        self._file.seek(4 * self.channels * first)
        # What was cut off, or never written, reads as silence.
        read = self._file.readinto(interleaved.data) // 4
        interleaved.reshape(-1)[read:] = 0
        return np.ascontiguousarray(interleaved.T)

    def __setitem__(self, where: tuple[EllipsisType, slice], block: np.ndarray, /) -> None:
        """Write samples ``(channels, samples)``."""
        first, _, _ = where[1].indices(self.samples)
        self._file.seek(4 * self.channels * first)
        self._file.write(np.ascontiguousarray(block.T, np.float32).data)

    def close(self) -> None:
        """Give the disk its room back."""
        # What was not written yet is not wanted any more, even where the disk is full.
        with contextlib.suppress(OSError):
            self._file.close()


class Scratch:
    """A folder's room for spools; leaving the context gives all of it back."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._spools: list[Spool] = []

    def spool(self, channels: int, samples: int = 0) -> Spool:
        """A new waveform on disk, of zeros."""
        spool = Spool(self.folder, channels, samples)
        self._spools.append(spool)
        return spool

    def __enter__(self) -> Scratch:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for spool in self._spools:
            spool.close()
