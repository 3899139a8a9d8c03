"""A map of which only the frames that are still needed are kept."""

import torch
from torch import Tensor


class Line:
    """Frames ``start`` to ``end`` of a map ``(1, channels, total, bins)``; who writes appends, who reads releases.

    The layout is channels-last, in which neighbouring frames are neighbours in memory: any range of frames is a view.

    Attributes:
        channels: of the map.
        bins: of the map.
        dtype: of the map.
        total: frames that there will be in all.
        start: the first frame still kept.
        end: frames written so far.
    """

    def __init__(self, channels: int, bins: int, total: int, dtype: torch.dtype) -> None:
        self.total = total
        self.start = 0
        self.end = 0
        self.channels = channels
        self.bins = bins
        self.dtype = dtype
        self._offset = 0  # the frame at the buffer's beginning
        self._buffer = self._empty(0)

    @property
    def room(self) -> int:
        """Frames that there is memory for now."""
        return self._buffer.shape[2]

    def extend(self, frames: int) -> Tensor:
        """The next ``frames`` frames, to be filled."""
        if self.end + frames - self._offset > self._buffer.shape[2]:
            self._make_room(frames)
        self.end += frames
        return self.view(self.end - frames, self.end)

    def view(self, first: int, last: int) -> Tensor:
        """Frames ``first`` to ``last``, ``(1, channels, last - first, bins)``."""
        return self._buffer[:, :, first - self._offset : last - self._offset]

    def release(self, before: int) -> None:
        """Nobody will read a frame before this one again."""
        self.start = max(self.start, min(before, self.end))

    def _make_room(self, frames: int) -> None:
        kept = self.end - self.start
        # Half as much again as is needed, so that what is kept moves seldom; but no more than will ever come.
        room = min(kept + frames + (kept + frames) // 2, self.total - self.start)
        if room > self._buffer.shape[2] or kept > self.start - self._offset:
            buffer = self._empty(max(room, kept + frames))
        else:
            buffer = self._buffer
        buffer[:, :, :kept] = self.view(self.start, self.end)
        self._buffer, self._offset = buffer, self.start

    def _empty(self, frames: int) -> Tensor:
        # Allocated as it lies in memory: for one channel or one bin torch's own idea of channels-last is ambiguous.
        return torch.empty(1, frames, self.bins, self.channels, dtype=self.dtype).permute(0, 3, 1, 2)
