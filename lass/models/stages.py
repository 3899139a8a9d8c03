"""The steps of a pass through a U-Net, each of which goes as far as the frames before it reach."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from lass.models.kernels import Convolution
from lass.models.line import Line
from lass.models.steering import Affine, Steered

TILE = 2**21
"""Values of the widest map of a tile, so that a tile's maps stay in the processor's caches."""


class Stage:
    """A step of a pass: takes what its inputs have and appends what comes of it to its outputs."""

    def advance(self) -> None:
        """Go as far as the inputs let it."""
        raise NotImplementedError


class Residual(Stage):
    """A residual block, and the pooling behind it if there is one."""

    def __init__(
        self, block: Steered, inputs: list[Line], output: Line, pool: tuple[int, int], pooled: Line | None
    ) -> None:
        self.block, self.inputs, self.output, self.pool, self.pooled = block, inputs, output, pool, pooled
        tile = TILE // (output.bins * max(line.channels for line in [*inputs, output]))
        self.tile = max(16, tile // pool[0] * pool[0])

    def advance(self) -> None:
        """See :meth:`Stage.advance`."""
        ready, total = min(line.end for line in self.inputs), self.output.total
        # One frame of context for each of the two convolutions, and whole cells of the pooling.
        ready = total if ready == total else max(0, ready - 2) // self.pool[0] * self.pool[0]
        while self.output.end < ready:
            first = self.output.end
            last = min(first + self.tile, ready)
            y = self.block(self.inputs, first, last, total)
            self.output.extend(last - first).copy_(y)
            if self.pooled is not None:
                small = avg_pool2d(y, self.pool)
                self.pooled.extend(small.shape[2]).copy_(small)
            for line in self.inputs:
                line.release(last - 2)


class Upsampling(Stage):
    """The decoder's transposed convolution, whose kernel is its stride: each position becomes a cell of its own."""

    def __init__(
        self, before: Affine, convolution: Convolution, factor: tuple[int, int], x: Line, output: Line
    ) -> None:
        self.before, self.convolution, self.factor, self.x, self.output = before, convolution, factor, x, output
        self.tile = max(4, TILE // (x.channels * x.bins))

    def advance(self) -> None:
        """See :meth:`Stage.advance`."""
        down, across = self.factor
        while (first := self.output.end // down) < self.x.end:
            last = min(first + self.tile, self.x.end)
            x = self.x.view(first, last)
            a = torch.empty_like(x)
            self.before(x, a)
            # (frames, bins, down, across, channels): a cell's rows go into frames of their own.
            cells = self.convolution(a).permute(0, 2, 3, 1).unflatten(3, (down, across, -1))[0]
            out = self.output.extend((last - first) * down).permute(0, 2, 3, 1)[0]
            out.unflatten(1, (x.shape[3], across)).unflatten(0, (last - first, down)).copy_(cells.transpose(1, 2))
            self.x.release(last)


class Whole(Stage):
    """A step that needs every frame at once."""

    def __init__(self, module: Callable[[Tensor], Tensor], x: Line, output: Line) -> None:
        self.module, self.x, self.output = module, x, output

    def advance(self) -> None:
        """See :meth:`Stage.advance`."""
        if self.x.end == self.x.total and self.output.end == 0:
            x = self.x.view(0, self.x.end)
            self.output.extend(self.x.end).copy_(self.module(x.float()))
            self.x.release(self.x.end)
